"""No platform: one folder, notebook or zip for each student, named after the student."""

from __future__ import annotations

from pathlib import Path

from grader.submission.files import changed_ns, entries, is_folder
from grader.submission.layouts.handin import HandIn, Listing, Piece

_NAMED_AFTER_STUDENTS = (".ipynb", ".zip")


def read(folder: Path, title: str) -> Listing:
    """The folder as a class's work, or as the work of one student named `title`.

    A notebook with Python files beside it, and nothing else that could be a hand-in, is one
    student's folder: in a class the modules would have nobody to belong to.
    """
    everything = entries(folder)
    ours = [path for path in everything if _is_hand_in(path)]
    modules = [path for path in everything if path.suffix.lower() == ".py"]
    if modules and len(ours) == 1 and ours[0].suffix.lower() == ".ipynb":
        return Listing("plain", (_hand_in(folder, title),))
    return Listing(
        layout="plain",
        hand_ins=tuple(_hand_in(path, _student(path)) for path in ours),
        passed_over=tuple(path for path in everything if path not in ours),
    )


def single(notebook: Path) -> Listing:
    """One notebook by itself."""
    return Listing("plain", (_hand_in(notebook, _student(notebook)),))


def _is_hand_in(path: Path) -> bool:
    # A link without an ending may stand for a student's folder: it gets a row that says so.
    linked = path.is_symlink() and not path.suffix
    return linked or is_folder(path) or path.suffix.lower() in _NAMED_AFTER_STUDENTS


def _student(path: Path) -> str:
    return path.stem if path.suffix.lower() in _NAMED_AFTER_STUDENTS else path.name


def _hand_in(path: Path, student: str) -> HandIn:
    return HandIn(student, student, (Piece(path, path.name),), newest_ns=changed_ns(path))
