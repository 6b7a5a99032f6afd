"""An assignment folder, read and checked: `assignment.toml`, `checks.py`, `hidden_checks.py`.

Nothing here imports torch: reading the TOML is cheap, loading the checks is a second step.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AwareDatetime,
    BeforeValidator,
    Field,
    ValidationError,
    model_validator,
)

from grader.authoring import Table, explain, read_table
from grader.errors import AssignmentError, UsageError
from grader.threshold import Device, Threshold

DIALECTS = "dialects"
_UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def _bytes(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*(KiB|MiB|GiB)\s*", value)
    if match is None:
        raise ValueError('a size is a number and a unit, such as "512 MiB" or "4 GiB"')
    return int(float(match[1]) * _UNITS[match[2]])


Size = Annotated[int, BeforeValidator(_bytes)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z_0-9]*$")]


class Limits(Table):
    """What one submission may use."""

    cell_seconds: float = Field(default=120, gt=0)
    total_seconds: float = Field(default=600, gt=0)
    call_seconds: float = Field(default=20, gt=0, description="one request of a check")
    memory: Size = Field(default=4 << 30, gt=0)
    disk: Size = Field(default=512 << 20, gt=0, description="everything the notebook may write")
    output: Size = Field(
        default=16 << 20, gt=0, description="everything the notebook may print and show"
    )
    processes: int = Field(default=256, gt=16)


class Checkpoint(Table):
    """A trained model that may be handed in: it is graded, and the notebook does not train."""

    files: tuple[str, ...] = Field(
        default=("model.safetensors", "model.pt"), description="names; the first that is there"
    )
    instead_of: tuple[str, ...] = Field(
        min_length=1, description="grade_id or tag of each cell that trains"
    )
    model: Name = Field(description="class of the model, made without arguments")
    name: Name = Field(default="model", description="variable that holds it")


class Data(Table):
    """The data sets that a submission may train on; held-out parts never enter the sandbox."""

    default: str = "digits"
    accepts: tuple[str, ...] = ()


class Late(Table):
    """What a late hand-in loses, in shares of its points; verdicts are never touched."""

    due: AwareDatetime = Field(description="with its offset, as 2026-11-20T23:59:00+01:00")
    grace_minutes: float = Field(default=0, ge=0)
    per_day: float = Field(default=0.1, ge=0, le=1, description="for each day begun")
    most: float = Field(default=1.0, ge=0, le=1)


class Signature(Table):
    """A name and the conventions of its arguments, such as `KLD(mean, log_std)`."""

    name: Name
    arguments: tuple[str, ...] = ()


class Figure(Table):
    """A figure that the notebook has to show: which cell, and how it is laid out."""

    after: str = Field(description="grade_id or tag of the cell whose output holds it")
    rows: int = Field(default=1, gt=0)
    columns: int = Field(default=1, gt=0)
    panels: int | None = Field(default=None, gt=0, description="in whatever rows")
    axes: bool = Field(default=False, description="whether it is a plot whose axes have labels")


class LearningCurve(Table):
    """A figure by epoch that the notebook keeps: shown, and held against what is expected of it."""

    metric: str = Field(min_length=1)
    history: Name = Field(default="history", description="variable that holds it, before any log")
    first_epoch: int = Field(default=1, ge=0, description="0 where the untrained model is first")
    levels: int | None = Field(default=None, gt=1, description="untrained it is near their log2")
    near: float = Field(default=0.25, gt=0)
    below: tuple[tuple[int, float], ...] = Field(
        default=(), description="pairs of an epoch and what is to be reached after it"
    )

    @model_validator(mode="after")
    def _begins_untrained(self) -> Self:
        if self.levels is not None and self.first_epoch > 0:
            raise ValueError("levels speak of the untrained model: set first_epoch = 0")
        return self


class Question(Table):
    """One question of the sheet."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    points: float = Field(ge=0)
    sheet: str = ""
    function: Signature | None = None
    also: tuple[Signature, ...] = ()
    checked_as: Signature | None = Field(
        default=None, description="what checks call it, where a dialect has another name for it"
    )
    requires: tuple[str, ...] = Field(default=(), description="questions that must pass first")
    threshold: Threshold | None = None
    curve: LearningCurve | None = None
    figure: Figure | None = None
    rubric: str = Field(default="", description="for a person; makes the question manual")

    @property
    def manual(self) -> bool:
        """Whether a person marks it."""
        return bool(self.rubric)


