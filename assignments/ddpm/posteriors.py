"""The way back by Bayes' rule, integrated on a grid, for the checks to compare with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from assignments.ddpm.definitions import at, chain, rounding
from grader.checks import Array, Expected

# In standard deviations of what is integrated: sums over half-steps give a Gaussian's moments to
# exp(-8 pi^2), and exp(-50) is left out on either side.
_GRID = np.linspace(-10, 10, 41)


def bayes(x0: Array, x_t: Array, t: Array, betas: Array) -> tuple[Expected, Expected]:
    """Mean and variance of x_{t-1} under q(x_t | x_{t-1}) q(x_{t-1} | x_0), integrated on a grid.

    At t = 1 they are x_0 itself and zero. All arrays but `t` and `betas` have shape (B, ...).
    """
    signals, variances = chain(betas)
    signal, variance = np.r_[1.0, signals[:-1]], np.r_[0.0, variances[:-1]]
    beta = at(betas.astype(np.float64), t, x0)
    centre, std = at(signal, t, x0) * x0, np.sqrt(at(variance, t, x0))

    def log_joint(z: Array) -> Array:  # at x_{t-1} = centre + std z, but for a constant
        step = x_t - np.sqrt(1 - beta) * centre - np.sqrt(1 - beta) * std * z
        return np.asarray(-(step**2) / (2 * beta) - z**2 / 2)

    middle, width = _peak(log_joint, np.zeros(np.shape(x_t)))
    z = middle + width * _GRID.reshape(-1, *[1] * x0.ndim)  # (points, B, ...)
    densities = log_joint(z)
    weights = np.exp(densities - densities.max(axis=0))
    weights /= weights.sum(axis=0)
    shift = (weights * (z - middle)).sum(axis=0)
    spread = std**2 * (weights * (z - middle - shift) ** 2).sum(axis=0)
    mean = centre + std * (middle + shift)
    growth = at(rounding(betas), t, x0)
    # The last term is the integration's own: it rounds at the width of what it integrates.
    size = np.abs(x0) + np.abs(x_t) + np.sqrt(spread)
    return (
        Expected(mean, growth * size, "the mean by Bayes' rule"),
        Expected(
            spread, np.broadcast_to(growth * beta, spread.shape), "the variance by Bayes' rule"
        ),
    )


def bayes_variance(betas: Array) -> Expected:
    """Variance of x_{t-1} given x_t and x_0 at every t, shape (T,)."""
    ones = np.ones((len(betas), 1), np.float32)
    _, variance = bayes(ones, ones, np.arange(1, len(betas) + 1), betas)
    assert variance.scale is not None
    return Expected(variance.value[:, 0], variance.scale[:, 0], variance.says)


def _peak(log_density: Callable[[Array], Array], zero: Array) -> tuple[Array, Array]:
    """Where a Gaussian log density is largest, and its width there: from three of its values."""
    below, here, above = (log_density(zero + offset) for offset in (-1.0, 0.0, 1.0))
    curvature = 2 * here - below - above
    return (above - below) / (2 * curvature), 1 / np.sqrt(curvature)


def predicted_x0(x_t: Array, noise: Array, t: Array, betas: Array) -> Expected:
    """The x_0 from which `noise` leads to x_t, shape (B, ...)."""
    signal, variance = chain(betas)
    kept, std = at(signal, t, x_t), np.sqrt(at(variance, t, x_t))
    # 1 / alpha-bar - 1 under a root loses as many digits as 1 - alpha-bar is small.
    scale = (np.abs(x_t) + np.abs(noise) * (std + 1 / std)) / kept
    return Expected((x_t - std * noise) / kept, scale, "the x_0 that leads to x_t with this noise")


def predicted_mean(x_t: Array, noise: Array, t: Array, betas: Array) -> Expected:
    """Mean of x_{t-1} given x_t and the x_0 that the noise implies, by Bayes' rule."""
    mean, spread = bayes(predicted_x0(x_t, noise, t, betas).value, x_t, t, betas)
    kept = np.sqrt(1 - at(betas.astype(np.float64), t, x_t))
    size = (np.abs(x_t) + np.abs(noise)) / kept + np.sqrt(spread.value)
    scale = at(rounding(betas), t, x_t) * size
    return Expected(mean.value, scale, "the mean of x_{t-1} by Bayes' rule")
