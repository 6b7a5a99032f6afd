"""`results.json`: everything that is known of every submission."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

from grader.results import SubmissionResult


def results_json(results: Iterable[SubmissionResult]) -> str:
    """The text of the file: `{"submissions": [...]}`, one object per student."""
    return "".join(results_parts(results))


def results_parts(results: Iterable[SubmissionResult]) -> Iterator[str]:
    """The same in parts, a student's line each: no class has to be in memory as a whole.

    JSON has no word for NaN and infinities; they become null.
    """
    before = '{\n "submissions": ['
    for result in results:
        # With an indent, json's encoder is not the one in C, and takes several times as long.
        yield f"{before}\n  {json.dumps(_finite(result.to_json()), allow_nan=False)}"
        before = ","
    yield '{\n "submissions": []\n}' if before != "," else "\n ]\n}"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
