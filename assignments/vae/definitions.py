"""What the VAE's checks compare with: definitions written out in NumPy, never the reference."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from scipy import special

from grader.checks import (
    Array,
    Expected,
    Subject,
    as_array,
    ladder,
    like,
)
from grader.checks.quadrature import gaussian_expectation
from grader.checks.remembering import remembered

LEVELS = 16
LOG_RATIO = "the expected log-ratio E_q[log q(z) - log p(z)], integrated numerically,"

Scalar: TypeAlias = Array | float
# Logits (B, 16, H, W), levels (B, 1, H, W), mean and log_std (B, D).
LossInputs: TypeAlias = tuple[Array, Array, Array, Array]


def scale_of(expected: Expected) -> Array:
    """The sum of absolute terms that an expected value is judged by."""
    assert expected.scale is not None
    return expected.scale


def kl_of_two(mu_q: Scalar, var_q: Scalar, mu_p: Scalar, var_p: Scalar) -> Expected:
    """E_q[log q(z) - log p(z)] of univariate Gaussians, one at every entry, by quadrature."""
    mean_q, variance_q, mean_p, variance_p = (
        np.asarray(number, np.float64)[..., None] for number in (mu_q, var_q, mu_p, var_p)
    )
    unit = np.zeros(np.broadcast_shapes(mean_q.shape, variance_q.shape))

    def log_ratio(noise: Array, _: Array, __: Array) -> Sequence[Array]:
        from_p = mean_q - mean_p + np.sqrt(variance_q) * noise
        log_q = (-0.5 * np.log(variance_q), -(noise**2) / 2)
        return [*log_q, 0.5 * np.log(variance_p), from_p**2 / (2 * variance_p)]

    # Over the noise of z = mean + std * noise, as for the slopes below.
    return gaussian_expectation(log_ratio, unit, unit, says=LOG_RATIO)


@remembered
def kl_to_prior(mean: Array, log_std: Array) -> Expected:
    """E_q[log q(z) - log p(z)] for p the unit Gaussian, by quadrature."""
    centre, log_width = np.asarray(mean, np.float64), np.asarray(log_std, np.float64)
    width, unit = np.exp(log_width), np.zeros(np.broadcast_shapes(centre.shape, log_width.shape))

    def log_ratio(noise: Array, _: Array, __: Array) -> Sequence[Array]:
        return [-log_width, -(noise**2) / 2, (centre + width * noise) ** 2 / 2]

    # Over the noise of z = mean + std * noise, as for the slopes below.
    return gaussian_expectation(log_ratio, unit, unit, says=LOG_RATIO)


@remembered
def kl_slopes(mean: Array, log_std: Array) -> list[Expected]:
    """Derivatives of the KL by mean and log_std: E_q of the score times the log-ratio."""
    centre, log_width = (np.asarray(part, np.float64)[..., None] for part in (mean, log_std))
    width, prior = np.exp(log_width), np.zeros_like(centre)

    def slope(score: Callable[[Array], Array]) -> Expected:
        # Over the noise of z = mean + std * noise: (z - mean) / std would lose its digits where
        # the mean is many std away from zero.
        def terms(noise: Array, _: Array, __: Array) -> Sequence[Array]:
            z = centre + width * noise
            return [score(noise) * term for term in (-log_width, -(noise**2) / 2, z**2 / 2)]

        return gaussian_expectation(terms, prior, prior)

    return [slope(lambda noise: noise / width), slope(lambda noise: noise**2 - 1)]


def image_batches() -> list[tuple[Array, Array]]:
    """Logits (B, 16, H, W) and levels (B, 1, H, W), simplest first."""
    rng = np.random.default_rng(20)
    flat = np.zeros((2, LEVELS, 2, 2), np.float32), np.zeros((2, 1, 2, 2), np.int64)
    made = [flat, (flat[0], flat[1] + 5), (flat[0] + 3, flat[1] + LEVELS - 1)]
    for batch, height, width, largest in ((2, 2, 3, 2), (3, 2, 4, 4), (4, 5, 3, 4), (2, 3, 4, 40)):
        quarters = rng.integers(-4 * largest, 4 * largest, (batch, LEVELS, height, width))
        levels = rng.integers(0, LEVELS, (batch, 1, height, width))
        made.append(((quarters / 4).astype(np.float32), levels))
    return made


@remembered
def negative_log_likelihood(logits: Array, x: Array) -> Expected:
    """-log p(x | z), summed over pixels and averaged over the batch, written out."""
    lengths, scales = _code_lengths(logits, x)
    return Expected(
        np.asarray(lengths.sum() / len(logits)),
        np.asarray(scales.sum() / len(logits)),
        "-log p(x | z) in nats, summed over the pixels and averaged over the batch,",
    )


def _code_lengths(logits: Array, x: Array) -> tuple[Array, Array]:
    """-log p(x | z) of every image and the sum of its absolute terms, both (B,)."""
    wide = logits.astype(np.float64)
    levels = x.reshape(-1, 1, *wide.shape[2:])  # of one image for all logits, or of one for each
    chosen = np.take_along_axis(wide, levels, axis=1)[:, 0]
    evidence_of_pixel = special.logsumexp(wide, axis=1)
    scale = np.abs(chosen) + np.abs(evidence_of_pixel) + math.log(LEVELS)
    return (evidence_of_pixel - chosen).sum(axis=(1, 2)), scale.sum(axis=(1, 2))


@remembered
def likelihood_slope(logits: Array, x: Array) -> Expected:
    """Derivative of the reconstruction loss by the logits."""
    levels = x.reshape(len(x), 1, *logits.shape[2:])
    hit = np.arange(LEVELS).reshape(1, LEVELS, 1, 1) == levels
    probabilities = special.softmax(logits.astype(np.float64), axis=1)
    # exp(logit - max) loses as many digits as the logits are large.
    rounding = probabilities * (1 + np.abs(logits).max()) + hit
    return Expected((probabilities - hit) / len(x), rounding / len(x))


@functools.cache
def loss_inputs() -> Sequence[LossInputs]:
    """Logits, levels, mean and log_std, simplest first."""
    gaussians = {g.mean.shape: g for g in ladder.gaussians() if g.mean.all() and g.log_std.all()}
    zeros = np.zeros((2, 3), np.float32)
    made = []
    for logits, x in image_batches()[1:6]:
        batch = len(logits)
        mean, log_std = (np.resize(part, (batch, 3)) for part in gaussians[(3, 3)])
        made += [
            (logits, x, np.resize(a, (batch, 3)), np.resize(b, (batch, 3)))
            for a, b in ((zeros, zeros), (mean, zeros), (mean, log_std))
        ]
    return tuple(made)


@remembered
def negative_bound(logits: Array, x: Array, mean: Array, log_std: Array) -> Expected:
    """Reconstruction plus KL, averaged over the batch, by definition."""
    first, second = negative_log_likelihood(logits, x), kl_to_prior(mean, log_std)
    return Expected(
        first.value + second.value.mean(),
        scale_of(first) + scale_of(second).mean(),
        "the negative bound by definition",
    )


def own_bounds(subject: Subject, inputs: Sequence[LossInputs]) -> list[Expected]:
    """What each bound would be if the student's own two terms were right.

    A mistake in a term costs its points once, where the term is asked for.
    """
    losses = subject.map("reconstruction_loss", [given[:2] for given in inputs])
    divergences = subject.map("KLD", [given[2:] for given in inputs])
    bounds = []
    for given, loss, divergence in zip(inputs, losses, divergences, strict=True):
        reconstruction, kl = as_array(loss), as_array(divergence).astype(np.float64)
        value = reconstruction.astype(np.float64).mean() + kl.mean()
        scale = scale_of(negative_bound(*given)) + np.abs(reconstruction).mean() + np.abs(kl).mean()
        bounds.append(Expected(value, scale))
    return bounds


def single(answers: Sequence[object]) -> list[object]:
    """Answers of one number each, without the axis of length one that some keep."""
    return [a.reshape(()) if isinstance(a, np.ndarray) and a.shape == (1,) else a for a in answers]


def averaged(slopes: Sequence[Expected], batch: int) -> list[Expected]:
    """The slopes of a mean over the batch, from those of its sum."""
    return [Expected(slope.value / batch, scale_of(slope) / batch) for slope in slopes]


def own_slopes(subject: Subject, given: LossInputs) -> list[Expected]:
    """The gradient of the student's own two terms, by logits, mean and log_std.

    Raises:
        SubjectError: they have none.
    """
    logits, x, mean, log_std = given
    _, (by_logits,) = subject.gradient("reconstruction_loss", logits, x, wrt=(0,))
    kl, slopes = subject.gradient("KLD", mean, log_std, wrt=(0, 1))
    right = zip(slopes, kl_slopes(mean, log_std), strict=True)
    own = averaged([like(slope, expected) for slope, expected in right], as_array(kl).size)
    return [like(by_logits, likelihood_slope(logits, x)), *own]


def sample_slopes(sample: Array, mean: Array, std: Array) -> list[Expected]:
    """Derivatives of a sample by mean and std: one, and the noise that the sample shows."""
    wide = sample.astype(np.float64)
    noise = (wide - mean) / std
    scale = (np.abs(wide) + np.abs(mean)) / std + np.abs(noise)
    return [Expected(np.ones(mean.shape)), Expected(noise, scale)]


def bits_per_dimension(nats: Array, shape: Sequence[int]) -> Expected:
    """Code lengths (B,) of images of shape (B, C, H, W), in bits for each value."""
    bits = nats.astype(np.float64) / math.log(2) / math.prod(shape[1:])
    return Expected(bits, says="the same length in bits, per value of the image,")


def log_mean_likelihood(x: Array, logits: Array) -> Expected:
    """Logarithm of the mean of p(x | z) over samples of z.

    Args:
        x: levels of one image, shape (1, 1, H, W).
        logits: of every sample, float32, shape (S, 16, H, W).

    Returns:
        Shape (1,), nats.
    """
    lengths, scales = _code_lengths(logits, x)
    value = special.logsumexp(-lengths) - math.log(len(lengths))
    scale = scales.max() + math.log(len(lengths))
    says = "the logarithm of the mean of p(x | z) over the latents that your code drew"
    return Expected(np.atleast_1d(value), np.atleast_1d(scale), says)
