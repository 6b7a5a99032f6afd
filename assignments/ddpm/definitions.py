"""What the checks of diffusion compare with: definitions written out in NumPy, never the reference.

The forward chain is composed kernel by kernel and its posterior is Bayes' rule, integrated on a
grid. Timesteps count from 1; index 0 of a schedule holds t = 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from grader.checks import Array, Expected
from grader.checks.quadrature import gaussian_expectation

# Of few bits each, so that 1 - beta and alpha-bar are the same numbers in every precision.
_BETAS = ((0.25,), (0.125, 0.5), (0.0625, 0.125, 0.25, 0.5, 0.75))
_DATA = (1.0, -2.0, 0.5, 3.0, -0.75, 0.25, -1.5)
_NOISE = (0.5, 1.0, -1.25, -0.5, 2.0, -0.25, 1.5, -1.0, 0.75)  # as many as to be coprime with them


class Batch(NamedTuple):
    """Examples with their timesteps, all floating arrays of one precision.

    Attributes:
        betas: shape (T,).
        t: shape (B,), integer.
        x0: shape (B, ...).
        noise: shape (B, ...).
    """

    betas: Array
    t: Array
    x0: Array
    noise: Array

    @property
    def left(self) -> Array:
        """alpha-bar, shape (T,), in the precision of the data."""
        signal, _ = chain(self.betas)
        return (signal**2).astype(self.betas.dtype)

    @property
    def x_t(self) -> Array:
        """The noised examples, in the precision of the data."""
        return noised(self).astype(self.x0.dtype)


def schedules() -> list[Array]:
    """Betas (T,) in float32, shortest first."""
    return [np.asarray(betas, np.float32) for betas in _BETAS]


def batches() -> list[Batch]:
    """Every timestep of every schedule, simplest first; the last batches go back in time."""
    made = []
    for betas in schedules():
        forth = np.arange(1, len(betas) + 1)
        for shape, t in (((1,), forth), ((3,), forth[::-1]), ((1, 2, 2), np.tile(forth[::-1], 2))):
            size = (len(t), *shape)
            made.append(Batch(betas, t.copy(), _cycled(_DATA, size), _cycled(_NOISE, size)))
    return made


def _cycled(values: Sequence[float], shape: tuple[int, ...]) -> Array:
    return np.resize(np.asarray(values, np.float32), shape)


def chain(betas: Array) -> tuple[Array, Array]:
    """The kernels N(sqrt(1 - beta_t) x, beta_t) composed one after the other.

    Returns:
        Factor of x_0 in the mean of x_t, and variance of x_t given x_0; (T,), float64.
    """
    signal, variance = 1.0, 0.0
    signals, variances = [], []
    for beta in betas.astype(np.float64):
        signal, variance = np.sqrt(1 - beta) * signal, (1 - beta) * variance + beta
        signals.append(signal)
        variances.append(variance)
    return np.asarray(signals), np.asarray(variances)


def at(values: Array, t: Array, like: Array) -> Array:
    """The entry of a schedule for each example, shape (B, 1, ..., 1)."""
    return np.asarray(values[t - 1].reshape(-1, *[1] * (like.ndim - 1)))


def moments(batch: Batch) -> tuple[Expected, Expected]:
    """Mean and variance of x_t given x_0, both (B, ...)."""
    signal, variance = chain(batch.betas)
    says = "of the chain composed step by step"
    spread = np.broadcast_to(at(variance, batch.t, batch.x0), batch.x0.shape)
    return (
        Expected(at(signal, batch.t, batch.x0) * batch.x0, says=f"the mean {says}"),
        Expected(spread, np.ones_like(spread), f"the variance {says}"),
    )


def noised(batch: Batch) -> Array:
    """x_t in float64, from the moments of the chain."""
    mean, variance = moments(batch)
    return np.asarray(mean.value + np.sqrt(variance.value) * batch.noise)


def expected_sample(batch: Batch) -> Expected:
    """x_t with the sum of its absolute terms."""
    mean, variance = moments(batch)
    spread = _rooted(variance.value) * np.abs(batch.noise)
    return Expected(noised(batch), np.abs(mean.value) + spread, "x_t of the composed chain")


def _rooted(variance: Array) -> Array:
    """Scale of the root of what is left of one, such as 1 - alpha-bar.

    One rounding of alpha-bar moves the difference by that much, and its root by half of it over
    the root.
    """
    std = np.sqrt(variance)
    return np.asarray(std + 1 / (2 * std))


def expected_step(batch: Batch) -> Expected:
    """One kernel applied to the data as x_{t-1}."""
    beta = at(batch.betas.astype(np.float64), batch.t, batch.x0)
    kept, fresh = np.sqrt(1 - beta) * batch.x0, np.sqrt(beta) * batch.noise
    # Beta may have come back from alpha as 1 - alpha.
    scale = np.abs(kept) + _rooted(beta) * np.abs(batch.noise)
    return Expected(kept + fresh, scale, "a draw of N(sqrt(1 - beta) x, beta)")


def kl_to_prior(x0: Array, betas: Array) -> Expected:
    """E_q[log q(x_T | x_0) - log p(x_T)] by quadrature, shape (B,)."""
    signal, variance = chain(betas)
    mean = signal[-1] * x0.reshape(len(x0), -1).astype(np.float64)

    def log_ratio(z: Array, centre: Array, log_std: Array) -> Sequence[Array]:
        return [-log_std, -((z - centre) ** 2) / (2 * np.exp(2 * log_std)), z**2 / 2]

    log_std = np.full_like(mean, np.log(variance[-1]) / 2)
    says = "the expected log-ratio E_q[log q(x_T | x_0) - log p(x_T)], integrated numerically,"
    found = gaussian_expectation(log_ratio, mean, log_std, says=says)
    assert found.scale is not None
    # One rounding of alpha-bar under the logarithm of 1 - alpha-bar, for every entry.
    return Expected(found.value, found.scale + mean.shape[1] / (2 * variance[-1]), says)


def rounding(betas: Array) -> Array:
    """Growth of rounding errors in what is divided by 1 - alpha-bar, shape (T,).

    A product of t factors carries up to t roundings, and 1 - alpha-bar keeps their absolute size.
    """
    _, variance = chain(betas)
    return np.asarray(1 + 2 * np.arange(1, len(betas) + 1) / variance)


class Pair(NamedTuple):
    """Two Gaussians with full covariances: means (..., D), covariances (..., D, D)."""

    mean_a: Array
    cov_a: Array
    mean_b: Array
    cov_b: Array


def gaussian_pairs() -> list[Pair]:
    """Pairs of one, two and three dimensions in float32, uncorrelated ones first."""
    made = []
    for size in (1, 2, 3):
        unit, ramp = np.eye(size), np.arange(1.0, size + 1)
        far, wide = ramp * (-1) ** ramp / 2, np.diag(ramp + 0.5)
        tilted = unit + 0.5 * np.diag(ramp) + 0.25
        hooked = 2 * unit - 0.5 * (np.eye(size, k=1) + np.eye(size, k=-1))
        for cov_a, cov_b in (
            (unit, unit),
            (wide, unit),
            (unit, wide),
            (tilted, unit),
            (hooked, tilted),
            (tilted, hooked),
        ):
            for mean in (0 * far, far):
                parts = (mean, cov_a, 0 * far, cov_b)
                made.append(Pair(*(part.astype(np.float32) for part in parts)))
    stacked = (np.stack(parts) for parts in zip(*made[-4:], strict=True))
    return [*made, Pair(*stacked)]


def kl_of_pair(mean_a: Array, cov_a: Array, mean_b: Array, cov_b: Array) -> Expected:
    """E_a[log a - log b], shape (...): a rule of 2 D points, exact for quadratic integrands."""
    size = mean_a.shape[-1]
    wide_a, wide_b = cov_a.astype(np.float64), cov_b.astype(np.float64)
    root = np.sqrt(size) * np.linalg.cholesky(wide_a)
    steps = np.moveaxis(np.concatenate([root, -root], axis=-1), -1, 0)  # (2 D, ..., D)
    half_logs = [np.linalg.slogdet(cov)[1] / 2 for cov in (wide_b, wide_a)]
    of_a = -_squared(steps, wide_a).mean(axis=0) / 2
    of_b = _squared(steps + (mean_a.astype(np.float64) - mean_b), wide_b).mean(axis=0) / 2
    terms = [half_logs[0], -half_logs[1], of_a, of_b]
    value = np.asarray(sum(terms))
    scale = sum(np.abs(term) for term in terms) + size
    condition = np.linalg.cond(wide_a) + np.linalg.cond(wide_b)
    return Expected(value, scale * condition, "the expected log-ratio E_a[log a - log b]")


def _squared(vectors: Array, cov: Array) -> Array:
    """Squared Mahalanobis lengths of vectors (N, ..., D), shape (N, ...)."""
    solved = np.linalg.solve(
        np.broadcast_to(cov, (*vectors.shape, vectors.shape[-1])), vectors[..., None]
    )
    return np.asarray((vectors * solved[..., 0]).sum(axis=-1))
