"""What the author of an assignment has written, loaded: checks, known mistakes, their sentences."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from typing import Any

from grader.assignment import Assignment
from grader.checks.context import Catalogue
from grader.checks.declare import Check
from grader.checks.loading import load_checks, require_complete
from grader.errors import AssignmentError
from grader.kernel.local import LocalSubject


def assignment_checks(assignment: Assignment) -> tuple[Check, ...]:
    """The assignment's checks, held against its questions.

    Raises:
        AssignmentError: they cannot be loaded, or points do not add up.
    """
    checks = _loaded(assignment.folder)
    require_complete(checks, assignment.questions)
    return checks


def catalogue_of(assignment: Assignment) -> Catalogue | None:
    """The assignment's known mistakes, with a right solution to put them into.

    Raises:
        AssignmentError: the module that the TOML names cannot be imported.
    """
    if not assignment.catalogue:
        return None
    try:
        module = importlib.import_module(assignment.catalogue)
    except ImportError as error:
        raise AssignmentError(
            f"{assignment.folder / 'assignment.toml'}: catalogue: {error}"
        ) from error
    right: dict[str, Any] = {}
    for variant in module.VARIANTS:
        right.setdefault(variant.function, variant.code)
    return Catalogue(module.MISTAKES, lambda overrides: LocalSubject({**right, **overrides}))


def sentences(assignment: Assignment) -> dict[str, str]:
    """What to say about each known mistake, by id."""
    catalogue = catalogue_of(assignment)
    return {} if catalogue is None else {m.id: m.says for m in catalogue.mistakes}


@cache
def _loaded(folder: Path) -> tuple[Check, ...]:
    return load_checks(folder)
