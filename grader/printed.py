"""What a notebook shows and claims: its executed cells, and the figures it prints."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from grader.assignment import Assignment
from grader.submission import read_notebook

# Of all that is printed, the end holds the claims.
_READ_CHARACTERS = 1 << 20


def executed_cells(path: Path) -> list[dict[str, Any]]:
    """The code cells of the executed notebook as plain dictionaries."""
    if not path.exists():
        return []
    cells = [cell for cell in read_notebook(path).cells if cell.cell_type == "code"]
    plain: list[dict[str, Any]] = json.loads(json.dumps(cells))
    return plain


def printed_metrics(cells: Sequence[Mapping[str, Any]], assignment: Assignment) -> dict[str, float]:
    """The last figure that the notebook prints for each metric with a threshold."""
    text = "\n".join(_streams(cell) for cell in cells)[-_READ_CHARACTERS:]
    found = {}
    for question in assignment.questions:
        if question.threshold is not None:
            metric = question.threshold.metric
            pattern = rf"\b{re.escape(metric)}\b[^\S\n]*(?:=|:|is|of)?[^\S\n]*(-?\d+(?:\.\d+)?)"
            if numbers := re.findall(pattern, text, re.IGNORECASE):
                found[metric] = float(numbers[-1])
    return found


def _streams(cell: Mapping[str, Any]) -> str:
    texts = (o.get("text", "") for o in cell["outputs"] if o.get("output_type") == "stream")
    return "\n".join(text for text in texts if isinstance(text, str))
