"""Files that strangers made: listed and opened without ever following a link."""

from __future__ import annotations

import io
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.errors import SubmissionError
from grader.submission.names import quoted

MAX_FILES = 10_000
MAX_DEPTH = 32
MAX_BYTES = 512 << 20
CHUNK_BYTES = 1 << 20

_IGNORED = frozenset({"__MACOSX", "__pycache__", "Thumbs.db", "desktop.ini"})
_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


@dataclass(frozen=True, slots=True)
class Found:
    """A file below a hand-in.

    Attributes:
        name: relative to the hand-in, with forward slashes.
        path: where it is.
        irregular: what it is when it is no ordinary file ("a symbolic link"); such a file is
            never opened.
    """

    name: str
    path: Path
    irregular: str = ""

    @property
    def suffix(self) -> str:
        """The ending in lower case, with its dot."""
        return Path(self.name).suffix.lower()


def is_ignored(name: str) -> bool:
    """Whether a name is hidden or left behind by a system: nobody hands it in on purpose."""
    return name.startswith(".") or name in _IGNORED


def entries(folder: Path) -> list[Path]:
    """What a folder holds, by name, without hidden and system files."""
    return sorted(path for path in folder.iterdir() if not is_ignored(path.name))


def is_folder(path: Path) -> bool:
    """Whether this is a folder itself, not a link to one."""
    return stat.S_ISDIR(path.lstat().st_mode)


def is_regular(path: Path) -> bool:
    """Whether this is an ordinary file itself, not a link to one."""
    return irregularity(path.lstat().st_mode) == ""


def irregularity(mode: int) -> str:
    """What a file of this mode is when it is no ordinary file; "" when it is."""
    kind = stat.S_IFMT(mode)
    return "" if kind == stat.S_IFREG else _KINDS.get(kind, "not an ordinary file")


def walk(folder: Path) -> list[Found]:
    """Every file below a folder, by name; links and devices are listed and not entered.

    Raises:
        SubmissionError: more than 10,000 files, or folders nested deeper than 32.
    """
    found: list[Found] = []
    for file in _descend(folder, "", 0):
        found.append(file)
        if len(found) > MAX_FILES:
            raise SubmissionError(
                f"The hand-in holds more than {MAX_FILES} files; hand in the notebook and its "
                "modules only."
            )
    return sorted(found, key=lambda file: file.name)


def _descend(folder: Path, prefix: str, depth: int) -> Iterator[Found]:
    if depth > MAX_DEPTH:
        raise SubmissionError(f"The hand-in nests folders deeper than {MAX_DEPTH}; flatten it.")
    try:
        inside = entries(folder)
    except OSError as error:
        raise SubmissionError(
            f"The folder {quoted(folder.name)} cannot be read: {error.strerror}."
        ) from error
    for path in inside:
        name = prefix + path.name
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            yield from _descend(path, name + "/", depth + 1)
        else:
            yield Found(name, path, irregularity(mode))


def open_regular(path: Path) -> io.BufferedReader:
    """Opens an ordinary file for reading, and nothing else.

    The kind is read before opening, since opening a device may already act on it, and once more
    from the open file, since it may have been exchanged in between.

    Raises:
        SubmissionError: it is a link, pipe, socket, device or folder, or cannot be opened.
    """
    try:
        _require_regular(path, path.lstat().st_mode)
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise SubmissionError(f"{quoted(path.name)} cannot be opened: {error.strerror}.") from error
    file = os.fdopen(descriptor, "rb")
    try:
        _require_regular(path, os.fstat(descriptor).st_mode)
    except SubmissionError:
        file.close()
        raise
    return file


def _require_regular(path: Path, mode: int) -> None:
    kind = irregularity(mode)
    if kind:
        raise SubmissionError(
            f"{quoted(path.name)} is {kind}, which is never opened; hand in the file itself."
        )


def read_bounded(path: Path, max_bytes: int) -> bytes:
    """The bytes of an ordinary file.

    Raises:
        SubmissionError: it is no ordinary file, or larger than `max_bytes`.
    """
    with open_regular(path) as file:
        size_bytes = os.fstat(file.fileno()).st_size
        content = b"" if size_bytes > max_bytes else file.read(max_bytes + 1)
    size_bytes = max(size_bytes, len(content))
    if size_bytes > max_bytes:
        raise SubmissionError(
            f"{quoted(path.name)} has {size_bytes / (1 << 20):.1f} MiB, more than the "
            f"{max_bytes / (1 << 20):g} MiB that are read; clear its outputs and hand it in again."
        )
    return content


def require_moderate(files: list[Found]) -> None:
    """Refuses a hand-in whose ordinary files are larger than 512 MiB together."""
    total_bytes = sum(file.path.lstat().st_size for file in files if not file.irregular)
    if total_bytes > MAX_BYTES:
        raise SubmissionError(
            f"The hand-in has {total_bytes >> 20} MiB, more than the {MAX_BYTES >> 20} MiB that "
            "are graded; hand in the notebook and its modules without data and checkpoints."
        )


def copy_regular(source: Path, target: Path) -> None:
    """Copies the bytes of an ordinary file to a new one; the time of change goes with them."""
    with open_regular(source) as file, target.open("xb") as sink:
        status = os.fstat(file.fileno())
        shutil.copyfileobj(file, sink, CHUNK_BYTES)
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def changed_ns(path: Path) -> int:
    """When a file, or the newest file below a folder, was last changed; ns since 1970.

    A folder that cannot be walked counts by its own time.
    """
    if not is_folder(path):
        return path.lstat().st_mtime_ns
    try:
        times = [file.path.lstat().st_mtime_ns for file in walk(path)]
    except SubmissionError:
        times = []
    return max(times, default=path.lstat().st_mtime_ns)
