"""What every layout is read into."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Piece:
    """A file or folder that a platform stored for a student.

    Attributes:
        path: where it is.
        name: what the student called it.
    """

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class HandIn:
    """One attempt of one student or group, before anybody has looked inside.

    Attributes:
        student: the platform's id as it stands there.
        name: as the platform writes it.
        pieces: what was handed in together; a folder always stands alone.
        newest_ns: orders the attempts of one student.
        earlier: superseded files that the platform keeps beside these.
        problem: what is wrong before any piece is looked at.
    """

    student: str
    name: str
    pieces: tuple[Piece, ...]
    newest_ns: int = 0
    submitted_at: datetime | None = None
    late: bool = False
    earlier: tuple[Path, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A folder, read as a layout.

    Attributes:
        layout: its name.
        hand_ins: in any order, several for a student who handed in several times.
        passed_over: entries that are nobody's hand-in.
        notes: further sentences for the TA.
    """

    layout: str
    hand_ins: tuple[HandIn, ...]
    passed_over: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


def mostly(recognised: int, entries: list[Path]) -> bool:
    """Whether enough entries carry a platform's name pattern for the folder to be its export.

    A single student may have chosen such a name; a whole class has not. Files that a TA puts
    beside an export (a README, a roster) are few.
    """
    return recognised > 0 and 2 * recognised >= len(entries)
