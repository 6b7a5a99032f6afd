"""What the checks say to the reference with some functions replaced."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from grader.assignment import load
from grader.checks.context import Catalogue, Context
from grader.checks.declare import Check
from grader.checks.loading import load_checks
from grader.checks.runner import run_check
from grader.checks.seeds import Seeds
from grader.checks.verdict import Verdict
from grader.kernel.local import LocalSubject
from reference import gan
from reference.mistakes.gan import MISTAKES, VARIANTS

FOLDER = Path(__file__).parents[2] / "assignments" / "gan_backprop"
ASSIGNMENT = load(FOLDER)
CHECKS = load_checks(FOLDER)
QUESTIONS = {question.id: question for question in ASSIGNMENT.questions}
REFERENCE = {
    function: getattr(gan, function) for function in {variant.function for variant in VARIANTS}
}


def subject_with(replaced: dict[str, Callable[..., Any]]) -> LocalSubject:
    return LocalSubject(REFERENCE | replaced)


CATALOGUE = Catalogue(MISTAKES, subject_with)


def judged(check: Check, replaced: dict[str, Callable[..., Any]], course: str = "gan") -> Verdict:
    seed = Seeds(assignment=course).of(check.name)
    context = Context(question=QUESTIONS[check.question], seed=seed)
    return run_check(check, subject_with(replaced), context, CATALOGUE)


def checks_of(function: str) -> list[Check]:
    asked = {q.id for q in ASSIGNMENT.questions if q.function and q.function.name == function}
    return [check for check in CHECKS if check.question in asked]
