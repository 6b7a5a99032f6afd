"""What people decided: marks that are only ever added. Which one is in force is derived.

A mark says which one its author had seen (`follows`). Of two that follow the same one the first
is in force; the other is kept, overtaken, until somebody has looked at both. So no writer has to
wait for another, and nothing that was typed is lost.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import astuple, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from grader.errors import InfrastructureError

SCHEMA = """
create table if not exists marks (
    id integer primary key autoincrement,
    student_id text not null,
    question text not null,
    follows integer not null,
    points real,
    comment text not null,
    reason text not null,
    author text not null,
    digest text not null,
    marked_at text not null
) strict;
create trigger if not exists marks_never_change before update on marks
begin select raise(abort, 'marks are never changed'); end;
create trigger if not exists marks_never_go before delete on marks
begin select raise(abort, 'marks are never removed'); end;
"""
_WAIT_SECONDS = 10.0

# Student and question.
Place: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Mark:
    """One decision of one person.

    Attributes:
        follows: id of the mark in force that its author saw; 0 where there was none.
        points: None withdraws what was decided: the checks' verdict stands again.
        comment: for the student.
        reason: why something that had been decided was changed.
        digest: of the hand-in that was read; a mark says nothing about another one.
        id: given by the store, rising.
        marked_at: ISO 8601, UTC; given by the store.
    """

    student_id: str
    question: str
    follows: int
    points: float | None
    comment: str
    reason: str
    author: str
    digest: str
    marked_at: str = ""
    id: int = 0


_COLUMNS = ", ".join(field.name for field in fields(Mark))


class Marks:
    """The marks in a store's file; any number of writers at once.

    Args:
        path: of a file that a `Store` has prepared.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, mark: Mark) -> Mark:
        """Keeps a mark, in force or overtaken; returns it with its id and time."""
        dated = replace(mark, marked_at=datetime.now(UTC).isoformat(timespec="seconds"))
        *values, _ = astuple(dated)
        names = _COLUMNS.rpartition(", ")[0]
        query = f"insert into marks ({names}) values ({', '.join('?' * len(values))})"  # noqa: S608
        try:
            with closing(sqlite3.connect(self._path, timeout=_WAIT_SECONDS)) as db, db:
                return replace(dated, id=db.execute(query, values).lastrowid or 0)
        except sqlite3.Error as error:
            raise InfrastructureError(
                f"the mark cannot be kept in {self._path} ({error}): free some space and save again"
            ) from error

    def by_place(self) -> dict[Place, list[Mark]]:
        """Every mark in the order of saving, by student and question."""
        try:
            with closing(sqlite3.connect(self._path, timeout=_WAIT_SECONDS)) as db:
                return by_place(db)
        except sqlite3.Error as error:
            raise InfrastructureError(f"{self._path} cannot be read ({error})") from error


def by_place(db: sqlite3.Connection) -> dict[Place, list[Mark]]:
    """Every mark in the order of saving, by student and question."""
    found: dict[Place, list[Mark]] = {}
    for row in db.execute(f"select {_COLUMNS} from marks order by id"):  # noqa: S608
        mark = Mark(*row)
        found.setdefault((mark.student_id, mark.question), []).append(mark)
    return found


def in_force(marks: Iterable[Mark]) -> Mark | None:
    """The last one whose author had seen the one before it."""
    current = None
    for mark in marks:
        if mark.follows == (current.id if current else 0):
            current = mark
    return current


def overtaken(marks: Sequence[Mark]) -> list[Mark]:
    """Saved without knowing of the one in force, saying otherwise, and not looked at since."""
    current = in_force(marks)
    if current is None:
        return []
    said = (current.points, current.comment)
    return [mark for mark in marks if mark.id > current.id and (mark.points, mark.comment) != said]
