"""The checks of an assignment, asked about random inputs in place of their own.

Nothing that decides is repeated here: a check runs as it stands, on every honest way of writing its
function, and only the names under which it finds its inputs are bound to others.
"""

from __future__ import annotations

import inspect
import itertools
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from grader.assignment import load
from grader.authored import catalogue_of, variants_of
from grader.checks import expectations, ladder, rungs
from grader.checks.comparison import compare
from grader.checks.context import Context, Variant
from grader.checks.declare import Check
from grader.checks.expected import ROUNDINGS, Expected, precision
from grader.checks.loading import load_checks
from grader.checks.runner import run_check
from grader.checks.seeds import Seeds
from grader.checks.verdict import Outcome

INPUTS = 100_000  # at least, for each variant
Inputs = Mapping[str, Any]  # stands in for what is bound to the name
# Makes inputs in a precision.
Draw = Callable[[np.random.Generator, Any], Inputs]
# Counts the inputs among the arguments of one call of the function under test.
Count = Callable[..., int]
PRECISIONS = (np.float32, np.float64)
# Right where data are in torch's default precision, as all that the checks give them are: they hold
# constants of it, such as torch.eye(3), and leave no more digits than it has.
SINGLE = {"q-sample/listed-roots", "full-kl/identity-solved", "bpd/float32-throughout"}


class Redrawn:
    """An assignment whose deterministic checks can be given other inputs.

    Args:
        folder: of the assignment.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        assignment = load(folder)
        self._questions = {question.id: question for question in assignment.questions}
        catalogue = catalogue_of(assignment)
        assert catalogue is not None
        self._catalogue = catalogue
        self._variants = variants_of(assignment)
        self.checks = {c.name: c for c in load_checks(folder) if not c.alpha and self.of(c)}

    def of(self, check: Check) -> list[Variant]:
        """The honest ways of writing what a check asks for."""
        asked = self._questions[check.question].function
        return [v for v in self._variants if asked is not None and v.function == asked.name]

    def passes(self, check: Check, variant: Variant, course: int, count: Count) -> int:
        """Runs a check; tells how many inputs the variant met."""
        met = 0

        @wraps(variant.code)
        def counted(*args: Any, **kwargs: Any) -> Any:
            nonlocal met
            met += count(*args, **kwargs)
            return variant.code(*args, **kwargs)

        seed = Seeds(assignment=f"{self.folder.name} {course}").of(check.name)
        context = Context(question=self._questions[check.question], seed=seed)
        subject = self._catalogue.make_subject({variant.function: counted})
        verdict = run_check(check, subject, context)
        assert verdict.verdict is Outcome.PASSED, f"{variant.id}: {verdict.message}"
        return met

    def bound(self, patch: pytest.MonkeyPatch, check: Check, inputs: Inputs) -> None:
        """Binds names of the assignment's own files, wherever one is imported to, or of ladders."""
        package = f"assignments.{self.folder.name}"
        modules = [vars(module) for module in (*_modules(package), ladder)]
        own = inspect.unwrap(check.function).__globals__
        for name, stand_in in inputs.items():
            homes = [space for space in (own, *modules) if name in space]
            assert homes, f"{name} is no longer what the checks of {package} take"
            for space in homes:
                patch.setitem(space, name, stand_in)


def _modules(package: str) -> Iterator[ModuleType]:
    yield from (m for name, m in list(sys.modules.items()) if name.startswith(package))


@dataclass
class Largest:
    """The largest error met, in the unit in which ROUNDINGS is the limit."""

    roundings: float = 0.0
    compared: int = field(default=0)

    def compare(self, answer: Any, expected: Any, given: list[Any], condition: Any = 1.0) -> Any:
        """What the engine's own comparison says; notes how large the error was."""
        difference = compare(answer, expected, given, condition)
        if difference is None and isinstance(expected, Expected):
            unit = expected.tolerance(precision(answer, given), condition) / ROUNDINGS
            error = np.abs(answer.astype(np.float64) - expected.value)
            finite = np.isfinite(error)  # an infinity that is met exactly
            self.roundings = max(self.roundings, float(np.max((error / unit)[finite], initial=0)))
            self.compared += np.size(answer)
        return difference


@contextmanager
def noting_errors() -> Iterator[Largest]:
    """Notes how close to its limit every comparison comes."""
    largest = Largest()
    with pytest.MonkeyPatch.context() as patch:
        for module in (rungs, expectations):
            patch.setattr(module, "compare", largest.compare)
        yield largest


def assert_right_variants_pass(
    redrawn: Redrawn,
    check: Check,
    draw: Draw,
    count: Count,
    inputs: int,
) -> None:
    """Asks every honest way of writing the function until each has met so many inputs."""
    met = {variant.id: 0 for variant in redrawn.of(check)}
    generator = np.random.default_rng(20)
    with noting_errors() as largest:
        for course in itertools.count():
            dtype = PRECISIONS[course % 2]
            with pytest.MonkeyPatch.context() as patch:
                redrawn.bound(patch, check, draw(generator, dtype))
                for variant in redrawn.of(check):
                    if dtype == np.float32 or variant.id not in SINGLE or check.hidden:
                        met[variant.id] += redrawn.passes(check, variant, course, count)
            assert min(met.values()), f"{check.name} never asks for its function"
            if course and min(met.values()) >= inputs:
                break
    assert largest.roundings <= ROUNDINGS
    print(
        f"{check.name}: {len(met)} variants, {min(met.values())} inputs each, largest error "
        f"{largest.roundings:.2f} of {ROUNDINGS} in {largest.compared} numbers"
    )
