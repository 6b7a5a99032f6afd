"""`grades.csv`: a row per student, a column per question."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain

from grader.assignment import Late
from grader.checks.verdict import Outcome
from grader.export.roster import Joined
from grader.export.table import table_text
from grader.late import days_late, final_score
from grader.results import SubmissionResult


def grades_csv(
    results: Collection[SubmissionResult], late: Late | None = None, roster: Joined | None = None
) -> str:
    """The table as text.

    Args:
        results: one per student; the columns are the questions of all of them, in order. A
            question that waits for a person is empty until somebody has marked it.
        late: what lateness costs; adds the days and the score that is left.
        roster: adds the students who handed in nothing.
    """
    questions = list(dict.fromkeys(v.question for r in results for v in r.verdicts))
    after = ["days_late", "final_score"] if late else []
    header = ["student_id", "name", "status", "score", "max_score", "late", *after, *questions]
    rows = (_row(result, questions) | _after(result, late) for result in results)
    missing = roster.missing if roster else []
    others = ({"name": name, "status": "not handed in"} for name in missing)
    return table_text([*header, "mistakes", "reason"], chain(rows, others))


def _row(result: SubmissionResult, questions: Sequence[str]) -> dict[str, str]:
    row = {
        "student_id": result.student_id,
        "name": result.name,
        "status": result.status,
        "late": "late" if result.late else "",
        "mistakes": " ".join(dict.fromkeys(m for v in result.verdicts for m in v.mistakes)),
        "reason": result.reason,
    }
    if result.status == "infrastructure":
        return row  # no score: a zero there would be believed
    scores = {"score": f"{result.score:g}", "max_score": f"{result.max_score:g}"}
    return row | scores | {question: _points(result, question) for question in questions}


def _after(result: SubmissionResult, late: Late | None) -> dict[str, str]:
    if late is None or result.status == "infrastructure":
        return {}
    return {
        "days_late": str(days_late(result, late)),
        "final_score": f"{final_score(result, late):g}",
    }


def _points(result: SubmissionResult, question: str) -> str:
    verdicts = [verdict for verdict in result.verdicts if verdict.question == question]
    if any(verdict.verdict is Outcome.MANUAL for verdict in verdicts):
        return ""
    return f"{sum(verdict.points for verdict in verdicts):g}"
