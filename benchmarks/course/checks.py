"""The public checks of these questions, as the VAE has them."""

from assignments.vae.divergence_checks import (
    kl_gradient,
    kl_is_even_in_the_mean,
    kl_is_the_expected_log_ratio,
    kl_is_zero_only_at_the_prior,
)
from assignments.vae.loss_checks import (
    bpd_is_bits_over_dimensions,
    loss_is_reconstruction_plus_kl,
    loss_reaches_both_terms,
    reconstruction_is_the_log_likelihood,
    targets_come_with_or_without_a_channel,
)
from assignments.vae.reparameterization_checks import (
    gradients_reach_mean_and_std,
    noise_is_fresh,
    samples_follow_the_gaussian,
)

__all__ = [
    "bpd_is_bits_over_dimensions",
    "gradients_reach_mean_and_std",
    "kl_gradient",
    "kl_is_even_in_the_mean",
    "kl_is_the_expected_log_ratio",
    "kl_is_zero_only_at_the_prior",
    "loss_is_reconstruction_plus_kl",
    "loss_reaches_both_terms",
    "noise_is_fresh",
    "reconstruction_is_the_log_likelihood",
    "samples_follow_the_gaussian",
    "targets_come_with_or_without_a_channel",
]
