"""What two calls under one seed prove about a sampler, without any statistics.

A sampler y = a x + b eps called at +x and -x with the same noise gives a x as half the
difference and b eps as half the sum. That proves a to rounding, at every entry, from two calls.
Where the two calls did not use their noise alike, it proves nothing and fails nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from grader.checks.expectations import as_array
from grader.checks.expected import Expected, precision
from grader.checks.subject import Array
from grader.errors import SubjectError


@dataclass(frozen=True, slots=True)
class Coupling:
    """Two coupled calls taken apart.

    Attributes:
        mean: a x, shape of the sample, float64.
        noise: b eps, shape of the sample, float64.
        rounding: error of both that rounding explains, shape of the sample.
        point: the input x.
    """

    mean: Array
    noise: Array
    rounding: Array
    point: Array

    @property
    def coefficient(self) -> Array:
        """The mean's coefficient a at every entry."""
        return np.asarray(self.mean / self.point)

    def proves(self, mean: Expected) -> bool:
        """Whether the mean is what it should be; False says nothing at all."""
        if self.mean.shape != np.shape(mean.value):
            return False
        tolerance = mean.tolerance(np.dtype(np.float32)) + self.rounding
        return bool(np.all(np.abs(self.mean - mean.value) <= tolerance))


@dataclass(frozen=True, slots=True)
class Replayed:
    """The noise part explained by a known draw.

    Attributes:
        coefficient: the noise's coefficient b for each row, shape (B,).
        residual: largest part of a row that the draw leaves unexplained, shape (B,).
    """

    coefficient: Array
    residual: Array

    def exact(self, tolerance: float = 1e-5) -> bool:
        """Whether the draw is the one that the code used; False says nothing at all."""
        return bool(np.all(self.residual <= tolerance * np.maximum(np.abs(self.coefficient), 1e-6)))


def mean_coefficient(sample: Callable[[Array], Any], point: Array) -> Coupling | None:
    """Takes a sampler apart by calling it at `point` and at `-point`.

    Args:
        sample: calls the student's sampler, each time with the same seed.
        point: input without zeros; large entries (16) sharpen the proof.

    Returns:
        None where the answers are not arrays of one floating shape: the next step decides.
    """
    point = np.asarray(point)
    try:
        above, below = as_array(sample(point)), as_array(sample(-point))
    except SubjectError:
        return None
    if above.shape != below.shape or above.dtype.kind != "f" or below.dtype.kind != "f":
        return None
    above_wide, below_wide = above.astype(np.float64), below.astype(np.float64)
    unit = float(np.finfo(precision(above, [point])).eps) / 2
    rounding = 2 * unit * (np.abs(above_wide) + np.abs(below_wide))
    mean, noise = (above_wide - below_wide) / 2, (above_wide + below_wide) / 2
    return Coupling(mean, noise, rounding, point.astype(np.float64))


def replay(noise: Array, draw: Array) -> Replayed:
    """Projects the noise part on the draw that canonical code would have made under the seed.

    Args:
        noise: b eps, shape (B, ...).
        draw: eps, of the same shape.
    """
    rows, eps = noise.reshape(len(noise), -1), np.asarray(draw, np.float64).reshape(len(draw), -1)
    coefficient = (rows * eps).sum(axis=1) / (eps**2).sum(axis=1)
    residual = np.abs(rows - coefficient[:, np.newaxis] * eps).max(axis=1)
    return Replayed(coefficient, residual)
