"""A gradebook for Canvas: what its own export holds of students, and one assignment.

Source: Canvas, "How do I import grades in the Gradebook?": Student, ID, SIS User ID, SIS Login ID,
Section, then assignments; a row "Points Possible" below the header.
"""

from __future__ import annotations

from collections.abc import Mapping

from grader.export.gradebook import Gradebook
from grader.export.table import table_text
from grader.results import SubmissionResult

_WHO = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")


def canvas_csv(book: Gradebook) -> str:
    """The text of the file.

    With a roster that was exported from Canvas, its columns are kept, and the score goes into the
    column of the assignment, which Canvas calls `Title (123)`; without one into a new column.
    """
    column = _column(book)
    who = [name for name in _WHO if book.roster is None or name in book.roster.header]
    points = {"Student": "    Points Possible", column: f"{book.max_score:g}"}
    return table_text([*who, column], [points, *(_row(book, *each, column) for each in _all(book))])


def _column(book: Gradebook) -> str:
    title = book.assignment.title
    header = book.roster.header if book.roster else ()
    return next((name for name in header if name.startswith(f"{title} (")), title)


def _all(
    book: Gradebook,
) -> list[tuple[Mapping[str, str], SubmissionResult | None]]:
    if book.roster is not None:
        return list(book.roster.rows)
    return [({"Student": r.name, "ID": r.student_id}, r) for r in book.results]


def _row(
    book: Gradebook, who: Mapping[str, str], result: SubmissionResult | None, column: str
) -> dict[str, str]:
    return {**who, column: "" if result is None else book.score(result)}
