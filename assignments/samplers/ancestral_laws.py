"""Laws of ancestral samples, known exactly, and how far known mistakes are from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import numpy as np

from assignments.samplers.definitions import split
from assignments.samplers.known_data import GaussianData, KnownData
from grader.checks import Array


class Law(NamedTuple):
    """Independent Gaussians with means of the shape of the samples and one deviation."""

    mean: Array
    std: float


Split: TypeAlias = Callable[[float, float], tuple[float, float]]

ONE_STEP = ((2.0, 1.0), (1.0, 0.5), (1.5, 0.25))
RUNS = ((4.0, 2.0, 1.0, 0.5), (3.0, 1.5, 0.75, 0.0))
GAUSSIAN = GaussianData(1.0, 0.5)


def right_split(sigma: float, following: float) -> tuple[float, float]:
    """Down and up as plain numbers."""
    down, up = split(sigma, following)
    return float(down.value), float(up.value)


def law_of_run(data: GaussianData, x: Array, sigmas: Sequence[float], parts: Split) -> Law:
    """The law of a whole run on Gaussian data, where every step is affine."""
    away, variance = x.astype(np.float64) - data.mean, 0.0
    for sigma, following in pairwise(sigmas):
        (down, up), kept = parts(sigma, following), data.variance / (data.variance + sigma**2)
        factor = kept + down / sigma * (1 - kept)
        away, variance = factor * away, factor**2 * variance + up**2
    return Law(data.mean + away, float(np.sqrt(variance)))


def law_of_step(data: KnownData, x: Array, sigmas: Sequence[float], parts: Split) -> Law:
    """The law of one step, on any data."""
    sigma, following = sigmas
    (down, up), clean = parts(sigma, following), data.denoised(x.astype(np.float64), sigma)
    return Law(clean + down / sigma * (x - clean), up)


def start(sigma: float, *shape: int) -> Array:
    """Data noised to a level, float32: two deviations out and a little more, to either side."""
    return np.resize(np.asarray([2.0, -2.0, 2.5, -1.5, 2.25], np.float32), shape) * np.float32(
        sigma
    )


def missing_square() -> float:
    """Relative error of the deviation where the ancestral variance has ratios without squares."""
    ratios = [1 / np.sqrt(1 + following / sigma) for sigma, following in ONE_STEP]
    return float(1 - np.sqrt(np.mean(np.square(ratios))))


def one_draw_for_all() -> float:
    """Least relative error of the deviation where all steps of a run add the same noise."""
    errors = []
    for sigmas in RUNS:
        factors, ups = [], []
        for sigma, following in pairwise(sigmas):
            down, up = right_split(sigma, following)
            kept = GAUSSIAN.variance / (GAUSSIAN.variance + sigma**2)
            factors.append(kept + down / sigma * (1 - kept))
            ups.append(up)
        parts = np.asarray([up * np.prod(factors[i + 1 :]) for i, up in enumerate(ups)])
        errors.append(parts.sum() / np.sqrt(np.sum(parts**2)) - 1)
    return float(min(errors))
