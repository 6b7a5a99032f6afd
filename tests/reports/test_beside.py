from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from grader.assignment import Assignment, Figure, Question, installed, load
from grader.checks.figures import decode_png, expect_figure
from reports import beside
from reports.notebook import Cell

QUESTION = Question(id="samples", title="Samples", points=1, figure=Figure(after="show"))


def png(size: tuple[int, int], shade: int = 0) -> bytes:
    stream = io.BytesIO()
    Image.new("L", size, shade).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def assignment(tmp_path: Path) -> Assignment:
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "samples.png").write_bytes(png((30, 20)))
    return Assignment(title="T", question=(QUESTION,), folder=tmp_path)


def cell(grade_id: str, *pngs: bytes) -> Cell:
    shown: Any = ({"data": {"image/png": base64.b64encode(each).decode()}} for each in pngs)
    return Cell("code", "", grade_id, (), tuple(shown))


def test_the_last_figure_of_the_cell_stands_beside_the_references(assignment: Assignment) -> None:
    cells = [cell("other", png((9, 9))), cell("show", png((5, 5)), png((6, 7))), cell("more")]
    pair = beside.view(assignment, QUESTION, cells)
    assert pair is not None
    assert pair.student is not None
    assert (pair.student.width, pair.student.height) == (6, 7)
    assert (pair.reference.width, pair.reference.height) == (30, 20)


def test_cells_added_after_it_count_as_well(assignment: Assignment) -> None:
    cells = [cell("show"), cell("", png((8, 8))), cell("next", png((9, 9)))]
    pair = beside.view(assignment, QUESTION, cells)
    assert pair is not None
    assert pair.student is not None
    assert pair.student.width == 8


@pytest.mark.parametrize(
    "cells",
    [[], [cell("show")], [cell("show", b"no picture")]],
    ids=["no cell", "no figure", "broken"],
)
def test_a_missing_or_broken_figure_leaves_the_references_alone(
    assignment: Assignment, cells: list[Cell]
) -> None:
    pair = beside.view(assignment, QUESTION, cells)
    assert pair is not None
    assert pair.student is None


def test_without_a_reference_there_is_nothing_to_compare(tmp_path: Path) -> None:
    bare = Assignment(title="T", question=(QUESTION,), folder=tmp_path)
    assert beside.view(bare, QUESTION, [cell("show", png((5, 5)))]) is None


FIGURES = sorted(path for folder in installed().values() for path in folder.glob("figures/*.png"))


@pytest.mark.parametrize("path", FIGURES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_the_references_figures_are_what_their_questions_ask_for(path: Path) -> None:
    (question,) = (q for q in load(path.parents[1]).questions if q.id == path.stem)
    assert question.figure is not None
    content = base64.b64encode(path.read_bytes()).decode()
    shown = {"metadata": {}, "outputs": [{"data": {"image/png": content}}]}
    picture = expect_figure([shown], question.figure)
    assert picture.shape == decode_png(path.read_bytes()).shape
