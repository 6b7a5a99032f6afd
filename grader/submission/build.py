"""From the attempts of one student to the submission that is graded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from grader.errors import SubmissionError
from grader.submission.choose import choose_notebook, listed
from grader.submission.digest import digest
from grader.submission.files import Found
from grader.submission.gather import Gathered, gather, handed_in
from grader.submission.layouts import HandIn
from grader.submission.model import Submission
from grader.submission.names import printable


def build(
    student_id: str, attempts: list[HandIn], refused: Mapping[Path, str], staging: Path
) -> tuple[Submission, list[str]]:
    """The latest attempt of a student, ready to run or with its problem, and notes on it.

    Args:
        student_id: unique within the run.
        attempts: all of the student's, at least one.
        refused: what an export held back, by the empty file in its place.
        staging: a folder of this student's own, made when one is needed.
    """
    *older, latest = sorted(attempts, key=_order)
    files: list[Found] = []
    gathered, notebook, fingerprint = Gathered(None, ()), None, ""
    problem = latest.problem or _held_back(latest, refused)
    try:
        files = handed_in(latest)
        fingerprint = digest(files)
        if problem is None:
            gathered = gather(latest, files, staging)
            notebook = choose_notebook(_with_links(gathered, files))
    except SubmissionError as error:
        problem = str(error)
    submission = Submission(
        student_id=student_id,
        name=printable(latest.name) or student_id,
        notebook=notebook,
        modules=tuple(file.path for file in gathered.files if _is_module(file)),
        folder=gathered.folder,
        submitted_at=latest.submitted_at,
        late=latest.late,
        earlier=_superseded(older) + latest.earlier,
        digest=fingerprint,
        problem=problem,
    )
    return submission, _left_behind(student_id, files)


def _order(hand_in: HandIn) -> tuple[int, str]:
    return hand_in.newest_ns, "".join(str(piece.path) for piece in hand_in.pieces)


def _superseded(older: list[HandIn]) -> tuple[Path, ...]:
    return tuple(
        path
        for hand_in in older
        for path in (*hand_in.earlier, *(piece.path for piece in hand_in.pieces))
    )


def _held_back(hand_in: HandIn, refused: Mapping[Path, str]) -> str | None:
    for path in sorted(refused):
        if any(path.is_relative_to(piece.path) for piece in hand_in.pieces):
            return refused[path]
    return None


def _with_links(gathered: Gathered, stored: list[Found]) -> tuple[Found, ...]:
    """The files to choose from, and links which were left behind: one may pose as the notebook."""
    names = {file.name for file in gathered.files}
    left = (file for file in stored if file.irregular and file.name not in names)
    return (*gathered.files, *left)


def _is_module(file: Found) -> bool:
    return file.suffix == ".py" and not file.irregular


def _left_behind(student_id: str, files: list[Found]) -> list[str]:
    names = [file.name for file in files if file.irregular]
    if not names:
        return []
    return [f"{student_id} handed in links or devices, which are never opened: {listed(names)}."]
