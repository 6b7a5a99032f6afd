"""nbgrader: `submitted/<student>/<assignment>/<notebook>.ipynb` with a `timestamp.txt`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from grader.errors import SubmissionError
from grader.submission.files import changed_ns, entries, is_folder, is_regular, read_bounded
from grader.submission.layouts.handin import HandIn, Listing, Piece

_FOLDER = "submitted"
_TIMESTAMP = "timestamp.txt"
_TIME = re.compile(r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.\d+)?(?: (?P<zone>\S+))?")


def read(folder: Path, title: str) -> Listing | None:
    """The folder as nbgrader's `submitted/`, or the course folder around it; None when neither."""
    inner = folder / _FOLDER
    if inner in entries(folder) and is_folder(inner):
        folder, title = inner, _FOLDER
    everything = entries(folder)
    students = [path for path in everything if is_folder(path)]
    # Without time stamps, only the folder's name tells nbgrader's from a plain one.
    nested = [path for path in students if _assignments(path)]
    stamped = any(_has_stamp(inside) for path in nested for inside in _assignments(path))
    if not stamped and not (title == _FOLDER and nested):
        return None
    known = {path.name for path in students}
    return Listing(
        layout="nbgrader",
        hand_ins=tuple(map(_hand_in, students)),
        passed_over=tuple(path for path in everything if path.name not in known),
    )


def _assignments(student: Path) -> list[Path]:
    return [path for path in entries(student) if is_folder(path)]


def _has_stamp(folder: Path) -> bool:
    return folder / _TIMESTAMP in entries(folder)


def _hand_in(student: Path) -> HandIn:
    """The one assignment of a student; all of them where there are several."""
    assignments = _assignments(student)
    folder = assignments[0] if len(assignments) == 1 else student
    return HandIn(
        student=student.name,
        name=student.name,
        pieces=(Piece(folder, folder.name),),
        newest_ns=changed_ns(folder),
        submitted_at=_submitted_at(folder / _TIMESTAMP),
    )


def _submitted_at(path: Path) -> datetime | None:
    if path not in entries(path.parent) or not is_regular(path):
        return None
    try:
        match = _TIME.fullmatch(read_bounded(path, 256).decode("ascii").strip())
        zone = match and _zone(match["zone"])
        time = match and datetime.fromisoformat(match["time"])
    except (SubmissionError, ValueError):
        return None
    return time.replace(tzinfo=zone) if time and zone else None


def _zone(name: str | None) -> tzinfo | None:
    # nbgrader writes UTC unless a course says otherwise.
    if name is None or name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
