"""What a store's file holds, as it is read: row by row, by any number of processes at once."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from grader import marks
from grader.effective import with_marks
from grader.errors import InfrastructureError
from grader.results import SubmissionResult


class Reader:
    """What can be asked of a store's file, by any number of processes at the same time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db = connected(path)

    def close(self) -> None:
        """Lets go of the file."""
        self._db.close()

    def finished(self, student_id: str) -> str | None:
        """The key under which a student's result stands; None for infrastructure failures."""
        query = "select key from results where student_id = ? and status != 'infrastructure'"
        return next((str(key) for (key,) in self.rows(query, student_id)), None)

    def results(self) -> Iterator[SubmissionResult]:
        """Every result, ordered by student, with what people marked."""
        in_force = self.marks_in_force()
        for result in self.automatic():
            yield with_marks(result, in_force.get(result.student_id, {}))

    def automatic(self) -> Iterator[SubmissionResult]:
        """Every result as the checks left it, ordered by student."""
        for (text,) in self.rows("select result from results order by student_id"):
            yield SubmissionResult.from_json(json.loads(text))

    def fact(self, name: str) -> str | None:
        """Something about the run as a whole, such as the assignment's folder."""
        rows = self.rows("select value from facts where name = ?", name)
        return next((str(value) for (value,) in rows), None)

    def rows(self, query: str, *values: str) -> Iterator[tuple[Any, ...]]:
        """Rows one by one: a class is larger than what should be in memory at a time."""
        with self._read():
            yield from self._db.execute(query, values)

    def marks_in_force(self) -> dict[str, dict[str, marks.Mark]]:
        """What people decided, by student and question."""
        with self._read():
            given = marks.by_place(self._db)
        found: dict[str, dict[str, marks.Mark]] = {}
        for (student_id, question), own in given.items():
            if mark := marks.in_force(own):
                found.setdefault(student_id, {})[question] = mark
        return found

    @contextmanager
    def _read(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise InfrastructureError(
                f"the results in {self._path} cannot be read ({error}): choose another --out, or "
                "move the file away and run again"
            ) from error


class Kept(Collection[SubmissionResult]):
    """The results of one assignment, read anew each time that they are gone through."""

    def __init__(self, path: Path, assignment: str) -> None:
        self._path = path
        self._assignment = assignment

    def __iter__(self) -> Iterator[SubmissionResult]:
        with closing(Reader(self._path)) as reader:
            yield from (r for r in reader.results() if r.assignment == self._assignment)

    def __len__(self) -> int:
        query = "select count(*) from results where json_extract(result, '$.assignment') = ?"
        with closing(Reader(self._path)) as reader:
            return next(int(count) for (count,) in reader.rows(query, self._assignment))

    def __contains__(self, result: object) -> bool:
        return any(result == kept for kept in self)


class Replaced(Mapping[str, SubmissionResult]):
    """What students had before, read when it is asked for."""

    def __init__(self, store: Reader, marks_: dict[str, dict[str, marks.Mark]]) -> None:
        self._store = store
        self._marks = marks_

    def __getitem__(self, student_id: str) -> SubmissionResult:
        for (text,) in self._store.rows(
            "select result from replaced where student_id = ?", student_id
        ):
            result = SubmissionResult.from_json(json.loads(text))
            return with_marks(result, self._marks.get(student_id, {}))
        raise KeyError(student_id)

    def __iter__(self) -> Iterator[str]:
        for (student_id,) in self._store.rows("select student_id from replaced"):
            yield str(student_id)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def connected(path: Path) -> sqlite3.Connection:
    """A connection that commits by itself."""
    try:
        return sqlite3.connect(path, timeout=1, isolation_level=None)
    except sqlite3.Error as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: sqlite3.Error) -> InfrastructureError:
    """What to say where the file cannot be written."""
    return InfrastructureError(
        f"the results in {path} cannot be written ({error}): free some space or choose another "
        "--out; what is there already is kept"
    )
