"""Denoising diffusion: the forward chain, its posterior, the loss and the way back."""
