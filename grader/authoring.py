"""What an author writes in TOML: read, and its faults told by file and key."""

from __future__ import annotations

import reprlib
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from grader.errors import AssignmentError

# Set while an assignment is read, never in its file.
_NOT_WRITTEN = ("folder", "dialect", "dialect_checks")


class Table(BaseModel):
    """A table of the TOML: what it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def read_table(path: Path) -> dict[str, Any]:
    """What the TOML of an assignment or a dialect says.

    Raises:
        AssignmentError: it cannot be read, is malformed, or sets what is never written there.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AssignmentError(f"{path}: not valid TOML: {error}; correct that line") from error
    except OSError as error:
        raise AssignmentError(f"{path} cannot be read ({error.strerror})") from error
    for key in _NOT_WRITTEN:
        if key in table:
            raise AssignmentError(f"{path}: {key}: there is no such key; take it out")
    return table


def explain(error: ValidationError, table: dict[str, Any]) -> str:
    """The first of the errors in one sentence: where, what is wrong, what to do."""
    # A misspelt key is missing as well, under its right name: said first, it explains both.
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    given = reprlib.repr(first["input"])
    match first["type"]:
        case "extra_forbidden":
            what = f"there is no such key{_meant(str(first['loc'][-1]))}; rename it or take it out"
        case "missing":
            what = "this key is missing; add it"
        case "tuple_type":
            what = f"this takes a list, not {given}"
        case "model_type" | "dict_type":
            what = f"this takes a table, not {given}"
        case "value_error":
            what = f"{first['ctx']['error']!s}, not {given}"
        case _:
            what = f"{first['msg'][0].lower()}{first['msg'][1:]}, not {given}"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{_place(first['loc'], table)}: {what}{more}"


def _place(loc: tuple[int | str, ...], table: dict[str, Any]) -> str:
    """The key in the file; a question by its id rather than by its number."""
    if loc[0] == "question" and len(loc) > 1 and isinstance(loc[1], int):
        question = table["question"][loc[1]]
        known = isinstance(question, dict) and isinstance(question.get("id"), str)
        name = repr(question["id"]) if known else f"number {loc[1] + 1}"
        return f"question {name}" + (f", {_dotted(loc[2:])}" if loc[2:] else "")
    return _dotted(loc)


def _dotted(loc: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in loc)


def _meant(unknown: str) -> str:
    """The key that an unknown one looks like."""
    keys = [key for table in Table.__subclasses__() for key in table.model_fields]
    close = get_close_matches(unknown, keys, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
