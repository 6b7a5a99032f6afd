"""Who is in the course: a CSV of students, joined to what was handed in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

from grader.errors import UsageError
from grader.export.table import read_table
from grader.results import SubmissionResult

# What platforms call the columns that say who somebody is, in the order in which they are tried.
_IDS = (
    "id",
    "student_id",
    "student id",
    "sis user id",
    "sis login id",
    "login",
    "username",
    "identifier",
    "sid",
    "id number",
    "github_username",
    "email",
    "email address",
)
_NAMES = ("student", "name", "full name", "student name")


@dataclass(frozen=True, slots=True)
class Joined:
    """A roster with the submission of each student.

    Attributes:
        header: columns of the file.
        rows: each student's row with the submission; None where nothing was handed in.
        strangers: submissions of nobody on the roster.
    """

    header: Sequence[str]
    rows: Sequence[tuple[Mapping[str, str], SubmissionResult | None]]
    strangers: Sequence[SubmissionResult]

    @property
    def missing(self) -> list[str]:
        """Names of students who have handed in nothing."""
        return [name_of(row) for row, result in self.rows if result is None]


def join(text: str, name: str, results: Collection[SubmissionResult]) -> Joined:
    """Joins by id where one is known, else by name; each submission once.

    Raises:
        UsageError: the file is no table, or has no column that says who somebody is.
    """
    header, rows = read_table(text, name)
    if not {column.casefold() for column in header} & {*_IDS, *_NAMES, "first name"}:
        raise UsageError(
            f"{name}: no column says who a student is; name one of them id, email or name"
        )
    rows = [row for row in rows if not _is_no_student(row)]
    left = {result.student_id.casefold(): result for result in results}
    by_id = [_by_id(row, left) for row in rows]
    by_name = _by_name([row for row, found in zip(rows, by_id, strict=True) if not found], left)
    joined = [
        (row, found or by_name.get(name_of(row))) for row, found in zip(rows, by_id, strict=True)
    ]
    taken = {result.student_id for _, result in joined if result}
    strangers = tuple(result for result in results if result.student_id not in taken)
    return Joined(header, joined, strangers)


def name_of(row: Mapping[str, str]) -> str:
    """What a roster calls a student."""
    lower = {column.casefold(): value.strip() for column, value in row.items()}
    for column in _NAMES:
        if lower.get(column):
            return lower[column]
    both = f"{lower.get('first name', '')} {lower.get('last name', lower.get('surname', ''))}"
    return both.strip() or next(iter(_ids(row)), "")


def _by_id(row: Mapping[str, str], left: dict[str, SubmissionResult]) -> SubmissionResult | None:
    found = next((key for key in _ids(row) if key in left), None)
    return None if found is None else left.pop(found)


def _by_name(
    rows: Sequence[Mapping[str, str]], left: Mapping[str, SubmissionResult]
) -> dict[str, SubmissionResult]:
    """Submissions by the roster's name, where a name fits one student and one submission only."""
    wanted = Counter(key for row in rows for key in _orders(name_of(row)))
    written = Counter(_plain(result.name) for result in left.values())
    named = {_plain(result.name): result for result in left.values()}
    found = {}
    for row in rows:
        keys = _orders(name_of(row)) & set(named)
        if len(keys) == 1 and all(wanted[key] == written[key] == 1 for key in keys):
            found[name_of(row)] = named[keys.pop()]
    return found


def _ids(row: Mapping[str, str]) -> Iterator[str]:
    lower = {column.casefold(): value.strip().casefold() for column, value in row.items()}
    for column in _IDS:
        if lower.get(column):
            yield lower[column]
            # Moodle's "Participant 4417" is 4417 in the names of files; a login is the start of
            # an address.
            yield lower[column].removeprefix("participant ").partition("@")[0]


def _orders(name: str) -> set[str]:
    """A name in every order of its words: Canvas writes `doejane` for `Doe, Jane`."""
    words = re.findall(r"\w+", name.casefold())[:5]
    return {"".join(order) for order in permutations(words)} - {""}


def _plain(name: str) -> str:
    return "".join(re.findall(r"\w+", name.casefold())).replace("_", "")


def _is_no_student(row: Mapping[str, str]) -> bool:
    """Canvas keeps the points in a row of their own, and a test student."""
    first = next(iter(row.values()), "").strip().casefold()
    return first in ("points possible", "student, test", "test student")
