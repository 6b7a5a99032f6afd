"""`grades.csv`: a row per student, a column per question."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

from grader.checks.verdict import Outcome
from grader.results import SubmissionResult

# Where a spreadsheet sees a formula: at the start of a cell, in plain or full-width characters.
# Some begin a cell at a semicolon or a tab too, whatever the file says.
_FORMULA = re.compile(r"(^|[;\t\r\n])(?=\s*[=+\-@＝＋－＠])")


def grades_csv(results: Sequence[SubmissionResult]) -> str:
    """The table as text.

    Args:
        results: one per student; the columns are the questions of all of them, in order. A
            question that waits for a person is empty until somebody has marked it.
    """
    questions = list(dict.fromkeys(v.question for r in results for v in r.verdicts))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    header = ["student_id", "name", "status", "score", "max_score", "late", *questions]
    writer.writerow([*header, "mistakes", "reason"])
    writer.writerows(_row(result, questions) for result in results)
    return text.getvalue()


def _row(result: SubmissionResult, questions: Sequence[str]) -> list[str]:
    # An infrastructure failure has no score: a zero there would be believed.
    failed = result.status == "infrastructure"
    scores = ["", ""] if failed else [f"{result.score:g}", f"{result.max_score:g}"]
    per_question = ["" if failed else _points(result, question) for question in questions]
    mistakes = dict.fromkeys(m for v in result.verdicts for m in v.mistakes)
    late = "late" if result.late else ""
    row = [result.student_id, result.name, result.status, *scores, late, *per_question]
    return [_defused(cell) for cell in [*row, " ".join(mistakes), result.reason]]


def _points(result: SubmissionResult, question: str) -> str:
    verdicts = [verdict for verdict in result.verdicts if verdict.question == question]
    if any(verdict.verdict is Outcome.MANUAL for verdict in verdicts):
        return ""
    return f"{sum(verdict.points for verdict in verdicts):g}"


def _defused(cell: str) -> str:
    return _FORMULA.sub(r"\1'", cell)
