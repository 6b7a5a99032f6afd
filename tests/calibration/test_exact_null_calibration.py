"""How often the exact-null bundle fails right samplers, and whether it misses wrong ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import special, stats

from grader.checks.exact_null import COMPONENTS, bundle, detectable

pytestmark = pytest.mark.calibration

LEVELS = (1e-2, 1e-3, 1e-4)
SHAPE = (16, 16)
EXACT = COMPONENTS[:4]


def p_values(replicates: int, seed: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    found = [bundle(generator.standard_normal(SHAPE), 1e-9).p_values for _ in range(replicates)]
    return {name: np.array([p[name] for p in found]) for name in COMPONENTS}


def assert_calibrated(replicates: int, seed: int) -> None:
    p = p_values(replicates, seed)
    # 99 % for all the intervals below together.
    tail = 0.01 / (len(LEVELS) * (len(EXACT) + 2)) / 2
    for alpha in LEVELS:
        low, high = (stats.binom.ppf(q, replicates, alpha) for q in (tail, 1 - tail))
        for name in EXACT:
            assert low <= np.sum(p[name] <= alpha) <= high, (name, alpha)
        assert np.sum(p["shape"] <= alpha) <= high
        smallest = np.min([p[name] for name in COMPONENTS], axis=0)
        assert np.sum(len(COMPONENTS) * smallest <= alpha) <= high


def test_right_samplers_fail_as_rarely_as_stated() -> None:
    assert_calibrated(20_000, seed=1)


@pytest.mark.slow
def test_right_samplers_fail_as_rarely_as_stated_over_a_million_seeds() -> None:
    assert_calibrated(1_000_000, seed=2)


def tilts(alpha: float) -> list[tuple[str, float]]:
    """Gaussian laws under which each exact test rejects about every second time."""
    rows, columns = SHAPE
    n, level = rows * columns, alpha / len(COMPONENTS)
    shift = -special.ndtri(level / 2) / n**0.5
    found = [("mean", shift), ("mean", -shift)]
    for name, degrees in (("std", n - 1), ("rows", rows), ("columns", columns)):
        law = stats.chi2(degrees)
        found += [(name, law.isf(level / 2) / degrees), (name, law.ppf(level / 2) / degrees)]
    return found


def tilted(generator: np.random.Generator, kind: str, size: float) -> np.ndarray:
    """Draws in which the mean, or the variance of all, of row sums or column sums is `size`."""
    z = generator.standard_normal(SHAPE)
    if kind == "mean":
        return z + size
    if kind == "std":
        return z * size**0.5
    axis = 1 if kind == "rows" else 0
    return z + (size**0.5 - 1) * z.mean(axis=axis, keepdims=True)


def log_ratio(z: np.ndarray, kind: str, size: float) -> float:
    """Log density of the tilted law over that of the right one."""
    if kind == "mean":
        return float(size * z.sum() - z.size * size**2 / 2)
    axis = {"std": None, "rows": 1, "columns": 0}[kind]
    sums = z if axis is None else z.sum(axis=axis) / z.shape[axis] ** 0.5
    return float(-sums.size * np.log(size) / 2 - (sums**2).sum() * (1 / size - 1) / 2)


def importance_sampled(alpha: float, draws: int) -> tuple[float, float]:
    """P(an exact test rejects a right sampler at alpha / 5), and its standard error."""
    generator, laws = np.random.default_rng(3), tilts(alpha)
    weights = np.zeros(draws)
    for i in range(draws):
        z = tilted(generator, *laws[i % len(laws)])
        if set(bundle(z, alpha).failing) & set(EXACT):
            mixture = special.logsumexp([log_ratio(z, *law) for law in laws]) - np.log(len(laws))
            weights[i] = np.exp(-mixture)
    return float(weights.mean()), float(weights.std() / draws**0.5)


@pytest.mark.parametrize("alpha", [1e-6, 1e-9])
def test_the_far_tail_is_as_thin_as_stated(alpha: float) -> None:
    # The fifth test needs no sampling: its bound is a theorem, and its share alpha / 5.
    probability, error = importance_sampled(alpha, draws=8_000)
    assert error < 0.05 * alpha
    assert 0.5 * alpha < probability
    assert probability + 3 * error + alpha / 5 < 1.1 * alpha


MISTAKES: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "variance 0.25 for std 0.5": lambda g: 0.5 * g.standard_normal((256, 16)),
    "std 15 % too wide": lambda g: 1.15 * g.standard_normal((256, 16)),
    "one draw for the batch": lambda g: np.repeat(g.standard_normal((1, 16)), 256, 0),
    "one number for a row": lambda g: np.repeat(g.standard_normal((256, 1)), 16, 1),
    # Its distribution function is nowhere further than 0.057 from the normal one.
    "uniform of variance 1": lambda g: g.uniform(-(3**0.5), 3**0.5, (1024, 16)),
    "rand for randn": lambda g: g.random((256, 16)),
    "mean off by a fifth": lambda g: g.standard_normal((256, 16)) + 0.2,
}


@pytest.mark.parametrize("name", MISTAKES)
def test_no_mistake_slips_through_at_1e9(name: str) -> None:
    generator = np.random.default_rng(4)
    assert all(bundle(MISTAKES[name](generator), 1e-9).failing for _ in range(200))


@pytest.mark.parametrize("component", ["mean", "std"])
def test_nothing_at_the_detectable_deviation_slips_through(component: str) -> None:
    generator, least = np.random.default_rng(5), detectable(64, 16, 1e-9)[component]
    for _ in range(1000):
        z = generator.standard_normal((64, 16))
        wrong = z + least if component == "mean" else z * (1 + least)
        assert component in bundle(wrong, 1e-9).failing
