from __future__ import annotations

from dataclasses import replace

import pytest

from grader.results import SubmissionResult
from grader.threshold import Threshold
from reports import metrics

THRESHOLD = Threshold(metric="bpd", full=1.75, zero=2.6)


def result(
    printed: float | None, recomputed: tuple[float, float, float] | None
) -> SubmissionResult:
    return replace(
        SubmissionResult("1", "A", "vae", "graded"),
        printed={} if printed is None else {"bpd": printed},
        recomputed={} if recomputed is None else {"bpd": recomputed},
    )


@pytest.mark.parametrize(
    ("printed", "differs"), [(1.93, False), (1.9, False), (1.91, True), (0.41, True), (2.0, True)]
)
def test_a_claim_outside_the_interval_differs_up_to_its_rounding(
    printed: float, differs: bool
) -> None:
    view = metrics.view(result(printed, (1.931, 1.927, 1.935)), "bpd", THRESHOLD)
    assert view.mismatch is differs


@pytest.mark.parametrize("printed", [1e-05, float("inf"), float("-inf")])
def test_exponents_and_infinities_are_not_taken_for_coarse_rounding(printed: float) -> None:
    assert metrics.view(result(printed, (0.3, 0.29, 0.31)), "bpd", THRESHOLD).mismatch


@pytest.mark.parametrize(
    ("printed", "flatters"), [(0.41, True), (1.7, True), (1.9, False), (2.4, False), (1.93, False)]
)
def test_a_claim_is_called_flattering_where_other_images_cannot_explain_it(
    printed: float, flatters: bool
) -> None:
    view = metrics.view(result(printed, (1.931, 1.927, 1.935)), "bpd", THRESHOLD)
    assert view.flattering is flatters


def test_where_more_is_better_a_larger_claim_flatters() -> None:
    accuracy = Threshold(metric="bpd", full=0.9, zero=0.5)
    assert metrics.view(result(0.99, (0.7, 0.69, 0.71)), "bpd", accuracy).flattering
    assert not metrics.view(result(0.5, (0.7, 0.69, 0.71)), "bpd", accuracy).flattering


def test_a_claim_that_is_no_number_differs_and_is_not_drawn() -> None:
    view = metrics.view(result(float("nan"), (1.93, 1.92, 1.94)), "bpd", THRESHOLD)
    assert view.mismatch
    assert view.plot is None


def test_marks_stand_in_the_order_of_their_values() -> None:
    plot = metrics.view(result(0.41, (1.93, 1.92, 1.94)), "bpd", THRESHOLD).plot
    assert plot is not None
    assert plot.printed is not None
    places = [plot.printed.x, plot.thresholds[0].x, plot.low, plot.value.x, plot.high]
    assert places == sorted(places)
    assert places[0] == pytest.approx(60)
    assert plot.thresholds[1].x == pytest.approx(300)


def test_labels_that_would_touch_get_rows_of_their_own() -> None:
    close = metrics.view(result(1.93, (1.93, 1.92, 1.94)), "bpd", THRESHOLD).plot
    far = metrics.view(result(0.41, (1.93, 1.92, 1.94)), "bpd", THRESHOLD).plot
    assert close is not None
    assert far is not None
    assert close.crowded
    assert not far.crowded
    assert [mark.anchor for mark in far.thresholds] == ["end", "start"]


def test_one_value_alone_can_be_drawn() -> None:
    plot = metrics.view(result(None, (2.0, 2.0, 2.0)), "bpd", None).plot
    assert plot is not None
    assert plot.low == plot.high == plot.value.x


def test_what_was_not_recomputed_has_no_drawing() -> None:
    view = metrics.view(result(1.2, None), "bpd", THRESHOLD)
    assert (view.printed, view.recomputed, view.plot, view.mismatch) == ("1.2", "", None, False)
