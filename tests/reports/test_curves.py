from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from grader.assignment import Assignment
from grader.results import ClaimedCurve, Provenance, SubmissionResult
from reports import curves

RUNS = {
    "data_set": "digits",
    "device": "cpu (1 thread)",
    "seeds": [0, 1],
    "runs": [
        {"seed": 0, "test_bpd": [4.0, 3.0, 2.0, 1.9], "train_bpd": [4.0, 2.9, 1.9, 1.8]},
        {"seed": 1, "test_bpd": [4.1, 2.8, 2.2, 1.8], "train_bpd": [4.0, 2.9, 1.9, 1.8]},
    ],
}


@pytest.fixture
def assignment(tmp_path: Path) -> Assignment:
    (tmp_path / "curves").mkdir()
    (tmp_path / "curves" / "digits.json").write_text(json.dumps(RUNS), "utf-8")
    return Assignment(title="T", question=(), folder=tmp_path)


def result(*values: float | None, unmet: tuple[str, ...] = ()) -> SubmissionResult:
    curve = ClaimedCurve(tuple(range(len(values))), values, "history", unmet)
    where = Provenance(data_set="digits")
    return replace(
        SubmissionResult("1", "A", "t", "graded", provenance=where), curves={"bpd": curve}
    )


def points(path: str) -> list[tuple[float, float]]:
    found = re.findall(r"[ML]([\d.]+) ([\d.]+)", path)
    return [(float(x), float(y)) for x, y in found]


def test_the_band_holds_the_lowest_and_the_highest_run(assignment: Assignment) -> None:
    band = curves.reference(assignment.folder, "digits", "bpd")
    assert band is not None
    assert band.low == (4.0, 2.8, 2.0, 1.8)
    assert band.high == (4.1, 3.0, 2.2, 1.9)
    assert band.runs == 2


def test_the_longest_run_goes_on_where_the_others_end(tmp_path: Path) -> None:
    (tmp_path / "curves").mkdir()
    runs = [{"test_bpd": [4.0, 3.0, 2.5]}, {"test_bpd": [4.1, 2.9]}]
    stored = json.dumps({"device": "cpu", "runs": runs})
    (tmp_path / "curves" / "mnist.json").write_text(stored, "utf-8")
    band = curves.reference(tmp_path, "mnist", "bpd")
    assert band is not None
    assert band.low == (4.0, 2.9, 2.5)
    assert band.high == (4.1, 3.0, 2.5)


def test_a_curve_like_the_references_lies_in_its_band(assignment: Assignment) -> None:
    view = curves.view(result(4.05, 2.9, 2.1), assignment, "bpd")
    assert view is not None
    assert view.reference == "2 runs of the reference, on cpu (1 thread)"
    assert view.said == "4.05 at epoch 0, 2.1 at epoch 2"
    assert view.drawing is not None
    drawn, band = points(view.drawing.curve), points(view.drawing.band)
    upper, lower = band[:3], band[:2:-1]
    assert [x for x, _ in drawn] == [x for x, _ in upper] == [x for x, _ in lower]
    for (_, y), (_, top), (_, bottom) in zip(drawn, upper, lower, strict=True):
        assert top < y < bottom, "up is less on a page"


def test_axes_have_round_numbers_inside_of_the_drawing(assignment: Assignment) -> None:
    view = curves.view(result(4.05, 2.9, 2.1), assignment, "bpd")
    assert view is not None
    assert view.drawing is not None
    assert [tick.text for tick in view.drawing.x] == ["0", "1", "2"]
    heights = [tick.at for tick in view.drawing.y]
    assert heights == sorted(heights, reverse=True)
    assert 12 <= heights[-1] < heights[0] <= 116


def test_where_the_reference_was_not_run_the_curve_stands_alone(tmp_path: Path) -> None:
    bare = Assignment(title="T", question=(), folder=tmp_path)
    view = curves.view(result(4.0, 3.0), bare, "bpd")
    assert view is not None
    assert (view.reference, view.drawing and view.drawing.band) == ("", "")


def test_one_value_is_a_point(assignment: Assignment) -> None:
    view = curves.view(result(4.0), assignment, "bpd")
    assert view is not None
    assert view.drawing is not None
    assert view.drawing.single == points(view.drawing.curve)[0]


def test_values_that_are_not_finite_are_said_and_not_drawn(assignment: Assignment) -> None:
    view = curves.view(result(4.0, None, 2.0), assignment, "bpd")
    assert view is not None
    assert view.drawing is not None
    assert len(points(view.drawing.curve)) == 2
    assert view.said.endswith("; 1 value not finite")
    nothing = curves.view(result(None), assignment, "bpd")
    assert nothing is not None
    assert nothing.drawing is None


@pytest.mark.parametrize(
    "values", [(3e20,), (1e17, 1e17), (1e308, -1e308), (-1.7e308, 1.7e308, 0.0), (5e-324, 0.0)]
)
@pytest.mark.parametrize("data_set", ["digits", "mnist"])
def test_values_beyond_all_reason_are_drawn_inside_of_the_drawing(
    assignment: Assignment, values: tuple[float, ...], data_set: str
) -> None:
    claim = replace(result(*values), provenance=Provenance(data_set=data_set))
    view = curves.view(claim, assignment, "bpd")
    assert view is not None
    assert view.drawing is not None
    places = [*points(view.drawing.curve), *points(view.drawing.band)]
    assert all(0 <= x <= 360 and 0 <= y <= 150 for x, y in places)
    assert len({tick.at for tick in view.drawing.y}) > 1


def test_no_curve_is_no_view(assignment: Assignment) -> None:
    assert curves.view(result(1.0), assignment, "accuracy") is None
