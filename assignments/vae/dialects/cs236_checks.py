"""Checks that only the CS236 sheet asks for: densities from variances, and bounds of two models."""

from __future__ import annotations

from assignments.vae.dialects.cs236_bounds import (
    bound_is_the_sum_of_its_terms,
    bound_reconstructs,
    bound_regularises,
    importance_weights_are_averaged,
    importance_weights_hold_the_mixture,
    latents_are_samples_of_q,
    mixture_bound_has_a_sampled_kl,
    mixture_bound_is_the_sum_of_its_terms,
)
from assignments.vae.dialects.densities import (
    divergence,
    log_density,
    mixture_log_density,
    rows,
)
from assignments.vae.dialects.right_densities import LOG_NORMAL
from assignments.vae.dialects.right_ones import forgiving
from grader.checks import Subject, check, expect_all_close

__all__ = [
    "bound_is_the_sum_of_its_terms",
    "bound_reconstructs",
    "bound_regularises",
    "importance_weights_are_averaged",
    "importance_weights_hold_the_mixture",
    "latents_are_samples_of_q",
    "mixture_bound_has_a_sampled_kl",
    "mixture_bound_is_the_sum_of_its_terms",
]

VARIANCES = (1.0, 4.0, 0.25, 2.0, 0.5)
SHAPES = ((1, 1), (1, 3), (2, 1), (2, 3), (3, 3), (4, 2), (2, 2, 3), (3, 7))


@check("log-normal", points=2)
def normal_density_is_summed_over_the_last_axis(subject: Subject) -> None:
    """Log N(x; m, v) with the variance v, summed over the last axis only."""
    inputs = [
        (rows(shape, start), rows(shape, start + 2), rows(shape, start, VARIANCES))
        for shape in SHAPES
        for start in range(5)
    ]
    expected = [log_density(*given) for given in inputs]
    expect_all_close(subject.map("log_normal", inputs), expected, given=inputs)


@check("mixture", points=2.5)
@forgiving(LOG_NORMAL)
def mixture_averages_densities(subject: Subject) -> None:
    """The density of a uniform mixture is the mean of its components' densities."""
    inputs = [
        (
            rows((batch, size), start),
            rows((batch, mix, size), start + 3),
            rows((batch, mix, size), start + 1, VARIANCES),
        )
        for batch, mix, size in ((1, 1, 1), (1, 2, 1), (1, 3, 2), (2, 3, 1), (3, 2, 4), (3, 3, 3))
        for start in range(5)
    ]
    # Far from every component each density alone is below what a float can hold.
    inputs += [(z + 40, m, v) for z, m, v in inputs[-5:]]
    expected = [mixture_log_density(*given) for given in inputs]
    expect_all_close(subject.map("log_normal_mixture", inputs), expected, given=inputs)


@check("kl-normal", points=1.5)
def kl_of_variances_is_the_expected_log_ratio(subject: Subject) -> None:
    """KL(q || p) is E_q[log q(z) - log p(z)], summed over the last axis only."""
    inputs = [
        (
            rows(shape, start),
            rows(shape, start, VARIANCES),
            rows(shape, start + 3),
            rows(shape, start + 2, VARIANCES),
        )
        for shape in SHAPES
        for start in range(5)
    ]
    expected = [divergence(*given) for given in inputs]
    expect_all_close(subject.map("kl_normal", inputs), expected, given=inputs)
