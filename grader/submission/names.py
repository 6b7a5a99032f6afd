"""Names that strangers chose, made fit for ids, messages and file names."""

from __future__ import annotations

import hashlib
import re
import unicodedata

ID_CHARACTERS = 120
NAME_CHARACTERS = 200
_SLUG_CHARACTERS = 60
_HASH_CHARACTERS = 12

# Windows opens a device under these names, whatever the ending.
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
_PLAIN_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9_-])?")


def printable(text: str, limit: int = NAME_CHARACTERS) -> str:
    """The text on one line, without control or invisible characters, at most `limit` long."""
    seen = "".join(c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    kept = unicodedata.normalize("NFC", " ".join(seen.split()))
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def quoted(name: str) -> str:
    """A hostile file name for use inside a message."""
    return f"'{printable(name, 80)}'"


def clean_id(raw: str) -> str:
    """A student's id that can be shown and compared.

    Composed and decomposed Unicode give the same id. Whatever else has to change brings a hash of
    the original, so that different originals keep different ids.
    """
    normal = unicodedata.normalize("NFC", raw)
    kept = printable(normal, ID_CHARACTERS)
    if kept == normal and kept:
        return kept
    room = ID_CHARACTERS - _HASH_CHARACTERS - 1
    return f"{kept.rstrip('…')[:room] or 'unnamed'}~{_hash(normal)}"


def slug(student_id: str) -> str:
    """A file name for a student, unique even where upper and lower case are the same.

    Ids of plain lower-case characters are their own slug. Others end in `~` and a hash; a plain
    id cannot hold a `~`, so the two kinds never meet.
    """
    fits = len(student_id) <= _SLUG_CHARACTERS and not _RESERVED.fullmatch(student_id)
    if fits and _PLAIN_SLUG.fullmatch(student_id):
        return student_id
    ascii_only = unicodedata.normalize("NFKD", student_id).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-")[:_SLUG_CHARACTERS]
    return f"{stem or 'student'}~{_hash(student_id)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_CHARACTERS]
