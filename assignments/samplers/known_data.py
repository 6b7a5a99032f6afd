"""Models that are known exactly; a student's sampler is given one of them as a callback.

A denoiser is called with x (B, ...) and a noise level, a noise model with x_t and timesteps; either
one for all examples or one for each. They compute in float64 and answer in the precision of x.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.checks import Array


class KnownData:
    """Denoiser of data that are, entry by entry, a mixture of two Gaussians of unequal weights.

    The centres lie no farther out than one standard deviation. Then no two points are ever
    denoised to points farther apart, and rounding errors do not grow along a trajectory.
    """

    centre, variance, half_log_odds = 0.5, 0.25, 0.25

    def __call__(self, x: Array, sigma: Any) -> Array:
        """The mean of the data given x, of the shape and precision of x."""
        with np.errstate(all="ignore"):  # x may be anything that a student's code arrives at
            return self.denoised(x.astype(np.float64), for_each(x, sigma)).astype(x.dtype)

    def denoised(self, x: Array, sigma: Any) -> Array:
        """The same in float64."""
        wide = self.variance + sigma**2
        leaning = np.tanh(self.half_log_odds + self.centre * x / wide)
        return np.asarray((self.variance * x + sigma**2 * self.centre * leaning) / wide)

    def log_density_slope(self, x: Array, sigma: Any) -> Array:
        """Derivative of the log-density of noised data by x, float64, written as such."""
        wide = self.variance + sigma**2
        up, down = (
            np.exp(sign * self.half_log_odds - (x - sign * self.centre) ** 2 / (2 * wide))
            for sign in (1, -1)
        )
        slopes = up * (self.centre - x) + down * (-self.centre - x)
        return np.asarray(slopes / wide / (up + down))


class GaussianData(KnownData):
    """Denoiser of Gaussian data, the same in every entry; of variance zero they are one point."""

    def __init__(self, mean: float, variance: float) -> None:
        self.mean = mean
        self.variance = variance

    def denoised(self, x: Array, sigma: Any) -> Array:
        """The denoised data in float64."""
        kept = self.variance / (self.variance + sigma**2) if self.variance else 0.0
        return np.asarray(self.mean + kept * (x - self.mean))

    def log_density_slope(self, x: Array, sigma: Any) -> Array:
        """Derivative of the log-density of noised data by x, float64."""
        return np.asarray((self.mean - x) / (self.variance + sigma**2))

    def flow(self, x: Array, first: float, last: float) -> Array:
        """Where the probability flow takes x from one level to another, in closed form."""
        ratio = np.sqrt((self.variance + last**2) / (self.variance + first**2))
        return np.asarray(self.mean + ratio * (x - self.mean))


class KnownNoise:
    """A noise model that depends on every entry of x_t, and on t wherever it lies."""

    def __call__(self, x_t: Array, t: Any) -> Array:
        """Predicted noise of the shape and precision of x_t."""
        with np.errstate(all="ignore"):
            return self.noise(x_t.astype(np.float64), for_each(x_t, t)).astype(x_t.dtype)

    def noise(self, x_t: Array, t: Any) -> Array:
        """The prediction in float64."""
        return np.asarray(np.tanh(x_t) / 2 + t / 16)


class NoiseOfOnePoint(KnownNoise):
    """The exact noise model of data that are all the same, on one schedule."""

    def __init__(self, point: float, left: Array) -> None:
        self.point = point
        self.left = left.astype(np.float64)

    def noise(self, x_t: Array, t: Any) -> Array:
        """The noise that leads from the point to x_t, float64."""
        index = np.asarray(t) - 1
        if not np.all((index == np.round(index)) & (index >= 0) & (index < len(self.left))):
            raise ValueError(f"t = {np.ravel(t)[0]:g}; it counts from 1 to {len(self.left)}")
        left = self.left[index.astype(int)]
        return np.asarray((x_t - np.sqrt(left) * self.point) / np.sqrt(1 - left))


def for_each(x: Array, value: Any) -> Array:
    """A level or a timestep, or one for each example, ready to broadcast over x.

    Raises:
        ValueError: it is neither.
    """
    given = np.asarray(value, np.float64)
    if given.size == 1:
        return given.reshape(())
    if given.size != len(x):
        raise ValueError(f"it has shape {given.shape} for {len(x)} examples")
    return given.reshape(-1, *[1] * (x.ndim - 1))
