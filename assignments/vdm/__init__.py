"""Variational diffusion: signal-to-noise ratios, the weights of the loss, the three-term bound."""
