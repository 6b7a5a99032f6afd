"""Hidden checks of the VAE: against the reference, and on images that the notebook never saw."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from assignments.vae.code_length import measure_bpd
from assignments.vae.definitions import (
    negative_log_likelihood,
    own_bounds,
    scale_of,
    single,
)
from grader.checks import (
    Array,
    Expected,
    Subject,
    as_array,
    check,
    credit,
    evidence,
    expect_all_close,
    expect_shape,
    expect_standard_normal,
    judge_by_any,
)
from grader.checks.declare import Detectable
from grader.checks.exact_null import detects
from grader.checks.figures import expect_figure
from grader.checks.measuring import benefit
from grader.checks.remembering import remembered
from reference.distributions import categorical_log_likelihood, kl_to_unit_gaussian

LATENT_SIZES = (1, 2, 7, 20, 64, 256)


def far_gaussians(seed: int) -> list[tuple[Array, Array]]:
    """Means up to 10 and standard deviations from exp(-6) to exp(2), in both precisions."""
    rng = np.random.default_rng(seed)
    made = []
    for size in LATENT_SIZES:
        mean, log_std = rng.uniform(-10, 10, (4, size)), rng.uniform(-6, 2, (4, size))
        made += [(mean.astype(dtype), log_std.astype(dtype)) for dtype in ("f4", "f8")]
    return made


@remembered
def reference_kl(mean: Array, log_std: Array) -> Expected:
    """The reference's KL in float64, with the sum of its absolute terms."""
    wide, log_scale = mean.astype(np.float64), log_std.astype(np.float64)
    value = kl_to_unit_gaussian(torch.from_numpy(wide), torch.from_numpy(log_scale)).numpy()
    # exp(2 log_std) loses as many digits as its argument is large.
    var = np.exp(2 * log_scale) * (1 + np.abs(2 * log_scale))
    scale = (wide**2 + var + 1 + np.abs(2 * log_scale)).sum(axis=-1) / 2
    return Expected(value, scale, additions=wide.shape[-1])


@check("kl", points=0.5)
def kl_agrees_far_from_the_prior(subject: Subject, seed: Callable[[str], int]) -> None:
    """The KL is right for many latent dimensions, large means and small spreads."""
    inputs = far_gaussians(seed("inputs"))
    answers = subject.map("KLD", inputs)
    expect_all_close(answers, [reference_kl(*given) for given in inputs], given=inputs)


SHAPE, ALPHA = (1024, 2, 3), 1e-9


@check(
    "reparameterization",
    points=0.5,
    alpha=ALPHA,
    detects=detects(
        SHAPE, ALPHA, {"reparam/mean-only": ("std", 1.0), "reparam/root-of-std": ("std", 0.7)}
    ),
)
def samples_of_any_shape_follow_the_gaussian(subject: Subject, seed: Callable[[str], int]) -> None:
    """Samples follow N(mean, std^2) for tensors of more than two axes, too."""
    mean = np.full(SHAPE, -3.0)
    std = np.full(SHAPE, 3.0)
    sample = as_array(subject.call("sample_reparameterize", mean, std, seed=seed("law")))
    expect_shape(sample, SHAPE)
    expect_standard_normal((sample - mean) / std, alpha=ALPHA)


def large_images(seed: int) -> list[tuple[Array, Array]]:
    """Logits and levels of the sizes that data sets have."""
    rng = np.random.default_rng(seed)
    return [
        (
            rng.normal(0, spread, (batch, 16, side, side)).astype(np.float32),
            rng.integers(0, 16, (batch, 1, side, side)),
        )
        for batch, side, spread in ((5, 8, 1.0), (3, 28, 3.0), (2, 8, 30.0))
    ]


@remembered
def reference_reconstruction(logits: Array, x: Array) -> Expected:
    """The reference's negative log-likelihood, averaged over the batch."""
    wide = torch.from_numpy(logits.astype(np.float64))
    value = -categorical_log_likelihood(wide, torch.from_numpy(x)).mean()
    return Expected(value.numpy(), negative_log_likelihood(logits, x).scale)


@check("reconstruction", points=0.5)
def reconstruction_agrees_on_large_images(subject: Subject, seed: Callable[[str], int]) -> None:
    """The reconstruction loss is right for whole images and for very confident predictions."""
    inputs = large_images(seed("inputs"))
    answers = single(subject.map("reconstruction_loss", inputs))
    expect_all_close(answers, [reference_reconstruction(*given) for given in inputs], given=inputs)


@check("elbo", points=0.25)
def loss_agrees_on_large_images(subject: Subject, seed: Callable[[str], int]) -> None:
    """The negative bound is right for whole images and twenty latent dimensions."""
    rng = np.random.default_rng(seed("latents"))
    inputs, expected = [], []
    for logits, x in large_images(seed("inputs")):
        mean, log_std = rng.normal(0, 1, (2, len(x), 20)).astype(np.float32)
        first, second = reference_reconstruction(logits, x), reference_kl(mean, log_std)
        inputs.append((logits, x, mean, log_std))
        scale = scale_of(first) + scale_of(second).mean()
        expected.append(Expected(first.value + second.value.mean(), scale))
    answers = single(subject.map("elbo_loss", inputs))
    judge_by_any(
        lambda values: expect_all_close(answers, values, given=inputs),
        expected,
        [lambda: own_bounds(subject, inputs)],
    )


# One draw of z for each of 360 digits moves an image's code by 0.11 bits per dimension; 4.9 + 4.8
# standard errors of 0.11 / sqrt(360) separate the two error rates of 1e-6.
NOISE = Detectable(n=360, deviations={"bits per dimension": 0.06})


@check("bpd-test", points=3, alpha=1e-6, detects=NOISE)
def held_out_images_are_coded_in_few_bits(
    subject: Subject, held_out: Array, question: Any, seed: Callable[[str], int], device: str
) -> None:
    """The trained model needs few bits per dimension for images that the notebook never saw."""
    rng = np.random.default_rng(seed("noise"))
    limits = question.threshold
    measured = measure_bpd(subject, held_out, rng, 1e-6, limits, device)
    value, low, high = measured
    evidence(recomputed={"bpd": measured})
    # The noise of the measurement is ours, so the student has the lower end of the interval.
    credit(
        benefit(measured, limits),
        f"Your model needs {value:.3f} bits per dimension for held-out images ({low:.3f} to "
        f"{high:.3f}). Full marks begin at {limits.full:g}, none are left at {limits.zero:g}.",
    )


@check("samples", points=1)
def samples_are_shown_as_a_grid(outputs: Sequence[Mapping[str, Any]], question: Any) -> None:
    """The notebook shows one figure with a grid of 8x8 sampled images."""
    expect_figure(outputs, question.figure)
