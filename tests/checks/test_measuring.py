from __future__ import annotations

import numpy as np
import pytest

from grader.checks.measuring import FIRST, Interval, benefit, decided, until_decided
from grader.checks.recording import Recorder, recording
from grader.threshold import Threshold

LIMITS = Threshold(metric="bpd", full=2.0, zero=3.0)
MORE_IS_BETTER = Threshold(metric="accuracy", full=0.9, zero=0.5)


class Known:
    """A figure whose interval shrinks as a root of what was drawn."""

    def __init__(self, value: float, reach: float) -> None:
        self.value, self.reach = value, reach
        self.drawn: list[int] = []
        self.alphas: list[float] = []

    def add(self, chosen: np.ndarray) -> None:
        self.drawn += chosen.tolist()

    def interval(self, alpha: float) -> Interval:
        self.alphas.append(alpha)
        reach = self.reach * (FIRST / len(self.drawn)) ** 0.5
        return Interval(self.value, self.value - reach, self.value + reach)


def drawn_for(value: float, reach: float, count: int) -> Known:
    known = Known(value, reach)
    until_decided(known, count, LIMITS, np.random.default_rng(0), 1e-6)
    return known


@pytest.mark.parametrize("value", [1.0, 4.0])
def test_a_figure_far_from_every_threshold_takes_the_first_part_only(value: float) -> None:
    assert len(drawn_for(value, 0.5, 10_000).drawn) == FIRST


@pytest.mark.parametrize("value", [1.9, 2.1, 2.9, 3.1])
def test_more_data_are_drawn_until_the_threshold_is_on_one_side(value: float) -> None:
    # A reach of 0.3 has to come below 0.1: nine times the data, so sixteen, in whole doublings.
    # Between the thresholds it has to fall to 0.025, which no part of the data gives.
    known = drawn_for(value, 0.3, 10_000)
    between = 2 < value < 3
    assert len(known.drawn) == (10_000 if between else 16 * FIRST)


def test_a_figure_on_the_threshold_takes_all_data_each_once() -> None:
    known = drawn_for(2.0, 0.3, 1000)
    assert sorted(known.drawn) == list(range(1000))


def test_looks_share_alpha() -> None:
    assert drawn_for(2.0, 0.3, 10_000).alphas == pytest.approx([1e-6 / 6] * 6)
    assert drawn_for(2.0, 0.3, FIRST).alphas == [1e-6]
    assert drawn_for(2.0, 0.3, 5).alphas == [1e-6]


def test_how_much_was_drawn_is_evidence() -> None:
    with recording(Recorder()) as recorder:
        drawn_for(2.6, 0.15, 5000)
    assert recorder.facts == {"images": 5000, "held_out": 5000}


def test_between_thresholds_a_narrow_interval_is_enough() -> None:
    assert decided(Interval(2.5, 2.48, 2.52), LIMITS)
    assert not decided(Interval(2.5, 2.4, 2.6), LIMITS)


@pytest.mark.parametrize(
    ("low", "high", "ends"),
    [(1.0, 2.0, True), (1.9, 2.01, False), (2.99, 3.01, False), (3.0, 9.0, True)],
)
def test_an_interval_may_touch_a_threshold_but_not_hold_it(
    low: float, high: float, ends: bool
) -> None:
    assert decided(Interval((low + high) / 2, low, high), LIMITS) is ends


def test_the_student_gets_the_better_end() -> None:
    assert benefit(Interval(2.05, 1.95, 2.15), LIMITS) == 1
    assert benefit(Interval(0.6, 0.55, 0.7), MORE_IS_BETTER) == pytest.approx(0.5)
