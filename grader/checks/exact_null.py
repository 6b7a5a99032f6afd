"""Tests of standard normal residuals whose laws are known exactly at every sample size.

Of a right sampler the residuals (sample - mean) / std are independent standard normal numbers. Then
sqrt(n) times their mean is normal, the sum of squares about the mean is chi-square(n - 1), the
squares of scaled row and column sums add up to chi-square, and the distance of the empirical
distribution function obeys the Dvoretzky-Kiefer-Wolfowitz bound with Massart's constant 2
(Massart 1990, corollary 1). None of this is asymptotic, so alpha = 1e-9 means 1e-9 at n = 64 too.
The five share alpha by Bonferroni's inequality.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from grader.checks.declare import Detectable
from grader.checks.expectations import as_array, expect_shape
from grader.checks.failure import CheckFailure
from grader.checks.recording import current, evidence, spend
from grader.checks.subject import Array
from grader.errors import AssignmentError

COMPONENTS = ("mean", "std", "rows", "columns", "shape")
_POWER_MISSED = 1e-6


@dataclass(frozen=True, slots=True)
class Bundle:
    """The outcome of the five tests.

    Attributes:
        alpha: shared by the five.
        p_values: by component; exact, except that `shape` is an upper bound.
    """

    alpha: float
    p_values: dict[str, float]

    @property
    def failing(self) -> tuple[str, ...]:
        """Components that reject, in the order of COMPONENTS."""
        level = self.alpha / len(COMPONENTS)
        return tuple(name for name in COMPONENTS if not self.p_values[name] > level)


def bundle(residuals: Array, alpha: float) -> Bundle:
    """Tests that residuals are independent N(0, 1).

    Args:
        residuals: shape (B, ...); rows are what is drawn together, such as one image.
        alpha: bound on the probability that a right sampler is rejected.

    Raises:
        AssignmentError: there are fewer than two numbers.
    """
    z = _matrix(residuals)
    if not np.isfinite(z).all():
        return Bundle(alpha, dict.fromkeys(COMPONENTS, 0.0))
    (rows, columns), n, centre = z.shape, z.size, z.mean()
    row_sums, column_sums = z.sum(axis=1) / columns**0.5, z.sum(axis=0) / rows**0.5
    p_values = (
        2 * special.ndtr(-abs(centre) * n**0.5),
        _chi_square(((z - centre) ** 2).sum(), n - 1),
        _chi_square((row_sums**2).sum(), rows),
        _chi_square((column_sums**2).sum(), columns),
        min(1.0, 2 * math.exp(-2 * n * _distance(z) ** 2)),
    )
    return Bundle(alpha, dict(zip(COMPONENTS, map(float, p_values), strict=True)))


def detectable(
    rows: int, columns: int, alpha: float, power: float = 1 - _POWER_MISSED
) -> dict[str, float]:
    """The smallest deviation of each kind that the bundle rejects with probability `power`.

    Exact for normal residuals of another mean, std or correlation; a guarantee for the shape.

    Returns:
        `mean` in units of std; `std` as a relative error; `rows` and `columns` as the correlation
        that all numbers of one row (or column) share, inf where none is surely seen; `shape` as the
        largest distance between the distribution functions.
    """
    n, level, missed = rows * columns, alpha / len(COMPONENTS), 1 - power
    upper, lower = _variance_ratios(n - 1, level, missed)
    return {
        "mean": float(-special.ndtri(level / 2) - special.ndtri(missed)) / n**0.5,
        "std": max(upper**0.5 - 1, 1 - lower**0.5),
        "rows": _correlation(rows, columns, level, missed),
        "columns": _correlation(columns, rows, level, missed),
        "shape": (math.log(2 / level) ** 0.5 + math.log(2 / missed) ** 0.5) / (2 * n) ** 0.5,
    }


def detects(
    shape: tuple[int, ...],
    alpha: float,
    mistakes: Mapping[str, tuple[str, float]] | None = None,
) -> Detectable:
    """The bundle's power for residuals of this shape, to be stated in `@check(detects=...)`.

    Args:
        shape: of the residuals; the first axis counts rows.
        alpha: as given to the bundle.
        mistakes: what each mistake to be caught deviates in, and by how much.
    """
    rows, columns = shape[0], math.prod(shape[1:])
    return Detectable(rows * columns, detectable(rows, columns, alpha), dict(mistakes or {}))


def expect_standard_normal(residuals: Any, *, alpha: float = 1e-9, function: str = "") -> None:
    """Demands residuals that are independent N(0, 1), with false-fail probability alpha.

    Args:
        residuals: (sample - mean) / std by the right mean and std, shape (B, ...).
        alpha: bound on the probability that a right sampler fails.
        function: the sampler; the question's function by default.

    Raises:
        CheckFailure: they are not; the message says in which way.
    """
    spend(alpha)
    z = _matrix(as_array(residuals, function))
    tested = bundle(z, alpha)
    evidence(n=z.size, alpha=alpha, p_values=tested.p_values, failing=tested.failing)
    if tested.failing:
        name = function or current().function or "code"
        raise CheckFailure(f"The samples of your {name} do not follow their law: {_teach(z)}")


def expect_normal(
    samples: Any, mean: Any, std: Any, *, alpha: float = 1e-9, function: str = ""
) -> None:
    """Demands independent samples of N(mean, std^2), with false-fail probability alpha.

    Args:
        samples: as they came from the subject.
        mean: of the shape (B, ...) that the samples must have, or broadcast to it with `std`.
        std: positive.
        alpha: bound on the probability that a right sampler fails.
        function: the sampler; the question's function by default.

    Raises:
        CheckFailure: their shape or their law is another.
    """
    centre, spread = np.broadcast_arrays(np.float64(mean), np.float64(std))
    array = as_array(samples, function)
    expect_shape(array, centre.shape, function=function)
    expect_standard_normal((array - centre) / spread, alpha=alpha, function=function)


def _matrix(residuals: Array) -> Array:
    array = np.asarray(residuals, dtype=np.float64)
    if array.size < 2:
        raise AssignmentError(f"{array.size} residuals cannot be tested; draw at least 2")
    return array.reshape(array.shape[0], -1)


def _chi_square(total: float, degrees: int) -> float:
    """Two-sided p-value of a chi-square statistic."""
    tails = special.chdtr(degrees, total), special.chdtrc(degrees, total)
    return min(1.0, 2 * float(min(tails)))


def _distance(z: Array) -> float:
    """Largest distance between the empirical distribution function and the normal one."""
    u, n = np.sort(special.ndtr(z.ravel())), z.size
    steps = np.arange(n + 1) / n
    return float(max((steps[1:] - u).max(), (u - steps[:-1]).max()))


def _variance_ratios(degrees: int, level: float, missed: float) -> tuple[float, float]:
    """Factors on the variance, above and below one, that a chi-square test surely rejects."""
    accepted_below, accepted_above = _quantiles(degrees, level / 2)
    rare_below, rare_above = _quantiles(degrees, missed)
    return accepted_above / rare_below, accepted_below / rare_above


def _quantiles(degrees: int, p: float) -> tuple[float, float]:
    return (
        2 * float(special.gammaincinv(degrees / 2, p)),
        2 * float(special.gammainccinv(degrees / 2, p)),
    )


def _correlation(sums: int, size: int, level: float, missed: float) -> float:
    """Smallest correlation within groups of `size` that the test of their `sums` surely sees."""
    if size == 1:
        return math.inf
    upper, _ = _variance_ratios(sums, level, missed)
    correlation = (upper - 1) / (size - 1)
    return correlation if correlation <= 1 else math.inf


def _teach(z: Array) -> str:
    """The plainest account of how the residuals deviate; explains a decision, never makes one."""
    if not np.isfinite(z).all():
        return "some are NaN or infinite."
    centre, spread = float(z.mean()), float(z.std())
    if spread < 1e-6:
        return "they do not vary at all, as if no noise were added."
    scaled = (z - centre) / spread
    standard = bundle(scaled, 1e-6)
    if {"rows", "columns"} & set(standard.failing):
        return _LEANINGS[max(_LEANINGS, key=lambda name: _shared(scaled, name))]
    if abs(centre) * z.size**0.5 > 6 * spread:
        return f"their mean is off by {centre:.2g} times the right standard deviation."
    if "shape" in standard.failing:
        return "mean and spread aside, they are not normal. What are they drawn from?"
    return f"their standard deviation is {spread:.3g} times the right one."


def _shared(scaled: Array, name: str) -> float:
    """Estimated correlation within rows or columns of standardised residuals."""
    axis = 1 if name == "rows" else 0
    size = scaled.shape[axis]
    variance = float((scaled.sum(axis=axis) ** 2).mean() / size)
    return float((variance - 1) / max(size - 1, 1))


_LEANINGS = {
    "columns": "within each column they all lean the same way. Is the noise shared across the "
    "batch, or the mean off?",
    "rows": "within each row they all lean the same way. Is one number drawn for a whole row?",
}
