"""Which assignment, and which dialect of it, a folder of hand-ins is for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from grader.assignment import Assignment, accepted, installed, load
from grader.dialect import dialects_of, in_dialect
from grader.errors import SubmissionError, UsageError
from grader.submission import Discovery, Submission, assignment_of, read_notebook
from grader.submission.defined import names_of
from grader.submission.names import printable

_READ_FOR_NAMES = 50
# Fewer names than this in a whole class may be an accident.
_FEWEST_NAMES = 2
OWN_SHEET = "none"


def chosen_assignment(
    discovery: Discovery, source: Path, name: str | None, dialect: str | None
) -> Assignment:
    """The assignment by name, by what notebooks say, or by the functions that they define.

    Args:
        discovery: what was handed in.
        source: where it was found.
        name: as typed; None where it is to be found out.
        dialect: as typed, `none` for the assignment's own sheet; None where it is to be found out.

    Raises:
        UsageError: it cannot be told, or there is no such assignment or dialect.
        AssignmentError: its TOML is malformed.
    """
    named = name or _named_by_most(discovery, source)
    if named is None:
        candidates = [load(folder) for folder in installed().values()]
        return _closest(discovery, [sheet for each in candidates for sheet in _sheets(each)])
    assignment = load(named)
    if dialect == OWN_SHEET:
        return assignment
    if dialect:
        return in_dialect(assignment, dialect)
    if len(sheets := list(_sheets(assignment))) == 1:
        return assignment
    (best, most), *_ = ranked = _ranked(discovery, sheets)
    own = next(count for sheet, count in ranked if sheet is assignment)
    return best if own < most or _answered_whole(discovery, best, assignment) else assignment


def only_of(discovery: Discovery, assignment: Assignment) -> Discovery:
    """Submissions of another assignment become rows that say so."""
    checked = []
    for submission in discovery.submissions:
        named = _named(submission)
        if named is not None and named != assignment.name:
            problem = f"the notebook is for assignment {named!r}, this run grades {assignment.name}"
            checked.append(replace(submission, notebook=None, modules=(), problem=problem))
        else:
            checked.append(submission)
    return replace(discovery, submissions=tuple(checked))


def _named_by_most(discovery: Discovery, source: Path) -> str | None:
    """The assignment that most notebooks name in their metadata; None where none names any.

    The name is a student's word, and an assignment is code that runs unprotected. So it never
    leads to a folder of their choice: only to what is installed, and to the assignment whose own
    `submissions` are graded.
    """
    known = {name: str(folder) for name, folder in installed().items()}
    own = source.parent
    if source.name == "submissions" and (own / "assignment.toml").is_file():
        known[own.name] = str(own)
    votes = Counter(filter(None, map(_named, discovery.submissions[:_READ_FOR_NAMES])))
    for name, _ in votes.most_common():
        if name in known:
            return known[name]
    if votes:
        first = printable(next(iter(votes)), 60)
        raise _untold(f"name {first!r}, which is not installed")
    return None


def _sheets(assignment: Assignment) -> Iterator[Assignment]:
    yield assignment
    for name in dialects_of(assignment):
        yield in_dialect(assignment, name)


def _ranked(discovery: Discovery, sheets: Sequence[Assignment]) -> list[tuple[Assignment, int]]:
    """Sheets with how many of the names and files they ask for are there, most names first.

    Among sheets with as many names, the one of which they are the larger part: a class `VAE` is
    asked for by many courses, and all of one by few.
    """
    hand_ins = [
        (names_of(submission), {path.name for path in submission.modules})
        for submission in discovery.submissions[:_READ_FOR_NAMES]
    ]

    def counted(sheet: Assignment) -> tuple[int, float, int]:
        names = sum(len(found & sheet.names) for found, _ in hand_ins)
        files = sum(len(found & set(sheet.modules)) for _, found in hand_ins)
        return names, names / max(len(sheet.names), 1), files

    best_first = sorted(sheets, key=counted, reverse=True)
    return [(sheet, counted(sheet)[0] + counted(sheet)[2]) for sheet in best_first]


def _answered_whole(discovery: Discovery, sheet: Assignment, other: Assignment) -> bool:
    """Whether hand-ins answer all of one sheet, and nothing that only the other asks for.

    What is handed out with a sheet defines stubs of everything in it.
    """
    seen = discovery.submissions[:_READ_FOR_NAMES]
    defined = frozenset[str]().union(*map(names_of, seen))
    asked = [question for question in sheet.question if question.function]
    whole = all(any(s.name in defined for s in accepted(question)) for question in asked)
    return whole and not defined & (other.names - sheet.names)


def _closest(discovery: Discovery, sheets: Sequence[Assignment]) -> Assignment:
    (best, most), *others = _ranked(discovery, sheets)
    rivals = {sheet.name for sheet, count in others if count == most} - {best.name}
    if most < _FEWEST_NAMES:
        raise _untold("do not say in their metadata (grader.assignment) what they are for")
    if rivals:
        which = " as well as ".join(sorted({best.name, *rivals}))
        raise _untold(f"define functions of {which}")
    return best


def _untold(said: str) -> UsageError:
    return UsageError(
        f"the notebooks {said}: type --assignment and one of {', '.join(installed())}, or a "
        "folder with an assignment.toml"
    )


def _named(submission: Submission) -> str | None:
    if submission.notebook is None:
        return None
    try:
        return assignment_of(read_notebook(submission.notebook))
    except SubmissionError:
        return None  # told when the submission itself is graded
