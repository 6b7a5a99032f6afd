"""Samplers of diffusion models, on data whose score is known exactly."""
