# ruff: noqa: D102 - the members of a protocol are described by its class
"""What the engine knows of an assignment and a run, without knowing how either came about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from grader.checks.curves import Curve
from grader.checks.seeds import Seeds
from grader.checks.subject import Array, Request, Subject


class Signature(Protocol):
    """Name and arguments of a function that a question asks for."""

    @property
    def name(self) -> str: ...
    @property
    def arguments(self) -> tuple[str, ...]: ...


class Question(Protocol):
    """What the engine reads of a question in `assignment.toml`."""

    @property
    def id(self) -> str: ...
    @property
    def sheet(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def points(self) -> float: ...
    @property
    def manual(self) -> bool: ...
    @property
    def requires(self) -> tuple[str, ...]: ...
    @property
    def function(self) -> Signature | None: ...
    @property
    def also(self) -> Sequence[Signature]: ...
    @property
    def checked_as(self) -> Signature | None: ...


class Mistake(Protocol):
    """What the engine reads of a catalogued mistake: see `reference.mistakes.catalogue`."""

    @property
    def id(self) -> str: ...
    @property
    def function(self) -> str: ...
    @property
    def says(self) -> str: ...
    @property
    def code(self) -> Callable[..., Any]: ...
    @property
    def killed_by(self) -> tuple[str, ...]: ...
    @property
    def around(self) -> Callable[[Callable[..., Any]], Callable[..., Any]] | None: ...


class Variant(Protocol):
    """What the engine reads of an honest way of being right."""

    @property
    def id(self) -> str: ...
    @property
    def function(self) -> str: ...
    @property
    def code(self) -> Callable[..., Any]: ...


def _everything(_request: Request) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Known mistakes, and how to call one as if it had been handed in.

    Attributes:
        mistakes: every entry of the assignment's catalogue.
        make_subject: a subject over the right solution with the named functions replaced, or
            added where the solution has none of that name.
        knows: whether such a subject can answer a request; a kit's knows what was recorded.
    """

    mistakes: Sequence[Mistake]
    make_subject: Callable[[Mapping[str, Callable[..., Any]]], Subject]
    knows: Callable[[Request], bool] = _everything


@dataclass(frozen=True, slots=True)
class Context:
    """What a check may ask for by parameter name, beside the subject.

    Attributes:
        question: the question as the TOML has it.
        held_out: data that the notebook never saw; None where a run has none.
        outputs: outputs of the notebook's cells, plain dicts.
        printed: metrics that the notebook claims, by name.
        curve: the learning curve that the question asks for; None where there is none.
        seed: a seed for each label, the same in every run of this check.
        device: where the student's code runs.
        replay: token that reproduces this check's verdict alone.
    """

    question: Any = None
    held_out: Array | None = None
    outputs: Sequence[Any] = ()
    printed: Mapping[str, float] = field(default_factory=dict)
    curve: Curve | None = None
    seed: Callable[[str], int] = field(default_factory=lambda: Seeds().of(""))
    device: str = "cpu"
    replay: str | None = None
