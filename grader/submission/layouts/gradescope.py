"""Gradescope: `submission_metadata.yml` beside a folder `submission_<id>/` for each hand-in.

The YAML is written by Ruby, so its keys begin with a colon: `:submitters:` with `:name:`, `:sid:`
and `:email:`. Several submitters make a group.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from grader.errors import SubmissionError
from grader.submission.files import changed_ns, entries, is_folder, read_bounded
from grader.submission.layouts.handin import HandIn, Listing, Piece

_METADATA = "submission_metadata.yml"
_METADATA_BYTES = 32 << 20
_FOLDER = re.compile(r"submission_\d+")


def read(folder: Path, _title: str) -> Listing | None:
    """The folder as a Gradescope export; None when it is not one."""
    everything = entries(folder)
    metadata_path = folder / _METADATA
    if metadata_path not in everything:
        return None
    table, notes = _table(metadata_path)
    known = {key: value for key, value in table.items() if _FOLDER.fullmatch(key)}
    there = {path.name: path for path in everything if _FOLDER.fullmatch(path.name)}
    hand_ins = [
        _hand_in(key, there.get(key), known.get(key, {})) for key in sorted({*known, *there})
    ]
    return Listing(
        layout="gradescope",
        hand_ins=tuple(hand_ins),
        passed_over=tuple(
            path for path in everything if path.name not in there and path != metadata_path
        ),
        notes=notes,
    )


def _table(path: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    try:
        table = yaml.safe_load(read_bounded(path, _METADATA_BYTES))
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError, SubmissionError):
        table = None
    if isinstance(table, dict):
        return {key: value for key, value in table.items() if isinstance(key, str)}, ()
    note = f"{_METADATA} cannot be read, so students go by the names of their folders."
    return {}, (note,)


def _hand_in(key: str, path: Path | None, row: Any) -> HandIn:
    people = [person for person in _list(_field(row, "submitters")) if isinstance(person, dict)]
    named = sorted((_id(person), _text(person, "name")) for person in people)
    ids = [identity for identity, _ in named if identity]
    names = [name or identity for identity, name in named if name or identity]
    submitted_at = _time(_field(row, "created_at"))
    missing = f"The export lists {key} but does not hold its folder; export it again."
    return HandIn(
        student="+".join(ids) or key,
        name=", ".join(names),
        pieces=() if path is None else (Piece(path, key),),
        newest_ns=_newest_ns(submitted_at, path),
        submitted_at=submitted_at,
        problem=missing if path is None else None,
    )


def _newest_ns(submitted_at: datetime | None, path: Path | None) -> int:
    if submitted_at is not None:
        return int(submitted_at.timestamp() * 1e9)
    return changed_ns(path) if path is not None and is_folder(path) else 0


def _field(row: Any, name: str) -> Any:
    """A field by its Ruby key, or by the plain one that newer exports may write."""
    return row.get(f":{name}", row.get(name)) if isinstance(row, dict) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(person: dict[Any, Any], name: str) -> str:
    value = _field(person, name)
    return str(value).strip() if isinstance(value, str | int) else ""


def _id(person: dict[Any, Any]) -> str:
    return _text(person, "sid") or _text(person, "email") or _text(person, "name")


def _time(value: Any) -> datetime | None:
    if not isinstance(value, datetime):
        return None
    # Gradescope writes UTC; YAML drops the zone where the writer left it out.
    return value if value.tzinfo else value.replace(tzinfo=UTC)
