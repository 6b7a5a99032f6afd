"""A student's kit, read: what `grader release` has written beside the notebook."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.checks.loading import load_checks
from grader.errors import UsageError
from grader.public import Sheet
from grader.recorded import recorded_catalogue

FILE = "kit.json"
DATA = "data"


@dataclass(frozen=True, slots=True)
class KitSignature:
    """Name and arguments of a function that a question asks for."""

    name: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KitQuestion:
    """A question as students know it."""

    id: str
    sheet: str
    title: str
    points: float
    function: KitSignature | None = None
    also: tuple[KitSignature, ...] = ()
    requires: tuple[str, ...] = ()
    checked_as: None = None
    manual: bool = False


def is_kit(folder: Path) -> bool:
    """Whether a folder is a kit, unpacked."""
    return (folder / FILE).is_file()


def read_kit(folder: Path) -> Sheet:
    """The sheet of the kit in a folder.

    Raises:
        UsageError: the kit is not complete.
    """
    try:
        table = json.loads((folder / FILE).read_text("utf-8"))
        questions = tuple(map(_question, table["questions"]))
        catalogue = recorded_catalogue(table["mistakes"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{folder / FILE} cannot be read ({error}); unpack the kit once more"
        ) from error
    return Sheet(
        name=table["name"],
        version=table["version"],
        questions=questions,
        checks=load_checks(folder / "assignments" / table["name"]),
        catalogue=catalogue,
        data=folder / DATA,
    )


def installed_sheet(name: str) -> Sheet:
    """The same for an assignment that is installed here, by name or folder.

    Raises:
        UsageError: there is none, or this grader is a kit's own, which knows one assignment only.
        AssignmentError: it cannot be loaded.
    """
    try:
        # By name, so that a kit, which brings what is imported, does not bring this.
        sheets = importlib.import_module("grader.selfcheck")
    except ModuleNotFoundError as error:
        raise UsageError(f"{name!r} is not part of this kit: leave the assignment out") from error
    sheet: Sheet = sheets.public_sheet(name)
    return sheet


def _question(entry: Mapping[str, Any]) -> KitQuestion:
    function = entry["function"]
    return KitQuestion(
        **{
            **entry,
            "function": None if function is None else _signature(function),
            "also": tuple(map(_signature, entry["also"])),
            "requires": tuple(entry["requires"]),
        }
    )


def _signature(entry: Mapping[str, Any]) -> KitSignature:
    return KitSignature(entry["name"], tuple(entry["arguments"]))
