"""The hidden checks of these questions, as the VAE has them."""

from assignments.vae.hidden_checks import (
    kl_agrees_far_from_the_prior,
    loss_agrees_on_large_images,
    reconstruction_agrees_on_large_images,
    samples_of_any_shape_follow_the_gaussian,
)

__all__ = [
    "kl_agrees_far_from_the_prior",
    "loss_agrees_on_large_images",
    "reconstruction_agrees_on_large_images",
    "samples_of_any_shape_follow_the_gaussian",
]
