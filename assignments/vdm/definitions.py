"""What the checks of variational diffusion compare with: definitions in NumPy, no reference.

The forward chain is composed kernel by kernel, its posterior is the product of two Gaussians, and
divergences are expected log-ratios. Timesteps count from 1; index 0 of a schedule holds t = 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from grader.checks import Array, Expected
from grader.checks.quadrature import gaussian_expectation

# Of few bits each, so that 1 - beta and alpha-bar are the same numbers in every precision.
_BETAS = ((0.25, 0.5), (0.5, 0.125, 0.25), (0.0625, 0.125, 0.25, 0.5, 0.75))
_DATA = (1.0, -2.0, 0.5, 3.0, -0.75, 0.25, -1.5)
_GUESSES = (0.5, 1.0, -1.25, -0.5, 2.0, -0.25, 1.5, -1.0, 0.75)  # coprime with them in number
VARIANCES = (1.0, 0.25, 4.0)  # of decoders; their roots are exact, too


class Batch(NamedTuple):
    """Examples with their timesteps and a guess at each of them, in one precision.

    Attributes:
        betas: shape (T,).
        t: shape (B,), integer, from 1 to T.
        x0: shape (B, ...).
        guess: shape (B, ...).
    """

    betas: Array
    t: Array
    x0: Array
    guess: Array

    @property
    def left(self) -> Array:
        """alpha-bar, shape (T,), in the precision of the data."""
        signal, _ = chain(self.betas)
        return (signal**2).astype(self.betas.dtype)


def schedules() -> list[Array]:
    """Betas (T,) in float32, shortest first."""
    return [np.asarray(betas, np.float32) for betas in _BETAS]


def lefts() -> list[Array]:
    """alpha-bar of each schedule, (T,) in float32."""
    return [batch.left for batch in batches()[::3]]


def batches(first: int = 1) -> list[Batch]:
    """Timesteps from `first` on of every schedule, simplest first; the last go back in time."""
    made = []
    for betas in schedules():
        forth = np.arange(first, len(betas) + 1)
        for shape, t in (((1,), forth), ((3,), forth[::-1]), ((1, 2, 2), np.tile(forth[::-1], 2))):
            size = (len(t), *shape)
            made.append(Batch(betas, t.copy(), cycled(_DATA, size), cycled(_GUESSES, size)))
    return made


def cycled(values: Sequence[float], shape: tuple[int, ...]) -> Array:
    """An array filled with the values, over and over."""
    return np.resize(np.asarray(values, np.float32), shape)


def noises(shape: tuple[int, ...]) -> Array:
    """Noise for every timestep and entry, float32."""
    return cycled(_GUESSES[::-1], shape)


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


def betas_of(left: Array) -> Array:
    """The betas whose chain leaves alpha-bar, (T,), float64."""
    wide = left.astype(np.float64)
    return np.asarray(1 - wide / np.r_[1.0, wide[:-1]])


def size_of(expected: Expected) -> Array:
    """The sum of absolute terms of an expected value."""
    assert expected.scale is not None
    return expected.scale


def ratio(left: Array) -> Expected:
    """Signal-to-noise ratio of the chain at every timestep, (T,)."""
    signal, variance = chain(betas_of(left))
    power = signal**2
    # 1 - alpha-bar is off by one rounding of alpha-bar.
    return Expected(power / variance, power / variance**2, "the signal's power over the noise's")


def ratio_of_gaussian(mean: Array, cov: Array) -> Expected:
    """||mean||^2 over the expected squared length of the noise, (...), by points on its ellipsoid.

    The points, plus and minus the columns of a root of the covariance times sqrt(D), have the
    moments of the noise; D of them on each side.
    """
    root = np.linalg.cholesky(cov.astype(np.float64)) * np.sqrt(cov.shape[-1])
    noise = (root**2).sum(axis=-2).mean(axis=-1)
    power = (mean.astype(np.float64) ** 2).sum(axis=-1)
    return Expected(power / noise, says="the power of the mean over that of the noise")


def ratio_of_image(x0: Array, t: Array, left: Array) -> Expected:
    """Signal-to-noise ratio of every image at its own timestep, (B,)."""
    signal, variance = chain(betas_of(left))
    image = x0.reshape(len(x0), -1).astype(np.float64)
    power = (signal[t - 1] ** 2) * (image**2).sum(axis=1)
    noise = variance[t - 1] * image.shape[1]
    says = "the power of the image's mean over that of its noise"
    return Expected(power / noise, power / noise / variance[t - 1], says)


def posterior(betas: Array) -> tuple[Array, Array]:
    """q(x_{t-1} | x_t, x_0) as the product of q(x_{t-1} | x_0) and the likelihood of x_t.

    Returns:
        Weight of x_0 in its mean, and its variance, for t = 2 to T; (T - 1,), float64.
    """
    signal, variance = (part[:-1] for part in chain(betas))
    beta = betas.astype(np.float64)[1:]
    precision = 1 / variance + (1 - beta) / beta
    return signal / variance / precision, 1 / precision


def weights(left: Array) -> Expected:
    """KL between the posteriors of two x_0 that are one apart, t = 2 to T, (T - 1,)."""
    shift, variance = posterior(betas_of(left))

    def log_ratio(z: Array, _: Array, __: Array) -> Sequence[Array]:
        away = (z - shift[:, np.newaxis]) ** 2 / (2 * variance[:, np.newaxis])
        return [away, -(z**2) / (2 * variance[:, np.newaxis])]

    log_std = np.log(variance)[:, np.newaxis] / 2
    value = gaussian_expectation(log_ratio, np.zeros_like(log_std), log_std).value
    # As a difference of two ratios it carries the rounding of either.
    rounding = size_of(ratio(left))
    says = "the KL between the posteriors of two x_0 that are one apart"
    return Expected(value, (rounding[:-1] + rounding[1:]) / 2, says)


def weights_of_betas(betas: Array) -> Expected:
    """The same from betas, whose product carries up to t roundings and a constant few."""
    signal, _ = chain(betas)
    right = weights(signal**2)
    assert right.scale is not None
    growth = np.arange(2, len(betas) + 1)
    return Expected(right.value, growth * right.scale, right.says)


def half_lost(ratios: Array) -> Array:
    """Half of what a ratio loses in each step, (T - 1,)."""
    return np.asarray((ratios[:-1] - ratios[1:]) / 2)


def squared_error(x0: Array, guess: Expected) -> tuple[Array, Array]:
    """Squared error summed over each example's entries, and its scale, (B,)."""
    assert guess.scale is not None
    error = (x0 - guess.value) ** 2
    size = (np.abs(x0) + guess.scale) ** 2  # whoever expands the square sums these
    return error.reshape(len(x0), -1).sum(axis=1), size.reshape(len(x0), -1).sum(axis=1)


