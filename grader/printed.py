"""What a notebook shows and claims: its executed cells, and the figures it prints."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from grader.assignment import Assignment
from grader.errors import SubmissionError
from grader.submission import read_notebook

# Outputs come on top of what a notebook may have when it is handed in.
_MAX_BYTES = 128 << 20
# Of all that is printed, the end holds the claims.
_READ_CHARACTERS = 1 << 20
# Every repetition is bounded: the text is a stranger's, and a search must not take hours.
_BETWEEN = r"(?:_\w{1,20}\b|[^\S\n]{0,4}\([^()\n]{1,20}\))?[^\S\n]{0,8}(?:=|:|is|of)?[^\S\n]{0,8}"
_NUMBER = r"([-+]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:e[-+]?\d{1,3})?)(?!\.?\d|e[-+]?\d)"


def executed_cells(path: Path) -> list[dict[str, Any]]:
    """The code cells of the executed notebook as plain dictionaries.

    There are none where it is absent, or shows more than can be read: the rest of the submission
    is graded all the same.
    """
    if not path.exists():
        return []
    try:
        notebook = read_notebook(path, max_bytes=_MAX_BYTES)
    except SubmissionError:
        return []
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    plain: list[dict[str, Any]] = json.loads(json.dumps(cells))
    return plain


def printed_metrics(cells: Sequence[Mapping[str, Any]], assignment: Assignment) -> dict[str, float]:
    """The last figure that the notebook prints for each metric with a threshold."""
    text = "\n".join(stream for cell in cells for stream in _streams(cell))[-_READ_CHARACTERS:]
    found = {}
    for question in assignment.questions:
        if question.threshold is not None:
            metric = question.threshold.metric
            # test_bpd and "BPD (test)" are bpd as well; mybpd is something else.
            pattern = rf"(?<![^\W_]){re.escape(metric)}(?![^\W_]){_BETWEEN}{_NUMBER}"
            numbers = map(float, re.findall(pattern, text, re.IGNORECASE))
            if finite := [number for number in numbers if math.isfinite(number)]:
                found[metric] = finite[-1]
    return found


def out_of_gpu_memory(cells: Sequence[Mapping[str, Any]]) -> str:
    """One sentence where a cell ended for want of GPU memory; empty where none did."""
    for number, cell in enumerate(cells, 1):
        outputs = cell.get("outputs")
        for output in outputs if isinstance(outputs, list) else []:
            if isinstance(output, dict) and output.get("ename") == "OutOfMemoryError":
                return f"code cell {number} ran out of its share of the GPU's memory"
    return ""


def _streams(cell: Mapping[str, Any]) -> Iterator[str]:
    outputs = cell.get("outputs")
    for output in outputs if isinstance(outputs, list) else []:
        if isinstance(output, dict) and output.get("output_type") == "stream":
            text = output.get("text")
            lines = text if isinstance(text, list) else [text]
            yield "".join(line for line in lines if isinstance(line, str))
