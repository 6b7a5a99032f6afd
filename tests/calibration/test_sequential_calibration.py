"""How often the sequential test fails the right law, and how often it passes a wrong one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from scipy import special, stats

from grader.checks.sequential import Decision, decide

pytestmark = pytest.mark.calibration

RIGHT = (1.0, 1.0)
WRONG = {"no-mean": (0.0, 1.0), "narrow": (1.0, 0.7), "wide": (1.0, 1.5), "shifted": (1.5, 1.0)}


def density(mean: float, std: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: -np.log(std) - (x - mean) ** 2 / (2 * std**2)


def run(law: tuple[float, float], seed: int, alpha: float, beta: float) -> Decision:
    generator = np.random.default_rng(seed)

    def batches() -> Iterator[np.ndarray]:
        for _ in range(30):
            yield generator.normal(*law, 16)

    wrong = {name: density(*parameters) for name, parameters in WRONG.items()}
    return decide(batches(), density(*RIGHT), wrong, alpha=alpha, beta=beta)


def assert_right_law_fails_rarely(runs: int) -> None:
    for alpha in (1e-2, 1e-3):
        failed = sum(run(RIGHT, seed, alpha, 1e-6).outcome == "fail" for seed in range(runs))
        assert failed <= stats.binom.ppf(0.99, runs, alpha)


def test_the_right_law_fails_as_rarely_as_stated() -> None:
    assert_right_law_fails_rarely(400)


@pytest.mark.slow
def test_the_right_law_fails_as_rarely_as_stated_over_many_seeds() -> None:
    assert_right_law_fails_rarely(20_000)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_law_passes_as_rarely_as_stated(name: str) -> None:
    passed = sum(run(WRONG[name], seed, 1e-9, 1e-2).outcome == "pass" for seed in range(150))
    assert passed <= stats.binom.ppf(0.99, 150, 1e-2)


def test_the_far_tail_is_as_thin_as_stated() -> None:
    # Drawn from the mixture of wrong laws, a failure weighs the inverse of its likelihood ratio.
    weights = []
    for seed in range(300):
        decision = run(list(WRONG.values())[seed % len(WRONG)], seed, 1e-9, 1e-300)
        mixture = special.logsumexp(list(decision.log_ratios.values())) - np.log(len(WRONG))
        weights.append(np.exp(-mixture) * (decision.outcome == "fail"))
    assert 1e-11 < np.mean(weights) + 3 * np.std(weights) / 300**0.5 < 1e-9


@pytest.mark.parametrize("name", WRONG)
def test_every_wrong_law_is_caught_and_named(name: str) -> None:
    decisions = [run(WRONG[name], seed, 1e-9, 1e-6) for seed in range(60)]
    assert all(decision.outcome == "fail" for decision in decisions)
    assert all(decision.nearest == name for decision in decisions)
