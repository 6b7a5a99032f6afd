"""Reading an executed notebook with bounds, and finding the cells that answer a question."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.assignment import Question

_MAX_BYTES = 64 << 20
_MAX_CELLS = 2000


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as the notebook file holds it; its outputs are still untrusted."""

    kind: str
    source: str
    grade_id: str = ""
    tags: tuple[str, ...] = ()
    outputs: tuple[dict[str, Any], ...] = ()

    def defines(self, name: str) -> bool:
        """Whether a function or class of this name is defined at the start of a line."""
        return bool(re.search(rf"^(?:async )?(?:def|class) {re.escape(name)}\b", self.source, re.M))


def read(path: Path) -> list[Cell]:
    """The cells of a notebook; none where the file is absent, too large or not a notebook."""
    try:
        if not path.is_file() or path.stat().st_size > _MAX_BYTES:
            return []
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return []
    return [_cell(raw) for raw in _dicts(_table(document).get("cells"))[:_MAX_CELLS]]


def joined(text: object) -> str:
    """A notebook's text: a string, or a list of its lines; anything else is no text."""
    if isinstance(text, str):
        return text
    if isinstance(text, list):
        return "".join(part for part in text if isinstance(part, str))
    return ""


def answering(question: Question, cells: Sequence[Cell], ids: Sequence[str]) -> list[Cell]:
    """The cells that belong to a question, in the order of the notebook.

    Args:
        question: the question.
        cells: of one notebook.
        ids: of all questions; a cell `kl-zero` belongs to the question `kl-zero` rather than `kl`.
    """
    figure = question.figure.after if question.figure else ""
    found = [
        cell
        for cell in cells
        if _owner(cell.grade_id, ids) == question.id
        or (figure and (cell.grade_id == figure or figure in cell.tags))
    ]
    return found or [cell for cell in cells if any(map(cell.defines, _names(question)))]


def _owner(grade_id: str, ids: Sequence[str]) -> str:
    owners = [i for i in ids if grade_id == i or re.match(rf"{re.escape(i)}[^a-z0-9]", grade_id)]
    return max(owners, key=len, default="")


def _names(question: Question) -> list[str]:
    signatures = (*((question.function,) if question.function else ()), *question.also)
    return [signature.name for signature in signatures]


def _cell(raw: dict[str, Any]) -> Cell:
    metadata = _table(raw.get("metadata"))
    grade_id = _table(metadata.get("nbgrader")).get("grade_id")
    tags = metadata.get("tags")
    return Cell(
        kind="code" if raw.get("cell_type") == "code" else "text",
        source=joined(raw.get("source")),
        grade_id=grade_id if isinstance(grade_id, str) else "",
        tags=tuple(t for t in tags if isinstance(t, str)) if isinstance(tags, list) else (),
        outputs=tuple(_dicts(raw.get("outputs"))),
    )


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
