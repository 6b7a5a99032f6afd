"""Opening a stranger's zip without believing what it says about itself."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from grader.errors import SubmissionError
from grader.submission.files import open_regular
from grader.submission.names import printable

# What zipfile raises for archives that are damaged, or were made to look so.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,  # UnicodeDecodeError among them
)


class _CappedReads(io.RawIOBase):
    """An archive whose table of contents cannot be larger than a limit.

    zipfile reads the table in one piece, of a size that the archive states, and makes an object
    for each entry; everything else it reads in chunks.
    """

    def __init__(self, file: IO[bytes], cap_bytes: int) -> None:
        self._file = file
        self._cap_bytes = cap_bytes

    def read(self, size: int = -1) -> bytes:
        if size > self._cap_bytes:
            raise SubmissionError("has a table of contents that is too long; pack fewer files.")
        return self._file.read(size if size >= 0 else self._cap_bytes)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_SET and offset < 0:
            raise zipfile.BadZipFile("it places a member before its own beginning")
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True


@contextmanager
def opened_zip(archive: Path, directory_bytes: int) -> Iterator[zipfile.ZipFile]:
    """A zip, open for reading, whose table of contents has at most `directory_bytes`.

    Raises:
        SubmissionError: it is no ordinary file, no zip, or its table is longer.
    """
    with open_regular(archive) as file:
        capped = _CappedReads(file, directory_bytes)
        with damage_told():
            opened = zipfile.ZipFile(capped)
        with opened:
            yield opened


@contextmanager
def damage_told() -> Iterator[None]:
    """Turns what zipfile raises for damaged archives into one sentence, which lacks its subject."""
    try:
        yield
    except _DAMAGE as error:
        raise SubmissionError(
            f"cannot be unpacked ({printable(str(error), 120)}); pack the files anew."
        ) from error
