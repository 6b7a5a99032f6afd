"""The results of a run on disk: SQLite in WAL mode, one row as soon as something is known.

Written by one process only. A kill at any moment leaves every finished submission in place.
"""

from __future__ import annotations

import fcntl
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from grader.checks.verdict import Verdict
from grader.errors import InfrastructureError, UsageError
from grader.results import SubmissionResult

_SCHEMA = """
create table if not exists results (
    student_id text primary key,
    key text not null,
    status text not null,
    result text not null,
    finished_at text not null default current_timestamp
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


class Store:
    """What is known about every submission of one output folder.

    Args:
        folder: the run's output folder.

    Raises:
        UsageError: another run is writing there, or the file is no store.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / FILE
        self._lock = (folder / f"{FILE}.lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.close()
            raise UsageError(
                f"another run is writing to {folder}: wait for it, or choose another --out"
            ) from error
        try:
            self._db = sqlite3.connect(path, timeout=1, isolation_level=None)
            self._db.execute("pragma journal_mode = wal")
            self._db.execute("pragma synchronous = full")
            self._db.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            raise UsageError(f"{path}: {error}; choose another --out or remove the file") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.close()
        self._lock.close()

    def begin(self, student_id: str) -> None:
        """Forgets the verdicts of an earlier, unfinished try."""
        with self._written():
            self._db.execute("delete from verdicts where student_id = ?", (student_id,))

    def add_verdict(self, student_id: str, verdict: Verdict) -> None:
        """Keeps one verdict at once, before the submission is finished."""
        row = (student_id, verdict.question, verdict.check, json.dumps(verdict.to_json()))
        with self._written():
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
            self._db.execute(
                "insert or replace into results (student_id, key, status, result) "
                "values (?, ?, ?, ?)",
                row,
            )

    def finished(self, student_id: str) -> str | None:
        """The key under which a student's result stands; None for infrastructure failures."""
        found = self._db.execute(
            "select key from results where student_id = ? and status != 'infrastructure'",
            (student_id,),
        ).fetchone()
        return None if found is None else str(found[0])

    def results(self) -> Iterator[SubmissionResult]:
        """Every result, ordered by student."""
        rows = self._db.execute("select result from results order by student_id")
        for (text,) in rows:
            yield SubmissionResult.from_json(json.loads(text))

    def forget_others(self, student_ids: set[str]) -> None:
        """Drops results of students who are no longer among the submissions."""
        known = {row[0] for row in self._db.execute("select student_id from results")}
        with self._written():
            for student_id in known - student_ids:
                self._db.execute("delete from results where student_id = ?", (student_id,))
                self._db.execute("delete from verdicts where student_id = ?", (student_id,))

    def fact(self, name: str) -> str | None:
        """Something about the run as a whole, such as the assignment's folder."""
        found = self._db.execute("select value from facts where name = ?", (name,)).fetchone()
        return None if found is None else str(found[0])

    def set_fact(self, name: str, value: str) -> None:
        """Keeps something about the run as a whole."""
        with self._written():
            self._db.execute("insert or replace into facts values (?, ?)", (name, value))

    @contextmanager
    def _written(self) -> Iterator[None]:
        try:
            self._db.execute("begin immediate")
            yield
            self._db.execute("commit")
        except sqlite3.OperationalError as error:
            raise InfrastructureError(
                f"the results cannot be written ({error}): free some space or choose another "
                "--out; what is there already is kept"
            ) from error
