"""What lateness costs: `[late]` in assignment.toml, applied to scores and never to verdicts."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from grader.assignment import Late
from grader.results import SubmissionResult

_DAY_SECONDS = 86_400


def days_late(result: SubmissionResult, late: Late | None) -> int:
    """Days begun after the deadline and its grace; 0 where no time of handing in is known."""
    if late is None or not result.submitted_at:
        return 0
    handed_in = datetime.fromisoformat(result.submitted_at)
    if handed_in.tzinfo is None:
        handed_in = handed_in.replace(tzinfo=UTC)
    seconds = (handed_in - late.due).total_seconds() - 60 * late.grace_minutes
    return max(0, math.ceil(seconds / _DAY_SECONDS))


def kept_share(result: SubmissionResult, late: Late | None) -> float:
    """Share of the points that is left, from 1 down to `1 - most`."""
    if late is None:
        return 1.0
    return 1.0 - min(late.per_day * days_late(result, late), late.most)


def final_score(result: SubmissionResult, late: Late | None) -> float:
    """The score after lateness, to a hundredth of a point."""
    return round(result.score * kept_share(result, late), 2)
