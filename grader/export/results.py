"""`results.json`: everything that is known of every submission."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from grader.results import SubmissionResult


def results_json(results: Sequence[SubmissionResult]) -> str:
    """The text of the file: `{"submissions": [...]}`, one object per student.

    JSON has no word for NaN and infinities; they become null.
    """
    rows = [_finite(result.to_json()) for result in results]
    return json.dumps({"submissions": rows}, indent=1, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
