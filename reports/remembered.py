"""What pages were last made of, so that only those are written again whose inputs have changed.

It stands beside the folder of the pages. Losing it costs time and nothing else.
"""

from __future__ import annotations

import hashlib
import sqlite3
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from grader.results import SubmissionResult

_HERE = Path(__file__).parent
_SUFFIXES = {".py", ".html", ".css", ".js"}
_LEFT_OUT = {"submissions", "__pycache__"}
_SCHEMA = """
create table if not exists pages (name text primary key, inputs text not null) strict;
create table if not exists prints (inputs text primary key, prints blob not null) strict;
"""


class Remembered:
    """Digests of inputs by page, and fingerprints of code by notebook.

    Args:
        path: of the file; made anew where it cannot be read.

    Raises:
        OSError: nothing can be written there; of every method.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = _opened(path)
        except sqlite3.DatabaseError:
            path.unlink(missing_ok=True)
            with _writing():
                self._db = _opened(path)

    def close(self) -> None:
        """Ends; all that was noted is there already."""
        self._db.close()

    def page(self, name: str) -> str | None:
        """Of what a page was last made."""
        found = self._one("select inputs from pages where name = ?", name)
        return None if found is None else str(found)

    def keep_page(self, name: str, inputs: str) -> None:
        """Notes that a page was written."""
        with _writing():
            self._db.execute("insert or replace into pages values (?, ?)", (name, inputs))

    def prints(self, inputs: str) -> array[int] | None:
        """Fingerprints that were taken before."""
        found = self._one("select prints from prints where inputs = ?", inputs)
        return None if found is None else array("I", found)

    def keep_prints(self, inputs: str, prints: array[int]) -> None:
        """Notes fingerprints."""
        row = (inputs, prints.tobytes())
        with _writing():
            self._db.execute("insert or replace into prints values (?, ?)", row)

    def _one(self, query: str, value: str) -> Any:
        return next((row[0] for row in self._db.execute(query, (value,))), None)


def digest(*parts: str) -> str:
    """Of texts, whose borders count."""
    total = hashlib.sha256()
    for part in parts:
        content = part.encode("utf-8", "surrogatepass")
        total.update(len(content).to_bytes(8, "big") + content)
    return total.hexdigest()


@cache
def code_digest() -> str:
    """Of everything here that pages are made by."""
    files = (path for path in sorted(_HERE.rglob("*")) if path.suffix in _SUFFIXES)
    return digest(*(path.read_text("utf-8") for path in files))


def files_digest(folder: Path) -> str:
    """Of the files of an assignment, by name, size and time; empty where there is none."""
    if not (folder / "assignment.toml").is_file():
        return ""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    kept = (path for path in paths if not _LEFT_OUT & set(path.relative_to(folder).parts))
    return digest(*(f"{p.name} {p.stat().st_size} {p.stat().st_mtime_ns}" for p in kept))


def notebook_digest(result: SubmissionResult, notebooks: Path) -> str:
    """Of the executed notebook; empty where there is none."""
    path = notebooks / Path(result.executed or "none").name
    try:
        with path.open("rb") as notebook:
            return hashlib.file_digest(notebook, "sha256").hexdigest()
    except OSError:
        return ""


def _opened(path: Path) -> sqlite3.Connection:
    # Committed one by one: others may look meanwhile, and an early end loses nothing.
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute("pragma synchronous = off")
        db.executescript(_SCHEMA)
    except sqlite3.Error:
        db.close()
        raise
    return db


@contextmanager
def _writing() -> Iterator[None]:
    """A full disk is one and the same to whoever writes pages, whatever SQLite makes of it."""
    try:
        yield
    except sqlite3.Error as error:
        raise OSError(str(error)) from error
