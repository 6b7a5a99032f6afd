"""`@check`: one property of a submission, with its points and how sure it is."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields
from typing import Any

from grader.checks.context import Context
from grader.errors import AssignmentError

_AVAILABLE = frozenset({"subject"} | {entry.name for entry in fields(Context)})


@dataclass(frozen=True, slots=True)
class Detectable:
    """What a statistical check can see, computed from its sample size before anything runs.

    Attributes:
        n: numbers drawn from the student's code.
        deviations: by what is tested, the smallest deviation caught with probability 1 - 1e-6.
        mistakes: for each catalogued mistake that the check must catch, what it deviates in and
            by how much, in the units of `deviations`: `{"reparam/var-for-std": ("std", 3.0)}`.
    """

    n: int
    deviations: Mapping[str, float]
    mistakes: Mapping[str, tuple[str, float]] = field(default_factory=dict)

    def __str__(self) -> str:
        seen = {name: value for name, value in self.deviations.items() if math.isfinite(value)}
        parts = (f"{name} off by {value:.2g}" for name, value in seen.items())
        return f"{', '.join(parts)} (n = {self.n})"

    def too_weak(self) -> Iterator[str]:
        """One sentence for each mistake that would slip through."""
        for mistake, (what, effect) in self.mistakes.items():
            least = self.deviations.get(what)
            if least is None:
                yield f"mistake {mistake!r} deviates in {what!r}, which is not tested"
            elif not effect >= least:
                yield (
                    f"mistake {mistake!r} deviates by {effect:.3g} in {what}, below the "
                    f"{least:.3g} that n = {self.n} detects: draw more, or leave it to another "
                    "check"
                )


@dataclass(frozen=True, slots=True)
class Check:
    """A check as declared.

    Attributes:
        question: id in the assignment's TOML.
        title: first line of the docstring: what is demanded.
        needs: parameter names, resolved like fixtures from the run's context.
        alpha: bound on the probability that a right answer fails; 0 where nothing is drawn.
        hidden: unknown to students; set for everything in `hidden_checks.py`.
    """

    question: str
    name: str
    points: float
    title: str
    function: Callable[..., None]
    needs: tuple[str, ...] = ("subject",)
    alpha: float = 0.0
    detects: Detectable | None = None
    hidden: bool = False

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        """Runs the function itself, without a verdict around it."""
        self.function(*args, **kwargs)


_collected: ContextVar[list[Check] | None] = ContextVar("collected", default=None)


def check(
    question: str,
    *,
    points: float,
    alpha: float = 0.0,
    name: str | None = None,
    detects: Detectable | None = None,
) -> Callable[[Callable[..., None]], Check]:
    """Declares a check.

    Its parameters say what it needs: `subject`, and any of `held_out`, `outputs`, `printed`,
    `curve`, `seed`, `question`, `device`.

    Raises:
        AssignmentError: no docstring, an unknown parameter, or statistics that cannot see a
            mistake they are meant to catch.
    """

    def declare(function: Callable[..., None]) -> Check:
        made = Check(
            question=question,
            name=name or function.__name__,
            points=points,
            title=(inspect.getdoc(function) or "").split("\n", 1)[0].strip(),
            function=function,
            needs=tuple(inspect.signature(function).parameters),
            alpha=alpha,
            detects=detects,
        )
        _require_sound(made)
        found = _collected.get()
        if found is not None:
            found.append(made)
        return made

    return declare


@contextmanager
def collecting() -> Iterator[list[Check]]:
    """Gathers every check declared in the block, in order, namesakes included."""
    found: list[Check] = []
    token = _collected.set(found)
    try:
        yield found
    finally:
        _collected.reset(token)


def _require_sound(made: Check) -> None:
    problems = list(made.detects.too_weak()) if made.detects else []
    if not made.title:
        problems.append("it has no docstring; its first line is what students read as its title")
    if unknown := [name for name in made.needs if name not in _AVAILABLE]:
        problems.append(f"parameter {unknown[0]!r} is not one of {', '.join(sorted(_AVAILABLE))}")
    if made.points < 0:
        problems.append(f"points are {made.points:g}; they cannot be negative")
    if not 0 <= made.alpha <= 1e-3:
        problems.append(f"alpha is {made.alpha:g}; it must lie in [0, 1e-3]")
    if (made.alpha > 0) != (made.detects is not None):
        problems.append("alpha and detects go together: a statistical check states both")
    if problems:
        code = made.function.__code__
        raise AssignmentError(
            f"{code.co_filename}, line {code.co_firstlineno}, check {made.name!r}: {problems[0]}"
        )
