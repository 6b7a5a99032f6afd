"""What the checks of samplers compare with: every method written out in NumPy, float64.

A method says what the next x is made of. How rounding errors grow on the way is measured: each
step of the definition is nudged, and what becomes of the nudge by the end is the factor by which
the errors of that step count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from grader.checks import Array, Expected

_NUDGE = 1e-6

# Of few bits each, so that they are the same numbers in every precision.
LEVELS = (
    (2.0, 1.0),
    (1.0, 0.0),
    (4.0, 2.0, 1.5),
    (4.0, 2.5, 1.5, 1.25, 0.5, 0.25),
    (3.0, 2.0, 0.5, 0.25, 0.0),
)
_STARTS = (0.75, -1.25, 0.25, -0.5, 1.5, -1.0, 0.125)


class Visit(NamedTuple):
    """Data at one level, and what the model said of them."""

    x: Array
    said: Array


Model: TypeAlias = Callable[[Array, int], Array]  # called with x and the number of the step
Method: TypeAlias = Callable[[Sequence[Visit], Array, int], Expected]


def starts() -> list[tuple[Array, Array]]:
    """Data at a first level with the levels to pass, float32, simplest first."""
    shapes = ((1, 1), (3, 2), (2, 1, 2, 2))
    each = [(np.asarray(levels, np.float32), shape) for levels in LEVELS for shape in shapes]
    return [
        (np.resize(np.asarray(_STARTS, np.float32), shape) * sigmas[0], sigmas)
        for sigmas, shape in each
    ]


def expected_run(method: Method, model: Model, x: Array, levels: Array, says: str = "") -> Expected:
    """Where a method ends, with the sizes of all terms on the way as they count there."""
    wide, stops = x.astype(np.float64), levels.astype(np.float64)
    end, sizes = _follow(method, model, wide, stops)
    scale = np.abs(end)
    for step, size in enumerate(sizes):
        moved, _ = _follow(method, model, wide, stops, nudged=step)
        scale = scale + np.abs(moved - end) / _NUDGE * size
    return Expected(end, scale, says)


def _follow(
    method: Method, model: Model, x: Array, levels: Array, nudged: int | None = None
) -> tuple[Array, list[Array]]:
    seen: list[Visit] = []
    sizes: list[Array] = []
    for step in range(len(levels) - 1):
        seen.append(Visit(x, model(x, step)))
        reached = method(seen, levels, step)
        assert reached.scale is not None
        x = reached.value + (_NUDGE if step == nudged else 0.0)
        sizes.append(reached.scale)
    return x, sizes


def euler(seen: Sequence[Visit], sigmas: Array, step: int) -> Expected:
    """A straight line along the slope (x - denoised) / sigma."""
    (x, clean), share = seen[-1], sigmas[step + 1] / sigmas[step] - 1
    return Expected.of_terms([x, share * x, -share * clean], axis=None)


def multistep(order: int, weights: Callable[[Array, int, int], Expected] | None = None) -> Method:
    """Slopes of up to `order` steps, weighted; by default as the integral of their polynomial."""
    weigh = integrals if weights is None else weights

    def reach(seen: Sequence[Visit], sigmas: Array, step: int) -> Expected:
        used = min(order, step + 1)
        found = weigh(sigmas, step, used)
        assert found.scale is not None
        value, scale = seen[-1].x, np.abs(seen[-1].x)
        for back in range(used):
            (x, clean), sigma = seen[-1 - back], sigmas[step - back]
            value = value + found.value[back] * (x - clean) / sigma
            scale = scale + found.scale[back] * (np.abs(x) + np.abs(clean)) / sigma
        return Expected(value, scale)

    return reach


def integrals(sigmas: Array, step: int, order: int) -> Expected:
    """Integrals over one step of the polynomials that are 1 at one level and 0 at the others.

    The present level comes first. The scale is that of the integrals written out in powers of
    sigma, which is the most roundabout way.
    """
    return _integrals(tuple(np.asarray(sigmas, np.float64).tolist()), step, order)


@cache
def _integrals(sigmas: tuple[float, ...], step: int, order: int) -> Expected:
    levels = np.asarray(sigmas)
    start, end = levels[step], levels[step + 1]
    nodes, powers = levels[step - np.arange(order)], np.arange(order)
    # Measured from the present level in units of the step, so that nothing cancels.
    inside = ((nodes - start) / (end - start))[np.newaxis, :] ** powers[:, np.newaxis]
    value = np.linalg.solve(inside, 1 / (powers + 1)) * (end - start)
    areas = (np.abs(end) ** (powers + 1) + np.abs(start) ** (powers + 1)) / (powers + 1)
    scale = []
    for node in range(order):
        others = np.delete(nodes, node)
        coefficients = np.abs(np.atleast_1d(np.poly(others)))[::-1] / np.abs(
            np.prod(nodes[node] - others)
        )
        scale.append(np.sum(coefficients * areas))
    return Expected(value, np.asarray(scale))


def solver(seen: Sequence[Visit], sigmas: Array, step: int) -> Expected:
    """DPM-Solver++ (2M): the denoised data, extrapolated in the logarithm of the level."""
    (x, clean), kept = seen[-1], sigmas[step + 1] / sigmas[step]
    if step == 0 or kept == 0:
        return Expected.of_terms([kept * x, (1 - kept) * clean], axis=None)
    logs = -np.log(sigmas[step - 1 : step + 2])
    (behind, ahead), change = np.diff(logs), clean - seen[-2].said
    part = (1 - kept) * ahead / (2 * behind)
    value = kept * x + (1 - kept) * clean + part * change
    # Differences of logarithms are as exact as the logarithms are.
    rough = 1 + np.abs(logs).sum() * (1 + 1 / ahead + 1 / behind)
    sizes = kept * np.abs(x) + (1 - kept + part) * np.abs(clean) + part * np.abs(seen[-2].said)
    return Expected(value, rough * sizes)


def ddim(seen: Sequence[Visit], left: Array, step: int) -> Expected:
    """Back to x_0 by the predicted noise, and on to the next level with the same noise."""
    (x, noise), before, after = seen[-1], left[step], left[step + 1]
    return ddim_step(x, noise, before, after, 0.0, np.zeros_like(x))


def ddim_variance(left: Any, left_next: Any, eta: float) -> Expected:
    """eta^2 times the variance of the next x given the present one and the data.

    The present x is the next one, shrunk, plus independent noise; their covariance does the rest.
    """
    shrink = np.sqrt(left / left_next)
    of_next, of_present = 1 - left_next, 1 - left
    covariance = shrink * of_next
    value = eta**2 * (of_next - covariance**2 / of_present)
    return Expected(value, eta**2 * of_next / of_present * (1 + left / left_next))


def ddim_step(
    x: Array,
    noise: Array,
    left: Any,
    left_next: Any,
    eta: float,
    fresh: Array,
    *,
    variance: float | None = None,
) -> Expected:
    """One step of DDIM; `variance` is that of the fresh noise where it is not the right one."""
    left, left_next = np.float64(left), np.float64(left_next)
    added = float(ddim_variance(left, left_next, eta).value) if variance is None else variance
    added = max(added, 0.0)
    grown, kept = np.sqrt(left_next / left), max(1 - left_next - added, 0.0)
    terms = [grown * x, -grown * np.sqrt(1 - left) * noise, np.sqrt(kept) * noise]
    exact = Expected.of_terms([*terms, np.sqrt(added) * fresh], axis=None)
    assert exact.scale is not None
    # What is subtracted under a root keeps its absolute error.
    under_roots = sum(
        np.abs(part) / (2 * np.sqrt(size))
        for part, size in ((noise, kept), (eta * fresh, added))
        if size > 0
    )
    return Expected(exact.value, exact.scale + under_roots, "what DDIM steps to")


def split(sigma: float, following: float) -> tuple[Expected, Expected]:
    """sigma_down and sigma_up: the law of x at the next level given x at the present one.

    For data at zero, x at the present level is x at the next one plus independent noise.
    """
    covariance, of_present = following**2, sigma**2
    down, up = covariance / of_present * sigma, np.sqrt(following**2 - covariance**2 / of_present)
    scales = (following**2 / down, following**2 / up) if following > 0 else (0.0, 0.0)
    says = "what Bayes' rule says of x at the next level"
    return (
        Expected(np.asarray(down), np.asarray(scales[0]), says),
        Expected(np.asarray(up), np.asarray(scales[1]), says),
    )
