"""The figure that a question asks for, beside the one of the reference: quality is for a person."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from grader.assignment import Assignment, Question
from grader.checks.figures import with_added
from reports.images import Picture, redraw
from reports.notebook import Cell, joined
from reports.typeset import label


@dataclass(frozen=True, slots=True)
class Beside:
    """Two figures to compare.

    Attributes:
        student: the last one of the cell that has to show it; None where there is none.
        reference: made by the instructor's notebook.
    """

    student: Picture | None
    reference: Picture


def view(assignment: Assignment, question: Question, cells: Sequence[Cell]) -> Beside | None:
    """Both figures; None where the question asks for none, or the assignment brings none along."""
    if question.figure is None:
        return None
    reference = _reference(assignment.folder / "figures" / f"{question.id}.png")
    if reference is None:
        return None
    alt = f"Figure for {label(question.title, 200)}"
    name = question.figure.after
    encoded = [
        text
        for cell in with_added(cells, lambda cell: name in _names(cell), lambda cell: cell.grade_id)
        for output in cell.outputs
        if isinstance(output.get("data"), dict)
        and (text := joined(output["data"].get("image/png")))
    ]
    return Beside(redraw(encoded[-1], alt) if encoded else None, reference)


def _names(cell: Cell) -> tuple[str, ...]:
    return cell.grade_id, *cell.tags


@cache
def _reference(path: Path) -> Picture | None:
    if not path.is_file():
        return None
    return redraw(base64.b64encode(path.read_bytes()).decode("ascii"), "The reference's figure")