class Assignment(Table):
    """What `assignment.toml` says, perhaps in a dialect, and where it stands."""

    title: str
    version: int = Field(default=1, gt=0)
    catalogue: str = Field(
        default="",
        description="module of mistakes, such as reference.mistakes.vae, or a file of the folder",
    )
    parameters: dict[Name, int | float | str] = Field(
        default_factory=dict, description="overrides injected behind the `parameters` cell"
    )
    data: Data = Data()
    limits: Limits = Limits()
    late: Late | None = None
    optimizer_steps: int | None = Field(
        default=None, gt=0, description="of all optimizers together; later ones change nothing"
    )
    checkpoint: Checkpoint | None = None
    modules: tuple[str, ...] = Field(
        default=(), description="Python files that may be handed in; an earlier one wins a name"
    )
    question: tuple[Question, ...]
    folder: Path = Field(default=Path(), exclude=True)
    dialect: str = Field(default="", exclude=True)
    dialect_checks: Path | None = Field(default=None, exclude=True)

    @property
    def name(self) -> str:
        """The folder's name, by which the assignment is known."""
        return self.folder.name

    @property
    def questions(self) -> tuple[Question, ...]:
        """In the order of the sheet."""
        return self.question

    @property
    def names(self) -> frozenset[str]:
        """Every name that a submission may give to something this sheet asks for."""
        questions = [question for question in self.question if question.function]
        return frozenset(s.name for q in questions for s in accepted(q))

    def on(self, data_set: str, device: Device) -> Assignment:
        """The assignment as it is graded on this data set and device: one scale a threshold."""
        run = {"data_set": data_set, "device": device, "epochs": self.parameters.get("epochs")}
        questions = (
            q.model_copy(update={"threshold": q.threshold.on(run)}) if q.threshold else q
            for q in self.question
        )
        return self.model_copy(update={"question": tuple(questions)})

    def digest(self) -> str:
        """SHA-256 over every file that can change a verdict."""
        total = hashlib.sha256(self.dialect.encode())
        dialects = self.folder / DIALECTS
        files = [*self.folder.glob("*.py"), *dialects.glob("*.py"), *dialects.glob("*.toml")]
        for path in [*sorted(files), self.folder / "assignment.toml"]:
            total.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
        return total.hexdigest()


def accepted(question: Question) -> tuple[Signature, ...]:
    """Names and conventions that count as the question's function, the sheet's own first."""
    return (question.function, *question.also) if question.function else ()


def load(name_or_path: str | Path) -> Assignment:
    """Reads an assignment by folder, or by name from the ones that come with grader.

    Raises:
        UsageError: there is no such assignment.
        AssignmentError: the TOML is malformed; the message names file and key.
    """
    folder = _find(name_or_path)
    path = folder / "assignment.toml"
    table = read_table(path)
    return validated(path, table, {"folder": folder})


def validated(path: Path, table: dict[str, Any], more: dict[str, Any]) -> Assignment:
    """An assignment from a table that was read from `path`.

    Raises:
        AssignmentError: the message names file and key.
    """
    try:
        assignment = Assignment.model_validate(table | more)
    except ValidationError as error:
        raise AssignmentError(f"{path}: {explain(error, table)}") from error
    _require_unique(path, assignment)
    _require_known_data(path, assignment)
    return assignment


def installed() -> dict[str, Path]:
    """Assignments that come with grader, by name."""
    spec = importlib.util.find_spec("assignments")
    roots = [] if spec is None else list(spec.submodule_search_locations or [])
    found = (toml.parent for root in roots for toml in Path(root).glob("*/assignment.toml"))
    return {folder.name: folder for folder in sorted(found)}


def _find(name_or_path: str | Path) -> Path:
    folder = Path(name_or_path)
    if (folder / "assignment.toml").is_file():
        return folder.resolve()
    known = installed()
    if str(name_or_path) in known:
        return known[str(name_or_path)]
    raise UsageError(
        f"no assignment {str(name_or_path)!r}: not a folder with an assignment.toml, and not "
        f"one of {', '.join(known) or 'none'}; `grader new NAME` makes one"
    )


def _require_known_data(path: Path, assignment: Assignment) -> None:
    known = {assignment.data.default, *assignment.data.accepts}
    for question in assignment.questions:
        for when in question.threshold.when if question.threshold else ():
            if when.data_set is not None and when.data_set not in known:
                raise AssignmentError(
                    f"{path}: question {question.id!r}, threshold: {when.data_set!r} is no data "
                    f"set of this assignment; name one of {', '.join(sorted(known))}"
                )


def _require_unique(path: Path, assignment: Assignment) -> None:
    if not assignment.questions:
        raise AssignmentError(f"{path}: question: there is none; write a [[question]]")
    seen: set[str] = set()
    for question in assignment.questions:
        if question.id in seen:
            raise AssignmentError(f"{path}: question {question.id!r} stands twice; rename one")
        for required in question.requires:
            if required not in seen:
                raise AssignmentError(
                    f"{path}: question {question.id!r}, requires: there is no question "
                    f"{required!r} before it; name one that is"
                )
        seen.add(question.id)
