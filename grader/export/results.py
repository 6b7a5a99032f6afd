"""`results.json`: everything that is known of every submission."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from textwrap import indent
from typing import Any

from grader.results import SubmissionResult


def results_json(results: Iterable[SubmissionResult]) -> str:
    """The text of the file: `{"submissions": [...]}`, one object per student."""
    return "".join(results_parts(results))


def results_parts(results: Iterable[SubmissionResult]) -> Iterator[str]:
    """The same in parts, a student's each: no class has to be in memory as a whole.

    JSON has no word for NaN and infinities; they become null.
    """
    before = '{\n "submissions": ['
    for result in results:
        row = json.dumps(_finite(result.to_json()), indent=1, allow_nan=False)
        yield before + "\n" + indent(row, "  ")
        before = ","
    yield '{\n "submissions": []\n}' if before != "," else "\n ]\n}"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
