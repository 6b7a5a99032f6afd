"""Unpacking a zip from a stranger: nothing lands outside its folder, and nothing fills the disk."""

from __future__ import annotations

import calendar
import os
import shutil
import unicodedata
import zipfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from grader.errors import SubmissionError
from grader.submission.archive import damage_told, opened_zip
from grader.submission.files import CHUNK_BYTES, is_ignored
from grader.submission.members import member_path, require_readable
from grader.submission.names import quoted

_RATIO_FREE_BYTES = 16 << 20
# The archive's table of contents is read in one piece; 10,000 members need about 2 MiB.
_STUDENT_DIRECTORY_BYTES = 4 << 20
_EXPORT_DIRECTORY_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may come out of an archive, or of one student's part of it.

    Attributes:
        total_bytes: of everything unpacked.
        members: files and folders.
        ratio: unpacked bytes for one of the archive, once 16 MiB are out. Text, tables and
            notebooks stay below 50.
    """

    total_bytes: int = 512 << 20
    members: int = 10_000
    ratio: int = 200


STUDENT = Limits()
# A class of 1,000 that hands in 30 MiB each still fits. Deflate never exceeds 1032: whether
# something is a bomb is judged for each student alone.
EXPORT = Limits(total_bytes=32 << 30, members=200_000, ratio=1032)


@dataclass(slots=True)
class Refused:
    """What was left out of an unpacked export.

    Attributes:
        problems: by the empty file that stands where the member belongs.
        nameless: of members that have no place: their names lead outside or are taken.
    """

    problems: dict[Path, str] = field(default_factory=dict)
    nameless: list[str] = field(default_factory=list)


class _ExhaustedError(SubmissionError):
    """A limit is reached: what follows is not unpacked either."""


@dataclass(slots=True)
class _Budget:
    """Counts what really comes out; the sizes that an archive claims are never believed."""

    limits: Limits
    archive_bytes: int
    written_bytes: int = 0
    members: int = 0

    def count_member(self) -> None:
        self.members += 1
        if self.members > self.limits.members:
            raise _ExhaustedError(f"holds more than {self.limits.members} files; pack fewer.")

    def count_bytes(self, written_bytes: int) -> None:
        self.written_bytes += written_bytes
        if self.written_bytes > self.limits.total_bytes:
            raise _ExhaustedError(
                f"unpacks to more than {self.limits.total_bytes >> 20} MiB; pack the notebook and "
                "its modules without data and checkpoints."
            )

        if self.written_bytes > max(_RATIO_FREE_BYTES, self.limits.ratio * self.archive_bytes):
            raise _ExhaustedError(
                f"unpacks to more than {self.limits.ratio} times its size, as a zip bomb "
                "does; pack the files anew."
            )


@dataclass(slots=True)
class _Part:
    """One student's share of an archive."""

    budget: _Budget
    taken: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    closed: bool = False

    def claim(self, path: tuple[str, ...], *, is_folder: bool) -> None:
        """Refuses a second member of the same name, also where case makes no difference."""
        key = _folded(path)
        parents = {_folded(path[:end]) for end in range(1, len(path))}
        clash = key in self.taken or parents & self.taken or (not is_folder and key in self.folders)
        if clash:
            raise SubmissionError(
                f"holds {quoted('/'.join(path))} twice, counting upper and lower case as the same; "
                "rename one."
            )
        self.folders |= parents
        (self.folders if is_folder else self.taken).add(key)


def unpack_submission(archive: Path, to: Path) -> None:
    """Unpacks one student's zip into a new folder, completely or not at all.

    Raises:
        SubmissionError: it is no zip, a member is encrypted, a link, or leads outside, or it
            grows beyond 512 MiB or 10,000 files.
    """
    to.mkdir(parents=True)
    try:
        with opened_zip(archive, _STUDENT_DIRECTORY_BYTES) as source:
            part = _Part(_Budget(STUDENT, archive.stat().st_size))
            for info in source.infolist():
                _extract(source, info, to, part)
    except SubmissionError as error:
        shutil.rmtree(to, ignore_errors=True)
        raise SubmissionError(f"The archive {quoted(archive.name)}: {error}") from error


def unpack_export(archive: Path, to: Path) -> Refused:
    """Unpacks a platform's zip; what is wrong with one student's part is told, not raised.

    A student's part is what lies below one entry of the first level that branches; each has the
    limits of a student's own zip.

    Raises:
        SubmissionError: the archive as a whole cannot be read, or is too large.
    """
    to.mkdir(parents=True)
    refused = Refused()
    with opened_zip(archive, _EXPORT_DIRECTORY_BYTES) as source:
        archive_bytes = archive.stat().st_size
        whole = _Budget(EXPORT, archive_bytes)
        depth = _branching(source)
        parts: dict[tuple[str, ...], _Part] = {}
        for info in source.infolist():
            whole.count_member()
            try:
                path = member_path(info)
            except SubmissionError as error:
                refused.nameless.append(str(error))
                continue
            part = parts.setdefault(path[:depth], _Part(_Budget(STUDENT, archive_bytes)))
            before_bytes = part.budget.written_bytes
            _extract_or_mark(source, info, to, part, refused)
            whole.count_bytes(part.budget.written_bytes - before_bytes)
    return refused


def _branching(source: zipfile.ZipFile) -> int:
    """How many leading names tell the students' parts apart."""
    paths = []
    for info in source.infolist():
        with suppress(SubmissionError):
            path = member_path(info)
            if not info.is_dir() and not any(map(is_ignored, path)):
                paths.append(path)
    depth = 1
    while len({path[:depth] for path in paths}) == 1 and all(len(path) > depth for path in paths):
        depth += 1
    return depth


def _extract_or_mark(
    source: zipfile.ZipFile, info: zipfile.ZipInfo, to: Path, part: _Part, refused: Refused
) -> None:
    if part.closed:
        return
    try:
        _extract(source, info, to, part)
    except SubmissionError as error:
        part.closed = isinstance(error, _ExhaustedError)
        mark = to.joinpath(*member_path(info))
        try:
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch(exist_ok=False)
        except OSError:  # another member has the name already
            refused.nameless.append(f"one member {error}")
        else:
            refused.problems[mark] = f"In the export it {error}"


def _extract(source: zipfile.ZipFile, info: zipfile.ZipInfo, to: Path, part: _Part) -> None:
    path = member_path(info)
    if any(map(is_ignored, path)):
        return
    part.budget.count_member()
    require_readable(info)
    part.claim(path, is_folder=info.is_dir())
    target = to.joinpath(*path)
    try:
        if info.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(source, info, target, part.budget)
    except FileExistsError as error:
        raise SubmissionError(f"holds {quoted(info.filename)} twice; rename one.") from error


def _write(source: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, budget: _Budget) -> None:
    # O_EXCL writes through no link and over no file, whatever stands there.
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        with os.fdopen(descriptor, "wb") as sink, damage_told(), source.open(info) as member:
            _pour(member, sink, budget)
    except SubmissionError:
        target.unlink()
        raise
    with suppress(ValueError, OverflowError):  # a zip may claim the 31st of February
        seconds = calendar.timegm((*info.date_time, 0, 0, 0))
        os.utime(target, (seconds, seconds))


def _pour(member: IO[bytes], sink: IO[bytes], budget: _Budget) -> None:
    while chunk := member.read(CHUNK_BYTES):
        budget.count_bytes(len(chunk))
        sink.write(chunk)


def _folded(path: tuple[str, ...]) -> str:
    return unicodedata.normalize("NFC", "/".join(path)).casefold()
