"""From a path that a TA typed to one submission per student."""

from __future__ import annotations

import re
import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from grader.errors import InfrastructureError, SubmissionError, UsageError
from grader.submission.build import build
from grader.submission.choose import listed
from grader.submission.files import is_folder
from grader.submission.layouts import HandIn, Listing, plain
from grader.submission.model import Discovery, Submission
from grader.submission.names import clean_id, slug
from grader.submission.recognise import recognise
from grader.submission.unpack import Refused, unpack_export

_EXPORT = "unpacked-export"
_HAND_INS = "unpacked-hand-ins"
_SHOWN_REFUSALS = 20


def discover(source: Path, *, unpack_to: Path) -> Discovery:
    """Finds every submission in a platform's download, a class folder, a zip or one notebook.

    Args:
        source: what to look at; nothing in it is changed.
        unpack_to: a folder outside `source` for what has to be unpacked or brought together;
            what an earlier call left there is replaced.

    Returns:
        One submission per student, by id. What is wrong with a single hand-in stands in its
        `problem`; it never stops the others.

    Raises:
        UsageError: there is nothing at `source`, it cannot be read, or holds no submission.
    """
    if not source.exists() and not source.is_symlink():
        raise UsageError(f"There is no {source}; `grader run FOLDER` takes a folder or a zip.")
    _clear(source, unpack_to)
    try:
        listing, refused = _list(source, unpack_to / _EXPORT)
    except OSError as error:
        raise UsageError(
            f"{source} cannot be read ({error}); make it readable and type the same again."
        ) from error
    if not listing.hand_ins:
        raise _nothing(source)
    try:
        return _discovery(listing, refused, unpack_to / _HAND_INS)
    except OSError as error:
        raise InfrastructureError(
            f"Hand-ins cannot be brought together in {unpack_to} ({error}); "
            "make room and type the same again."
        ) from error


def _list(source: Path, export: Path) -> tuple[Listing, Refused]:
    if source.suffix.lower() in (".ipynb", ".py") and not is_folder(source):
        return plain.single(source), Refused()
    if source.is_dir():
        folder = source.resolve()
        return recognise(folder, folder.name), Refused()
    if source.suffix.lower() == ".zip":
        refused = _unpack(source, export)
        # A browser that downloads twice names the second file "export (1).zip".
        return recognise(export, re.sub(r" \(\d+\)$", "", source.stem)), refused
    raise UsageError(
        f"{source} is neither a folder nor a zip nor a notebook; "
        "`grader run FOLDER` takes one of these."
    )


def _clear(source: Path, unpack_to: Path) -> None:
    source, unpack_to = source.resolve(), unpack_to.resolve()
    if unpack_to.is_relative_to(source) or source.is_relative_to(unpack_to):
        raise UsageError(
            f"{unpack_to} and {source} lie one inside the other; choose an output folder elsewhere."
        )
    for name in (_EXPORT, _HAND_INS):
        shutil.rmtree(unpack_to / name, ignore_errors=True)


def _unpack(archive: Path, to: Path) -> Refused:
    try:
        return unpack_export(archive.resolve(), to)
    except SubmissionError as error:
        raise UsageError(
            f"{archive} {error} Download it again, or unpack it yourself and name the folder."
        ) from error


def _nothing(source: Path) -> UsageError:
    return UsageError(
        f"No submissions in {source}: it is no export of Canvas, Moodle, Gradescope, GitHub "
        "Classroom or nbgrader, and holds no folder, notebook or zip per student; type "
        "`grader run FOLDER` with the folder that does."
    )


def _discovery(listing: Listing, refused: Refused, staging: Path) -> Discovery:
    by_student: dict[str, list[HandIn]] = defaultdict(list)
    for hand_in in listing.hand_ins:
        by_student[clean_id(hand_in.student)].append(hand_in)
    built = [
        build(student_id, by_student[student_id], refused.problems, staging / slug(student_id))
        for student_id in sorted(by_student)
    ]
    submissions = tuple(submission for submission, _ in built)
    notes = [*_notes(listing, submissions), *_refusals(refused)]
    notes += [note for _, own in built for note in own]
    return Discovery(listing.layout, submissions, tuple(notes))


def _notes(listing: Listing, submissions: tuple[Submission, ...]) -> Iterator[str]:
    yield from listing.notes
    if listing.passed_over:
        names = listed([path.name for path in listing.passed_over])
        yield f"Passed over what is nobody's hand-in: {names}."
    again = [submission.student_id for submission in submissions if submission.earlier]
    if again:
        yield f"Handed in more than once, of which the latest counts: {listed(again)}."


def _refusals(refused: Refused) -> Iterator[str]:
    for message in refused.nameless[:_SHOWN_REFUSALS]:
        yield f"Left out of the export: {message}"
    unsaid = len(refused.nameless) - _SHOWN_REFUSALS
    if unsaid > 0:
        yield f"Left out of the export: {unsaid} more members."
