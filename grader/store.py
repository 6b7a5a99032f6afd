"""The results of a run on disk: SQLite in WAL mode, one row as soon as something is known.

Written by one process only, people's marks excepted, which are only ever added. A kill at any
moment leaves every finished submission in place.
"""

from __future__ import annotations

import fcntl
import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from grader import marks
from grader.checks.verdict import Verdict
from grader.errors import UsageError
from grader.results import SubmissionResult
from grader.stored import Kept, Reader, Replaced, connected, unwritable

_SCHEMA = """
create table if not exists results (
    student_id text primary key,
    key text not null,
    status text not null,
    result text not null,
    finished_at text not null default current_timestamp
) strict;
create table if not exists replaced (
    student_id text primary key,
    result text not null
) strict;
create table if not exists verdicts (
    student_id text not null,
    question text not null,
    check_name text not null,
    verdict text not null,
    landed_at text not null default current_timestamp,
    primary key (student_id, question, check_name)
) strict;
create table if not exists facts (name text primary key, value text not null) strict;
"""
FILE = "grader.sqlite"


class Store(Reader):
    """What is known about every submission of one output folder.

    Args:
        folder: the run's output folder.

    Raises:
        UsageError: another run is writing there, or the file is no store.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        with ExitStack() as opened:
            opened.enter_context(_locked(folder))
            self._db = opened.enter_context(closing(connected(self._path)))
            _prepare(self._db, self._path)
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._opened.close()

    def begin(self, student_id: str) -> None:
        """Forgets the verdicts of an earlier, unfinished try."""
        with self._unhurried(), self._written():
            self._db.execute("delete from verdicts where student_id = ?", (student_id,))

    def add_verdict(self, student_id: str, verdict: Verdict) -> None:
        """Keeps one verdict at once, before the submission is finished."""
        row = (student_id, verdict.question, verdict.check, json.dumps(verdict.to_json()))
        with self._unhurried(), self._written():
            self._db.execute(
                "insert or replace into verdicts (student_id, question, check_name, verdict) "
                "values (?, ?, ?, ?)",
                row,
            )

    def add_result(self, key: str, result: SubmissionResult) -> None:
        """Keeps a finished submission.

        Args:
            key: of submission, assignment and settings; the same key is not run again.
            result: replaces an earlier one of the same student.
        """
        row = (result.student_id, key, result.status, json.dumps(result.to_json()))
        with self._written():
            # Without a grade there is nothing that a later one could differ from.
            self._db.execute(
                "insert or replace into replaced select student_id, result from results "
                "where student_id = ? and status != 'infrastructure'",
                (result.student_id,),
            )
            self._db.execute(
                "insert or replace into results (student_id, key, status, result) "
                "values (?, ?, ?, ?)",
                row,
            )
            # They are in the result now.
            self._db.execute("delete from verdicts where student_id = ?", (result.student_id,))

    def of(self, assignment: str) -> Collection[SubmissionResult]:
        """The results of one assignment, read from the file each time that they are gone through.

        They can be had after the store was closed, too.
        """
        return Kept(self._path, assignment)

    def replaced(self) -> Mapping[str, SubmissionResult]:
        """What students had before they were last graded again, with what people marked."""
        return Replaced(self, self.marks_in_force())

    def forget_others(self, student_ids: set[str]) -> None:
        """Drops results of students who are no longer among the submissions."""
        known = {row[0] for row in self.rows("select student_id from results")}
        with self._written():
            for student_id in known - student_ids:
                for table in ("results", "replaced", "verdicts"):
                    self._db.execute(f"delete from {table} where student_id = ?", (student_id,))  # noqa: S608

    def set_fact(self, name: str, value: str) -> None:
        """Keeps something about the run as a whole."""
        with self._written():
            self._db.execute("insert or replace into facts values (?, ?)", (name, value))

    @contextmanager
    def _unhurried(self) -> Iterator[None]:
        """Without waiting for the disk.

        What is written outlives this process at once, and a power failure from the next write on
        that is waited for: the verdicts of a submission are then all there, or all run again.
        """
        self._db.execute("pragma synchronous = normal")
        try:
            yield
        finally:
            self._db.execute("pragma synchronous = full")

    @contextmanager
    def _written(self) -> Iterator[None]:
        try:
            self._db.execute("begin immediate")
            yield
            self._db.execute("commit")
        except sqlite3.DatabaseError as error:
            raise unwritable(self._path, error) from error
        finally:
            # Whatever interrupts one transaction, Ctrl-C included, the next must be able to begin.
            if self._db.in_transaction:
                self._db.execute("rollback")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        lock = (folder / f"{FILE}.lock").open("w")
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be written to ({error.strerror}); choose another --out"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(
                f"another run is writing to {folder}: wait for it, or choose another --out"
            ) from error
        yield


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    try:
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = full")
        db.executescript(_SCHEMA + marks.SCHEMA)
    except sqlite3.OperationalError as error:
        raise unwritable(path, error) from error
    except sqlite3.DatabaseError as error:
        raise UsageError(f"{path}: {error}; choose another --out or remove the file") from error
