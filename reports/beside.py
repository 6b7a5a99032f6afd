"""The figure that a question asks for, beside the one of the reference: quality is for a person."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from grader.assignment import Assignment, Question
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
    encoded = [
        text
        for cell in _showing(cells, question.figure.after)
        for output in cell.outputs
        if isinstance(output.get("data"), dict)
        and (text := joined(output["data"].get("image/png")))
    ]
    return Beside(redraw(encoded[-1], alt) if encoded else None, reference)


def _showing(cells: Sequence[Cell], name: str) -> list[Cell]:
    """The cell of this name, and those that were added after it."""
    named = [i for i, cell in enumerate(cells) if cell.grade_id == name or name in cell.tags]
    if not named:
        return []
    start = named[-1]
    ends = (i for i, cell in enumerate(cells) if i > start and cell.grade_id)
    return list(cells[start : next(ends, len(cells))])


@cache
def _reference(path: Path) -> Picture | None:
    if not path.is_file():
        return None
    return redraw(base64.b64encode(path.read_bytes()).decode("ascii"), "The reference's figure")
