"""A GAN of two multilayer perceptrons, differentiated by hand."""
