"""What the checks of an assignment say to right functions with some of them replaced."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
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
from reference.mistakes.catalogue import Mistake

ASSIGNMENTS = Path(__file__).parents[2] / "assignments"


class Judge:
    """The checks of one assignment, in this process.

    Args:
        name: of the assignment's folder.
        functions: right ones, by name.
        mistakes: that failures are explained by.
        course: what seeds are made of, unless a test wants others.
        without: questions whose checks need more than functions.
    """

    def __init__(
        self,
        name: str,
        functions: Mapping[str, Callable[..., Any]],
        mistakes: Sequence[Mistake],
        course: str,
        without: Collection[str] = (),
    ) -> None:
        self.folder = ASSIGNMENTS / name
        self.assignment = load(self.folder)
        self.checks = [c for c in load_checks(self.folder) if c.question not in without]
        self.questions = {question.id: question for question in self.assignment.questions}
        self.catalogue = Catalogue(mistakes, self.subject_with)
        self._functions = dict(functions)
        self._course = course

    def subject_with(self, replaced: Mapping[str, Callable[..., Any]]) -> LocalSubject:
        return LocalSubject(self._functions | dict(replaced))

    def context_of(self, check: Check, course: str = "") -> Context:
        seed = Seeds(assignment=course or self._course).of(check.name)
        return Context(question=self.questions[check.question], seed=seed)

    def judged(
        self, check: Check, replaced: dict[str, Callable[..., Any]], course: str = ""
    ) -> Verdict:
        context = self.context_of(check, course)
        return run_check(check, self.subject_with(replaced), context, self.catalogue)

    def checks_of(self, function: str) -> list[Check]:
        asked = {
            q.id for q in self.questions.values() if q.function and q.function.name == function
        }
        return [check for check in self.checks if check.question in asked]
