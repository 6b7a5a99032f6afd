"""What the author of an assignment has written, loaded: checks, known mistakes, their sentences."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from grader.assignment import Assignment
from grader.checks.context import Catalogue, Variant
from grader.checks.declare import Check
from grader.checks.loading import load_checks, require_complete
from grader.errors import AssignmentError
from grader.kernel.local import LocalSubject


def assignment_checks(assignment: Assignment) -> tuple[Check, ...]:
    """The assignment's checks, held against its questions.

    Raises:
        AssignmentError: they cannot be loaded, or points do not add up.
    """
    more = (assignment.dialect_checks,) if assignment.dialect_checks else ()
    checks = _loaded(assignment.folder, *more)
    if assignment.dialect:
        asked = {question.id for question in assignment.questions}
        checks = tuple(check for check in checks if check.question in asked)
    require_complete(checks, assignment.questions)
    return checks


def catalogue_of(assignment: Assignment) -> Catalogue | None:
    """The assignment's known mistakes, with a right solution to put them into.

    Raises:
        AssignmentError: the module that the TOML names cannot be imported, or is no catalogue.
    """
    if not assignment.catalogue:
        return None
    module = _catalogue_module(assignment)
    right: dict[str, Any] = dict(getattr(module, "SOLUTION", {}))
    for variant in module.VARIANTS:
        right.setdefault(variant.function, variant.code)
    return Catalogue(module.MISTAKES, lambda overrides: LocalSubject({**right, **overrides}))


def variants_of(assignment: Assignment) -> Sequence[Variant]:
    """Honest ways of being right, of the assignment's catalogue.

    Raises:
        AssignmentError: as for `catalogue_of`.
    """
    return _catalogue_module(assignment).VARIANTS if assignment.catalogue else ()


def sentences(assignment: Assignment) -> dict[str, str]:
    """What to say about each known mistake, by id."""
    catalogue = catalogue_of(assignment)
    return {} if catalogue is None else {m.id: m.says for m in catalogue.mistakes}


def _catalogue_module(assignment: Assignment) -> Any:
    toml = assignment.folder / "assignment.toml"
    try:
        module = _imported(assignment.folder, assignment.catalogue)
    except Exception as error:
        raise AssignmentError(
            f"{toml}: catalogue: {assignment.catalogue} cannot be imported "
            f"({type(error).__name__}: {error}); name a module with MISTAKES and VARIANTS, or a "
            "file of this folder"
        ) from error
    for name in ("MISTAKES", "VARIANTS"):
        if not hasattr(module, name):
            raise AssignmentError(
                f"{toml}: catalogue: {assignment.catalogue} has no {name}; name a module that does"
            )
    return module


def _imported(folder: Path, name: str) -> ModuleType:
    """A module by its dotted name, or a file of the assignment's own folder."""
    if not name.endswith(".py"):
        return importlib.import_module(name)
    path = folder / Path(name).name
    spec = importlib.util.spec_from_file_location(f"_catalogue_of_{folder.name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def _loaded(folder: Path, *more: Path) -> tuple[Check, ...]:
    return load_checks(folder, *more)
