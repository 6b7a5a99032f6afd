"""Moodle's offline grading worksheet, filled in.

Source: Moodle docs, "Using Assignment", Offline grading worksheet: rows are found by `Identifier`,
grades are taken from `Grade`, and comments from `Feedback comments`.
"""

from __future__ import annotations

from collections.abc import Mapping

from grader.export.gradebook import Gradebook
from grader.export.table import table_text
from grader.results import SubmissionResult

_HEADER = ("Identifier", "Full name", "Grade", "Maximum Grade", "Feedback comments")


def moodle_csv(book: Gradebook) -> str:
    """The text of the file; with a worksheet as roster its own columns are kept."""
    if book.roster is None:
        rows = [_filled(book, _who(result), result) for result in book.results]
        return table_text(_HEADER, rows)
    header = list(dict.fromkeys([*book.roster.header, "Grade", "Feedback comments"]))
    return table_text(header, [_filled(book, row, result) for row, result in book.roster.rows])


def _who(result: SubmissionResult) -> dict[str, str]:
    return {"Identifier": f"Participant {result.student_id}", "Full name": result.name}


def _filled(
    book: Gradebook, row: Mapping[str, str], result: SubmissionResult | None
) -> dict[str, str]:
    if result is None:
        return dict(row)
    return {
        **row,
        "Grade": book.score(result),
        "Maximum Grade": row.get("Maximum Grade") or f"{book.max_score:g}",
        "Feedback comments": book.feedback(result),
    }
