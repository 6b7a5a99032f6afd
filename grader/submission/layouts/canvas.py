"""Canvas: `doejane_LATE_4417_90210_vae-1.ipynb` for every file, in one folder.

After the name come the user's id, the file's id, and the name that the student gave the file. An
anonymous export writes `anon_<id>` for name and user. A second attempt under the same file name
gets `-1` before the ending, a third `-2`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from grader.submission.files import changed_ns, entries
from grader.submission.layouts.handin import HandIn, Listing, Piece, mostly

_FILE = re.compile(
    r"(?P<early_late>LATE_)?"
    r"(?:(?P<anonymous>anon)_(?:LATE_)?(?P<anonymous_id>[A-Za-z0-9]+)|"
    r"(?P<name>.+?)(?P<late>_LATE)?_(?P<user>\d+))"
    r"_(?:(?P<file>\d+)_(?P<original>.+)|(?P<text>text\.html))",
    re.DOTALL,
)
# Only these are renamed back: "data-1.csv" may be what the student called it.
_ATTEMPT = re.compile(
    r"(?P<stem>.+?)-(?P<attempt>[1-9]\d?)(?P<ending>\.(?:ipynb|py|zip))", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    student: str
    name: str
    late: bool
    attempt: int
    number: int
    original: str


def read(folder: Path, _title: str) -> Listing | None:
    """The folder as a Canvas export; None when it is not one."""
    everything = entries(folder)
    files = [file for path in everything if (file := _file(path)) is not None]
    if not mostly(len(files), everything):
        return None
    by_student: dict[str, list[_File]] = defaultdict(list)
    for file in files:
        by_student[file.student].append(file)
    ours = {file.path for file in files}
    return Listing(
        layout="canvas",
        hand_ins=tuple(map(_hand_in, by_student.values())),
        passed_over=tuple(path for path in everything if path not in ours),
    )


def _file(path: Path) -> _File | None:
    match = _FILE.fullmatch(path.name)
    if match is None:
        return None
    original = match["original"] or match["text"]
    attempt = _ATTEMPT.fullmatch(original)
    student = match["user"] or match["anonymous_id"]
    return _File(
        path=path,
        student=student,
        name=match["name"] or f"anonymous {student}",
        late=bool(match["late"] or match["early_late"] or "anon_LATE_" in path.name),
        attempt=int(attempt["attempt"]) if attempt else 0,
        number=int((match["file"] or "0")[:18]),
        original=attempt["stem"] + attempt["ending"] if attempt else original,
    )


def _hand_in(files: list[_File]) -> HandIn:
    in_order = sorted(files, key=lambda file: (file.attempt, file.number, file.path.name))
    latest = {file.original: file for file in in_order}
    superseded = tuple(file.path for file in in_order if file is not latest[file.original])
    kept = sorted(latest.values(), key=lambda file: file.original)
    return HandIn(
        student=kept[0].student,
        name=kept[0].name,
        pieces=tuple(Piece(file.path, file.original) for file in kept),
        newest_ns=max(changed_ns(file.path) for file in kept),
        late=any(file.late for file in kept),
        earlier=superseded,
    )
