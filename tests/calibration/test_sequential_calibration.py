"""How often the sequential test fails the right law, and how often it passes a wrong one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pytest
from scipy import special, stats

from grader.checks.sequential import Decision, decide

pytestmark = pytest.mark.calibration

RIGHT = (1.0, 1.0)
WRONG = {"no-mean": (0.0, 1.0), "narrow": (1.0, 0.7), "wide": (1.0, 1.5), "shifted": (1.5, 1.0)}
LEVELS = (1e-3, 1e-4)


def density(mean: float, std: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: -np.log(std) - (x - mean) ** 2 / (2 * std**2)


DENSITIES = {name: density(*law) for name, law in WRONG.items()}


def run(law: tuple[float, float], seed: int, alpha: float, beta: float) -> Decision:
    generator = np.random.default_rng(seed)

    def batches() -> Iterator[np.ndarray]:
        for _ in range(30):
            yield generator.normal(*law, 16)

    return decide(batches(), density(*RIGHT), DENSITIES, alpha=alpha, beta=beta)


class Tail(NamedTuple):
    """Probability that the right law fails, with its standard error."""

    rate: float
    error: float


def importance_sampled(alpha: float, beta: float, runs: int) -> Tail:
    """Draws from the mixture of wrong laws; a failure weighs the inverse of its ratio."""
    weights, laws = np.zeros(runs), list(WRONG.values())
    for seed in range(runs):
        decision = run(laws[seed % len(laws)], seed, alpha, beta)
        if decision.outcome == "fail":
            ratios = list(decision.log_ratios.values())
            weights[seed] = np.exp(np.log(len(laws)) - special.logsumexp(ratios))
    return Tail(float(weights.mean()), float(weights.std() / runs**0.5))


def assert_right_law_fails_as_stated(alpha: float, runs: int, tilted: int) -> None:
    """Failures lie in the 99 % interval around their rate, which lies below alpha."""
    tail = importance_sampled(alpha, 1e-6, tilted)
    assert tail.error < 0.1 * tail.rate
    assert tail.rate + 3 * tail.error < alpha
    failed = sum(run(RIGHT, seed, alpha, 1e-6).outcome == "fail" for seed in range(runs))
    low = stats.binom.ppf(0.005, runs, tail.rate - 3 * tail.error)
    high = stats.binom.ppf(0.995, runs, tail.rate + 3 * tail.error)
    print(f"alpha {alpha:g}: {failed} of {runs} failed; rate {tail.rate:.3g} +- {tail.error:.1g}")
    assert low <= failed <= high <= stats.binom.ppf(0.995, runs, alpha)


@pytest.mark.parametrize("alpha", LEVELS)
def test_the_right_law_fails_as_rarely_as_stated(alpha: float) -> None:
    assert_right_law_fails_as_stated(alpha, runs=300, tilted=300)


@pytest.mark.slow
@pytest.mark.parametrize(("alpha", "runs"), [(1e-3, 30_000), (1e-4, 100_000)])
def test_the_right_law_fails_as_rarely_as_stated_over_many_seeds(alpha: float, runs: int) -> None:
    assert_right_law_fails_as_stated(alpha, runs, tilted=10_000)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_law_passes_as_rarely_as_stated(name: str) -> None:
    passed = sum(run(WRONG[name], seed, 1e-9, 1e-2).outcome == "pass" for seed in range(150))
    assert passed <= stats.binom.ppf(0.99, 150, 1e-2)


def test_the_far_tail_is_as_thin_as_stated() -> None:
    tail = importance_sampled(1e-9, 1e-300, runs=300)
    assert tail.rate > 1e-11
    assert tail.rate + 3 * tail.error < 1e-9


@pytest.mark.parametrize("name", WRONG)
def test_every_wrong_law_is_caught_and_named(name: str) -> None:
    decisions = [run(WRONG[name], seed, 1e-9, 1e-6) for seed in range(60)]
    assert all(decision.outcome == "fail" for decision in decisions)
    assert all(decision.nearest == name for decision in decisions)