def consistency(x0: Array, guess: Expected, t: Array, left: Array) -> Expected:
    """KL of the posterior given x_0 to the one given the guess, (B,).

    Args:
        x0: shape (B, ...).
        guess: shape (B, ...).
        t: from 2 to T, shape (B,).
        left: alpha-bar, shape (T,).
    """
    return weighted_error(x0, guess, t, weights(left))


def weighted_error(x0: Array, guess: Expected, t: Array, weight: Expected) -> Expected:
    """The squared error of each example times the weight of its t, (B,); t = 2 comes first."""
    error, size = squared_error(x0, guess)
    assert weight.scale is not None
    says = "the KL between the posteriors given x_0 and given the prediction"
    return Expected(weight.value[t - 2] * error, weight.scale[t - 2] * size, says)


def log_density(x0: Array, guess: Expected, variance: float) -> Expected:
    """Logarithm of N(x_0; guess, variance), summed over each example's entries, (B,)."""
    error, size = squared_error(x0, guess)
    entries = x0[0].size
    constant = entries * np.log(2 * np.pi * variance) / 2
    logs = entries * (np.log(2 * np.pi) + np.abs(np.log(variance))) / 2
    says = "the log-density of x_0 under the decoder"
    return Expected(-error / (2 * variance) - constant, size / (2 * variance) + logs, says)


def prior_kl(x0: Array, left: Array) -> Expected:
    """E_q[log q(x_T | x_0) - log p(x_T)] by quadrature, (B,)."""
    signal, variance = chain(betas_of(left))
    mean = signal[-1] * x0.reshape(len(x0), -1).astype(np.float64)

    def log_ratio(z: Array, centre: Array, log_std: Array) -> Sequence[Array]:
        return [-log_std, -((z - centre) ** 2) / (2 * np.exp(2 * log_std)), z**2 / 2]

    log_std = np.full_like(mean, np.log(variance[-1]) / 2)
    right = gaussian_expectation(log_ratio, mean, log_std)
    assert right.scale is not None
    says = "the KL of q(x_T | x_0) to the prior"
    # Under the logarithm 1 - alpha-bar is off by one rounding of alpha-bar.
    return Expected(right.value, right.scale + mean.shape[1] / variance[-1], says)


def noised(x0: Array, noise: Array, left: Array) -> Expected:
    """x_1 to x_T, (T, B, ...), in float64."""
    signal, variance = (part.reshape(-1, *[1] * x0.ndim) for part in chain(betas_of(left)))
    terms = signal * x0.astype(np.float64), np.sqrt(variance) * noise
    scale = np.abs(terms[0]) + np.abs(terms[1]) / variance
    return Expected(terms[0] + terms[1], scale)
