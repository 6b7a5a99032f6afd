from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from grader.checks import Subject, as_array, check, expect, expect_close
from grader.checks.context import Catalogue, Context
from grader.checks.runner import run_check
from grader.kernel.local import LocalSubject
from grader.recorded import RecordedMistake
from tests.checks.stand_ins import Question, Signature

QUESTION = Question(function=Signature("Scaled"))
INPUTS = np.array([0.5, -1.25, 3.0, 7.0])


@check("scaled", points=1)
def it_scales(subject: Subject) -> None:
    """An object multiplies by its factor."""
    made = subject.new("Scaled", 3.0)
    for x in INPUTS:
        expect_close(subject.call(made, np.array([x]), method="forward"), np.array([3 * x]))


class Right:
    def __init__(self, factor: float) -> None:
        self.factor = factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.factor * x


class Squared(Right):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.factor**2 * x


class Shifted(Right):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.factor + x


class Crashing(Right):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise ValueError


@check("scaled", points=1)
def all_at_once(subject: Subject) -> None:
    """An object multiplies by its factor, many numbers at a time."""
    made = subject.new("Scaled", 3.0)
    expect_close(subject.call(made, INPUTS, method="forward"), 3 * INPUTS)


def known(id: str, code: Any) -> RecordedMistake:
    return RecordedMistake(id, "Scaled", f"{id}, in words.", code)


CATALOGUE = Catalogue(
    [known("scaled/squared", Squared), known("scaled/shifted", Shifted), known("x", Crashing)],
    lambda overrides: LocalSubject({"Scaled": Right, **overrides}),
)


def named(code: Any, what: Any = all_at_once) -> tuple[str, ...]:
    subject, context = LocalSubject({"Scaled": code}), Context(question=QUESTION)
    return run_check(what, subject, context, CATALOGUE).mistakes


@pytest.mark.parametrize(("code", "id"), [(Squared, "scaled/squared"), (Shifted, "scaled/shifted")])
def test_a_class_is_named_by_what_its_objects_answer(code: Any, id: str) -> None:
    class Own(code):  # type: ignore[misc]
        """The same mistake by somebody else."""

    assert named(Own) == (id,)


def test_another_mistake_gets_no_name() -> None:
    class Own(Right):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.factor * x.abs()

    assert named(Own) == ()


def test_fewer_than_three_wrong_numbers_get_no_name() -> None:
    assert named(Squared, it_scales) == ()  # it stops at the first


def test_what_raises_gets_no_name() -> None:
    assert named(Crashing) == ()


def test_what_is_right_is_not_looked_up() -> None:
    assert named(Right) == ()


@check("scaled", points=1)
def it_grows(subject: Subject) -> None:
    """A check that reads off by itself what is wrong."""
    answer = as_array(subject.call(subject.new("Scaled", 3.0), INPUTS, method="forward"))
    expect(
        answer > INPUTS - 9, "It shrinks.", shows=["x", "scaled/squared", "not in the catalogue"]
    )


def test_what_the_evidence_proves_is_named_where_the_answers_name_nothing() -> None:
    class Own(Right):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x - 9 - x.abs()

    subject, context = LocalSubject({"Scaled": Own}), Context(question=QUESTION)
    verdict = run_check(it_grows, subject, context, CATALOGUE)
    assert verdict.mistakes == ("scaled/squared", "x")
    assert verdict.message == ("It shrinks. Either: scaled/squared, in words. Or: x, in words.")


def test_what_the_answers_name_counts_before_what_the_evidence_proves() -> None:
    @check("scaled", points=1)
    def it_is_three_times_as_large(subject: Subject) -> None:
        """A check that reads off something else."""
        answer = as_array(subject.call(subject.new("Scaled", 3.0), INPUTS, method="forward"))
        expect(answer == 3 * INPUTS, "It is not.", shows=["scaled/shifted"])

    assert named(Squared, it_is_three_times_as_large) == ("scaled/squared",)
