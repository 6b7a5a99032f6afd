from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from grader.assignment import Assignment, load
from grader.errors import AssignmentError
from grader.threshold import Threshold

PLAIN: dict[str, Any] = {"metric": "bpd", "full": 2.0, "zero": 3.0}


@pytest.mark.parametrize(
    ("figure", "share"), [(-1, 1), (2, 1), (2.25, 0.75), (3, 0), (9, 0), (float("nan"), 0)]
)
def test_the_plain_scale_is_linear_between_full_and_zero(figure: float, share: float) -> None:
    assert Threshold(**PLAIN).share(figure) == pytest.approx(share)


def test_more_may_be_better() -> None:
    accuracy = Threshold(metric="accuracy", full=0.9, zero=0.5)
    found = [accuracy.share(x) for x in (0.4, 0.5, 0.8, 0.95, float("nan"))]
    assert found == pytest.approx([0, 0, 0.75, 1, 0])


def test_a_scale_may_fall_in_pieces() -> None:
    scale = Threshold(**PLAIN, between=((2.2, 0.9), (2.6, 0.2)))
    assert scale.corners == (2.0, 2.2, 2.6, 3.0)
    assert [scale.share(x) for x in (2.1, 2.2, 2.4, 2.8)] == pytest.approx([0.95, 0.9, 0.55, 0.1])


RUNS: Any = (
    {"data_set": "fashion-mnist", "full": 1.5, "zero": 2.5},
    {"data_set": "fashion-mnist", "epochs": 2, "full": 2.0, "zero": 2.8},
    {"data_set": "mnist", "epochs": 80, "device": "cuda", "full": 0.55, "zero": 0.9},
)


@pytest.mark.parametrize(
    ("data_set", "epochs", "device", "full"),
    [
        ("digits", 2, "cpu", 2.2),
        ("fashion-mnist", None, "cpu", 1.5),
        ("fashion-mnist", 10, "cpu", 1.5),
        ("fashion-mnist", 2, "cpu", 2.0),
        ("mnist", 80, "cpu", 2.2),
        ("mnist", 80, "cuda", 0.55),
    ],
)
def test_the_scale_that_states_most_of_a_run_counts(
    data_set: str, epochs: int | None, device: str, full: float
) -> None:
    threshold = Threshold(metric="bpd", full=2.2, zero=3.0, when=RUNS)
    found = threshold.on({"data_set": data_set, "epochs": epochs, "device": device})
    assert found.full == full
    assert found.when == ()


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"zero": 2.0}, "same figure"),
        ({"between": ((1.9, 0.5),)}, "lie between"),
        ({"between": ((2.5, 0.5), (2.5, 0.4))}, "only once"),
        ({"between": ((2.3, 0.2), (2.5, 0.5))}, "fall from 1"),
        ({"between": ((2.5, 1.5),)}, "fall from 1"),
        ({"when": ({"full": 1.0, "zero": 2.0},)}, "states no"),
        ({"when": ({"device": "tpu", "full": 1.0, "zero": 2.0},)}, "'cpu' or 'cuda'"),
        (
            {
                "when": (
                    {"data_set": "mnist", "full": 1.0, "zero": 2.0},
                    {"device": "cuda", "full": 1.1, "zero": 2.0},
                )
            },
            "two scales for the same run",
        ),
        ({"when": (RUNS[0], RUNS[0])}, "two scales for the same run"),
    ],
)
def test_a_scale_that_leaves_a_doubt_is_refused(changed: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Threshold(**(PLAIN | changed))


def test_a_scale_for_both_settles_which_of_two_counts() -> None:
    both: Any = {"data_set": "mnist", "device": "cuda", "full": 0.9, "zero": 2.0}
    one, other = ({name: both[name], "full": 1.0, "zero": 2.0} for name in ("data_set", "device"))
    scales: Any = (one, other, both)
    threshold = Threshold(**PLAIN, when=scales)
    run = {"data_set": "mnist", "device": "cuda", "epochs": None}
    assert threshold.on(run).full == 0.9


TOML = """
title = "T"
parameters = { epochs = 2 }
data = { default = "digits", accepts = ["mnist"] }
[[question]]
id = "bpd"
title = "Bits"
points = 1
[question.threshold]
metric = "bpd"
full = 2.0
zero = 3.0
[[question.threshold.when]]
data_set = "mnist"
epochs = 2
full = 0.7
zero = 1.0
"""


def written(folder: Any, toml: str) -> Assignment:
    (folder / "assignment.toml").write_text(toml, "utf-8")
    return load(folder)


def test_an_assignment_has_one_scale_once_data_and_epochs_are_known(tmp_path: Any) -> None:
    assignment = written(tmp_path, TOML)
    scales = [assignment.on(data, "cpu").questions[0].threshold for data in ("digits", "mnist")]
    assert [scale and scale.full for scale in scales] == [2.0, 0.7]


def test_a_scale_for_an_unknown_data_set_is_the_authors_error(tmp_path: Any) -> None:
    with pytest.raises(AssignmentError, match=r"question 'bpd', threshold: 'mnits' is no data set"):
        written(tmp_path, TOML.replace('data_set = "mnist"', 'data_set = "mnits"'))
