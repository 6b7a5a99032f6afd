"""Writing into a run's folder: whole files, and one sentence where that is not possible."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from grader.errors import InfrastructureError, UsageError


def write(path: Path, parts: Iterable[str]) -> None:
    """Puts a file in its place in one step."""
    partial = path.with_suffix(".partial")
    # Half a surrogate from a file name is no character: it is written as its escape.
    with partial.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        file.writelines(parts)
    partial.replace(path)


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Turns what the disk says into what to do about it."""
    try:
        yield
    except OSError as error:
        raise InfrastructureError(
            f"{out} cannot be written ({error.strerror or error}): free some space and type "
            "the same again; results that are there are kept"
        ) from error


def make(out: Path) -> None:
    """Makes the folder of a run."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{out} cannot be made ({error.strerror}); choose another --out"
        ) from error
