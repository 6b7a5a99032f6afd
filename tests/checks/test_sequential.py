from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from scipy import stats

from grader.checks import CheckFailure
from grader.checks.sequential import decide, expect_law


def normal(mean: float, std: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda batch: stats.norm.logpdf(batch, mean, std)


WRONG = {"no-mean": normal(0, 1), "twice-the-noise": normal(1, 2)}


def batches(mean: float, std: float, count: int = 200, seed: int = 1) -> Iterator[np.ndarray]:
    generator = np.random.default_rng(seed)
    return (generator.normal(mean, std, 16) for _ in range(count))


def test_the_right_law_passes_once_every_wrong_one_is_excluded() -> None:
    decision = decide(batches(1, 1), normal(1, 1), WRONG)
    assert decision.outcome == "pass"
    assert all(ratio <= np.log(1e-6) for ratio in decision.log_ratios.values())


@pytest.mark.parametrize(("mean", "std", "name"), [(0, 1, "no-mean"), (1, 2, "twice-the-noise")])
def test_a_wrong_law_fails_and_is_the_nearest(mean: float, std: float, name: str) -> None:
    decision = decide(batches(mean, std), normal(1, 1), WRONG)
    assert decision.outcome == "fail"
    assert decision.nearest == name


def test_too_few_batches_leave_it_undecided_and_pass() -> None:
    assert decide(batches(1, 1, count=1), normal(1, 1), WRONG).outcome == "undecided"
    expect_law(batches(1, 1, count=1), normal(1, 1), WRONG)


def test_no_more_batches_are_drawn_than_needed() -> None:
    source = batches(1, 1)
    decision = decide(source, normal(1, 1), WRONG)
    assert decision.n + sum(len(rest) for rest in source) == 200 * 16


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_draws_that_are_impossible_fail_at_once(value: float) -> None:
    assert decide([np.array([value])], normal(1, 1), WRONG).outcome == "fail"


def test_a_failure_speaks_of_the_law_and_not_of_the_formula() -> None:
    with pytest.raises(CheckFailure, match="your q_sample do not follow their law") as caught:
        expect_law(batches(0, 1), normal(1, 1), WRONG, function="q_sample")
    assert caught.value.evidence["nearest_law"] == "no-mean"
