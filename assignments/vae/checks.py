"""Public checks of the VAE: each decides by definition, so students may have them.

Nothing of the reference is used: expectations are integrated numerically, likelihoods are written
out in NumPy, and samplers are judged by the exact laws of their residuals. The files that this
gathers hold one topic of the sheet each.
"""

from __future__ import annotations

from assignments.vae.ancestral_checks import (
    latents_are_draws_of_the_prior,
    pixels_are_drawn_from_their_distributions,
    samples_are_levels,
)
from assignments.vae.bound_checks import (
    bound_never_exceeds_the_evidence,
    gap_is_the_divergence_from_the_posterior,
)
from assignments.vae.divergence_checks import (
    examples_are_small_and_large,
    gaussian_kl_is_the_log_ratio,
    kl_gradient,
    kl_is_even_in_the_mean,
    kl_is_the_expected_log_ratio,
    kl_is_zero_only_at_the_prior,
)
from assignments.vae.figure_checks import (
    manifold_shows_means,
    manifold_walks_the_percentiles,
    pair_shows_means,
    pair_walks_the_percentiles,
)
from assignments.vae.loss_checks import (
    bpd_is_bits_over_dimensions,
    loss_is_reconstruction_plus_kl,
    loss_reaches_both_terms,
    reconstruction_is_the_log_likelihood,
    targets_come_with_or_without_a_channel,
)
from assignments.vae.monte_carlo_checks import (
    estimate_is_the_log_of_the_mean,
    latents_come_from_the_prior,
)
from assignments.vae.reparameterization_checks import (
    gradients_reach_mean_and_std,
    noise_is_fresh,
    samples_follow_the_gaussian,
)

__all__ = [
    "bound_never_exceeds_the_evidence",
    "bpd_is_bits_over_dimensions",
    "estimate_is_the_log_of_the_mean",
    "examples_are_small_and_large",
    "gap_is_the_divergence_from_the_posterior",
    "gaussian_kl_is_the_log_ratio",
    "gradients_reach_mean_and_std",
    "kl_gradient",
    "kl_is_even_in_the_mean",
    "kl_is_the_expected_log_ratio",
    "kl_is_zero_only_at_the_prior",
    "latents_are_draws_of_the_prior",
    "latents_come_from_the_prior",
    "loss_is_reconstruction_plus_kl",
    "loss_reaches_both_terms",
    "manifold_shows_means",
    "manifold_walks_the_percentiles",
    "noise_is_fresh",
    "pair_shows_means",
    "pair_walks_the_percentiles",
    "pixels_are_drawn_from_their_distributions",
    "reconstruction_is_the_log_likelihood",
    "samples_are_levels",
    "samples_follow_the_gaussian",
    "targets_come_with_or_without_a_channel",
]
