"""Another course's sheet over the same checks: `dialects/NAME.toml` beside `assignment.toml`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from grader.assignment import DIALECTS, Assignment, Question, validated
from grader.authoring import Table, explain, read_table
from grader.errors import AssignmentError, UsageError


class Dialect(Table):
    """What a dialect's TOML says. Only its own questions are asked."""

    title: str
    modules: tuple[str, ...] = ()
    checks: str = Field(default="", description="file beside this one, for its own questions")
    catalogue: str = Field(default="", description="in place of the assignment's")
    question: tuple[dict[str, Any], ...]


def dialects_of(assignment: Assignment) -> tuple[str, ...]:
    """Names of the dialects that stand beside the assignment."""
    return tuple(sorted(path.stem for path in (assignment.folder / DIALECTS).glob("*.toml")))


def in_dialect(assignment: Assignment, name: str) -> Assignment:
    """The assignment with the questions, names and conventions of a dialect.

    A question that the assignment has, too, keeps its title, points and checks; the dialect says
    what it is called there. Others are the dialect's own.

    Raises:
        UsageError: there is no such dialect.
        AssignmentError: its TOML is malformed; the message names file and key.
    """
    known = dialects_of(assignment)
    if name not in known:
        raise UsageError(
            f"{assignment.name} has no dialect {name!r}; it has {', '.join(known) or 'none'}"
        )
    path = assignment.folder / DIALECTS / f"{name}.toml"
    dialect = _read(path)
    base = {question.id: question for question in assignment.questions}
    asked = {str(question.get("id")) for question in dialect.question}
    table = {
        **assignment.model_dump(exclude_unset=True, exclude={"question"}),
        "title": dialect.title,
        "modules": dialect.modules,
        "catalogue": dialect.catalogue or assignment.catalogue,
        "question": [_merged(own, base.get(str(own.get("id"))), asked) for own in dialect.question],
    }
    checks = path.with_name(Path(dialect.checks).name) if dialect.checks else None
    if checks is not None and not checks.is_file():
        raise AssignmentError(f"{path}: checks: there is no {checks.name} beside it; write one")
    more = {"folder": assignment.folder, "dialect": name, "dialect_checks": checks}
    return validated(path, table, more)


def _read(path: Path) -> Dialect:
    table = read_table(path)
    try:
        return Dialect.model_validate(table)
    except ValidationError as error:
        raise AssignmentError(f"{path}: {explain(error, table)}") from error


def _merged(own: dict[str, Any], base: Question | None, asked: set[str]) -> dict[str, Any]:
    if base is None:
        return own
    inherited = base.model_dump(exclude_unset=True)
    if "function" in own:
        inherited |= {"also": (), "checked_as": inherited.get("function")}
    inherited["requires"] = [required for required in base.requires if required in asked]
    return inherited | own
