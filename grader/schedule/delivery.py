"""A result on its way from a task to the scheduler: one file, there as a whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from grader.results import SubmissionResult
from grader.submission import slug

SUFFIX = ".result"
_KEY_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a task has found out about one submission.

    Attributes:
        key: of submission, assignment and environment, under which the result is kept.
        notebook: text of the executed notebook; empty where nothing was executed.
    """

    key: str
    result: SubmissionResult
    notebook: str = ""


def name_of(student_id: str, key: str) -> str:
    """The file's name: the same submission under the same key is always the same file."""
    return f"{slug(student_id)}.{key[:_KEY_CHARACTERS]}{SUFFIX}"


def deliver(folder: Path, delivery: Delivery) -> None:
    """Writes a delivery; a crash at any moment leaves the file that was there, or none."""
    row = {
        "key": delivery.key,
        "result": delivery.result.to_json(),
        "notebook": delivery.notebook,
    }
    write(folder / name_of(delivery.result.student_id, delivery.key), json.dumps(row))


def delivered(path: Path) -> Delivery | None:
    """Reads a delivery; None where there is none, or only a part of one."""
    text = read(path)
    if text is None:
        return None
    row = json.loads(text)
    return Delivery(row["key"], SubmissionResult.from_json(row["result"]), row["notebook"])


def write(path: Path, text: str) -> None:
    """Puts a file in its place with a digest in its first line, in one step."""
    body = text.encode("utf-8", "backslashreplace")
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as partial:
        try:
            partial.write(_seal(body) + b"\n" + body)
            partial.flush()
            os.fsync(partial.fileno())
            Path(partial.name).replace(path)
        except BaseException:
            Path(partial.name).unlink(missing_ok=True)
            raise
    # The name is in the folder, which is a file, too.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read(path: Path) -> str | None:
    """The text of such a file; None where it is not there, or not whole."""
    try:
        seal, _, body = path.read_bytes().partition(b"\n")
    except FileNotFoundError:
        return None
    return body.decode("utf-8") if seal == _seal(body) else None


def _seal(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()
