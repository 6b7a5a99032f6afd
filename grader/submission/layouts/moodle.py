"""Moodle: `Jane Doe_4417_assignsubmission_file/vae.ipynb`, or flat with one more underscore.

Older exports end the folder in `_file_`. A blind export calls everybody `Participant`. Text typed
into the page comes as `..._assignsubmission_onlinetext...` and is no file of the student's.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.submission.files import changed_ns, entries, is_folder
from grader.submission.layouts.handin import HandIn, Listing, Piece, mostly

_ENTRY = re.compile(
    r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?P<kind>file|onlinetext)(?:_(?P<original>.*))?",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class _Entry:
    path: Path
    student: str
    name: str
    original: str
    typed: bool


def read(folder: Path, _title: str) -> Listing | None:
    """The folder as a Moodle export; None when it is not one."""
    everything = entries(folder)
    ours = [entry for path in everything if (entry := _entry(path)) is not None]
    if not mostly(len(ours), everything):
        return None
    by_student: dict[str, list[_Entry]] = defaultdict(list)
    for entry in ours:
        by_student[entry.student].append(entry)
    known = {entry.path for entry in ours}
    return Listing(
        layout="moodle",
        hand_ins=tuple(hand_in for group in by_student.values() for hand_in in _hand_ins(group)),
        passed_over=tuple(path for path in everything if path not in known),
    )


def _entry(path: Path) -> _Entry | None:
    match = _ENTRY.fullmatch(path.name)
    if match is None:
        return None
    name = match["name"]
    return _Entry(
        path=path,
        student=match["id"],
        name=f"Participant {match['id']}" if name == "Participant" else name,
        original=match["original"] or path.name,
        typed=match["kind"] == "onlinetext",
    )


def _hand_ins(group: list[_Entry]) -> Iterator[HandIn]:
    """One for each folder of a student, and one for all of the student's flat files."""
    entries_of = [entry for entry in group if not entry.typed] or group
    flat = [entry for entry in entries_of if not is_folder(entry.path)]
    for entry in entries_of:
        if is_folder(entry.path):
            yield _hand_in([entry])
    if flat:
        yield _hand_in(flat)


def _hand_in(group: list[_Entry]) -> HandIn:
    return HandIn(
        student=group[0].student,
        name=group[0].name,
        pieces=tuple(Piece(entry.path, entry.original) for entry in group),
        newest_ns=max(changed_ns(entry.path) for entry in group),
    )
