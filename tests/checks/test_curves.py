from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.assignment import LearningCurve
from grader.checks import CheckFailure
from grader.checks.curves import MOST_POINTS, Curve, expect_curve, from_files, from_history, unmet

BPD = LearningCurve(metric="bpd")
UNTRAINED_FIRST = LearningCurve(
    metric="bpd", first_epoch=0, levels=16, near=0.2, below=((2, 2.0), (80, 1.3))
)
LOG = (Path(__file__).parent / "logs" / "events.out.tfevents.0").read_bytes()


@pytest.mark.parametrize(
    "history",
    [
        [3.0, 2.5],
        (3.0, 2.5),
        np.array([3.0, 2.5], np.float32),
        [np.array(3.0), np.array([2.5])],
        {"loss": [200.0, 150.0], "bpd": [3.0, 2.5]},
        {"train_bpd": [1.0, 0.5], "val_bpd": [3.0, 2.5]},
        {"val bpd": [9.0, 9.5, 9.9], "test bpd": [3.0, 2.5]},
        [{"epoch": 1, "bpd": 3.0}, {"epoch": 2, "bpd": 2.5}],
        [{"step": 1, "loss": 3.0}, {"step": 2, "bpd": 3.0}, {"step": 3, "bpd": 2.5}],
    ],
    ids=str,
)
def test_a_history_is_read_in_the_ways_that_students_keep_one(history: Any) -> None:
    curve = from_history(history, BPD)
    assert curve == Curve((1, 2), (3.0, 2.5), "history")


@pytest.mark.parametrize(
    "history",
    [None, 3.0, [], "3.0", {"loss": [1.0]}, {"mybpd": [1.0]}, ["a"], [True], {"bpd": "no"}],
    ids=str,
)
def test_what_is_no_curve_of_the_metric_gives_none(history: Any) -> None:
    assert from_history(history, BPD) is None


def test_the_last_value_of_an_epoch_counts() -> None:
    rows = [{"epoch": e, "bpd": v} for e, v in [(0, 4.0), (0, 3.5), (1, 3.0), (1, 2.0)]]
    curve = from_history(rows, BPD)
    assert curve is not None
    assert curve.values == (3.5, 2.0)


@pytest.mark.parametrize("first", [0, 1, 7])
def test_epochs_between_those_that_were_logged_count(first: int) -> None:
    rows = [{"epoch": first + e, "bpd": 4.0 - e / 10} for e in (0, 5, 10)]
    curve = from_history(rows, UNTRAINED_FIRST)
    assert curve is not None
    assert curve.epochs == (0, 5, 10)
    # Two epochs were never logged, so nobody asks what was reached after them.
    assert unmet(curve, UNTRAINED_FIRST) == []


@pytest.mark.parametrize(
    "epochs",
    [(0, 0.5, 1), (2, 1, 0), (0, math.nan, 1), (0, math.inf, 5), (0, 1, 1e300)],
)
def test_what_numbers_no_epochs_is_counted(epochs: tuple[float, ...]) -> None:
    rows = [{"epoch": epoch, "bpd": 3.0 - i} for i, epoch in enumerate(epochs)]
    curve = from_history(rows, UNTRAINED_FIRST)
    assert curve is not None
    assert (curve.epochs, curve.values) == ((0, 1, 2), (3.0, 2.0, 1.0))


def test_an_event_file_is_read_by_its_tags() -> None:
    curve = from_files({"runs/a/events.out.tfevents.0": LOG}, UNTRAINED_FIRST)
    assert curve is not None
    assert curve.epochs == (0, 1, 2)
    assert curve.values == pytest.approx((4.01, 1.75, 1.5))
    assert curve.source == "events.out.tfevents.0"


@pytest.mark.parametrize(
    "text",
    [
        "epoch,step,train_loss,val_bpd\n0,99,210.5,\n0,99,,3.0\n1,199,150.0,\n1,199,,2.5\n",
        "epoch,bpd,loss\r\n0,3.0,1\r\n1,2.5,1\r\n",
        "bpd\n3.0\n2.5\n",
    ],
    ids=["lightning", "keras", "a column"],
)
def test_a_csv_logger_is_read(text: str) -> None:
    files = {"roster.csv": b"name,id\nAda,1\n", "logs/metrics.csv": text.encode()}
    assert from_files(files, BPD) == Curve((1, 2), (3.0, 2.5), "metrics.csv")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\0", b'"' * 1000, b"bpd\n" + b"x" * 200_000])
def test_a_csv_that_is_none_gives_none(content: bytes) -> None:
    assert from_files({"a.csv": content}, BPD) is None


def test_a_curve_is_kept_to_a_bounded_length() -> None:
    curve = from_history([1.0] * (MOST_POINTS + 5), BPD)
    assert curve is not None
    assert len(curve.values) == len(curve.epochs) == MOST_POINTS


def curve(*values: float) -> Curve:
    return Curve(tuple(range(len(values))), values, "history")


def test_a_curve_as_expected_passes() -> None:
    expect_curve(curve(4.02, 2.2, 1.9), UNTRAINED_FIRST)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ((2.1, 2.0, 1.9), "about 4; your curve begins at 2.1"),
        ((math.nan, 2.0, 1.9), "about 4; your curve begins at nan"),
        ((4.0, 3.0, 2.0), "After 2 epochs bpd should be below 2; your curve is at 2"),
        ((4.0, 3.0, math.nan), "After 2 epochs"),
    ],
)
def test_a_curve_that_shows_something_else_fails(values: tuple[float, ...], says: str) -> None:
    with pytest.raises(CheckFailure, match=says):
        expect_curve(curve(*values), UNTRAINED_FIRST)


def test_epochs_that_were_never_run_are_not_asked_for() -> None:
    assert unmet(curve(4.0, 3.0), UNTRAINED_FIRST) == []


def test_no_curve_fails_where_one_is_asked_for() -> None:
    with pytest.raises(CheckFailure, match="No learning curve of bpd"):
        expect_curve(None, UNTRAINED_FIRST)
