"""No platform: one folder, notebook or zip for each student, named after the student."""

from __future__ import annotations

from pathlib import Path

from grader.errors import SubmissionError
from grader.submission.files import changed_ns, entries, is_folder, walk
from grader.submission.layouts.handin import HandIn, Listing, Piece

_NAMED_AFTER_STUDENTS = (".ipynb", ".zip")
_FILES_OF_STUDENTS = (*_NAMED_AFTER_STUDENTS, ".py")


def read(folder: Path, title: str) -> Listing:
    """The folder as a class's work, or as the work of one student named `title`.

    Python files with one notebook beside them at the most, and nothing else that could be a
    hand-in, are one student's folder: in a class the modules would have nobody to belong to.
    """
    everything = entries(folder)
    ours = [path for path in everything if _is_hand_in(path)]
    modules = [path for path in everything if path.suffix.lower() == ".py"]
    if modules and _is_one_students(ours):
        return Listing("plain", (_hand_in(folder, title),))
    known = {path.name for path in ours}
    return Listing(
        layout="plain",
        hand_ins=tuple(_hand_in(path, _student(path)) for path in ours),
        passed_over=tuple(path for path in everything if path.name not in known),
    )


def single(file: Path) -> Listing:
    """One notebook or Python file by itself."""
    return Listing("plain", (_hand_in(file, _student(file)),))


def _is_one_students(hand_ins: list[Path]) -> bool:
    """Whether what could be hand-ins, beside Python files, is at most one notebook.

    A folder without any code belongs to the modules: data, figures, logs.
    """
    with_work = [path for path in hand_ins if not is_folder(path) or _holds_code(path)]
    return not with_work or (len(with_work) == 1 and with_work[0].suffix.lower() == ".ipynb")


def _holds_code(folder: Path) -> bool:
    try:
        return any(file.suffix in _FILES_OF_STUDENTS for file in walk(folder))
    except SubmissionError:
        return True


def _is_hand_in(path: Path) -> bool:
    # A link without an ending may stand for a student's folder: it gets a row that says so.
    linked = path.is_symlink() and not path.suffix
    return linked or is_folder(path) or path.suffix.lower() in _NAMED_AFTER_STUDENTS


def _student(path: Path) -> str:
    return path.stem if path.suffix.lower() in _FILES_OF_STUDENTS else path.name


def _hand_in(path: Path, student: str) -> HandIn:
    return HandIn(student, student, (Piece(path, path.name),), newest_ns=changed_ns(path))
