"""`grades.csv`: a row per student, a column per question."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Sequence

from grader.results import SubmissionResult

# A cell that begins with one of these is a formula to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def grades_csv(results: Sequence[SubmissionResult]) -> str:
    """The table as text.

    Args:
        results: one per student; the columns are the questions of all of them, in order.
    """
    questions = list(dict.fromkeys(v.question for r in results for v in r.verdicts))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    header = ["student_id", "name", "status", "score", "max_score", "late", *questions]
    writer.writerow([*header, "mistakes", "reason"])
    writer.writerows(_row(result, questions) for result in results)
    return text.getvalue()


def _row(result: SubmissionResult, questions: Sequence[str]) -> list[str]:
    points: dict[str, float] = defaultdict(float)
    for verdict in result.verdicts:
        points[verdict.question] += verdict.points
    # An infrastructure failure has no score: a zero there would be believed.
    failed = result.status == "infrastructure"
    score = "" if failed else f"{result.score:g}"
    per_question = ["" if failed else f"{points[question]:g}" for question in questions]
    mistakes = dict.fromkeys(m for v in result.verdicts for m in v.mistakes)
    late = "late" if result.late else ""
    row = [result.student_id, result.name, result.status, score, f"{result.max_score:g}", late]
    return [_defused(cell) for cell in [*row, *per_question, " ".join(mistakes), result.reason]]


def _defused(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
