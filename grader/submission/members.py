"""Which names and kinds of zip members are safe to write."""

from __future__ import annotations

import re
import unicodedata
import zipfile

from grader.errors import SubmissionError
from grader.submission.files import MAX_DEPTH, irregularity
from grader.submission.names import quoted

# File systems allow 255 for a name and 4096 for a path, of which we use the beginning ourselves.
_PART_BYTES = 240
_PATH_BYTES = 1024
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1 | 0x40
_UNIX = 3


def member_path(info: zipfile.ZipInfo) -> tuple[str, ...]:
    """The folders and the name of a member, as it may be written below some folder.

    Backslashes separate folders too, since some Windows programs write them.

    Raises:
        SubmissionError: it leads outside, or no file system would hold the name.
    """
    name = info.orig_filename
    parts = tuple(part for part in re.split(r"[/\\]", name) if part not in ("", "."))
    fault = _fault(name, parts)
    if fault:
        raise SubmissionError(f"the member {quoted(name)} {fault}; make the zip anew.")
    return parts


def _fault(name: str, parts: tuple[str, ...]) -> str:
    outside = name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name) or ".." in parts
    if outside:
        return "leads outside the archive"
    if not parts:
        return "has no name"
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        return "has a control character in its name"
    if len(parts) > MAX_DEPTH:
        return f"is nested in more than {MAX_DEPTH} folders"
    longest = max(len(part.encode()) for part in parts)
    too_long = longest > _PART_BYTES or len(name.encode()) > _PATH_BYTES
    return (
        f"has a name longer than {_PART_BYTES} or a path longer than {_PATH_BYTES} bytes"
        if too_long
        else ""
    )


def require_readable(info: zipfile.ZipInfo) -> None:
    """Refuses a member that is not an ordinary file, or that only its packer can read.

    Raises:
        SubmissionError: it is a link or device, encrypted, or compressed in an unusual way.
    """
    mode = info.external_attr >> 16 if info.create_system == _UNIX else 0
    # Without a kind in its mode a member is an ordinary file: zipfile.writestr leaves it out.
    kind = irregularity(mode) if mode & 0o170000 and not info.is_dir() else ""
    if kind:
        raise SubmissionError(
            f"{quoted(info.filename)} is {kind}, which is never unpacked; pack the file itself."
        )
    if info.flag_bits & _ENCRYPTED:
        raise SubmissionError(f"{quoted(info.filename)} is encrypted; pack it without a password.")
    if info.compress_type not in _METHODS:
        raise SubmissionError(
            f"{quoted(info.filename)} is compressed by method {info.compress_type}; only ordinary "
            "zip compression (deflate) is unpacked."
        )
