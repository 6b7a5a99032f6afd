"""Verdicts of a dialect's sheet on solutions in the style of its course."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from grader.assignment import Assignment, load
from grader.authored import assignment_checks
from grader.checks.context import Context
from grader.checks.runner import run_check
from grader.checks.seeds import Seeds
from grader.checks.verdict import Outcome, Verdict
from grader.dialect import in_dialect
from grader.kernel.local import LocalSubject
from reference.mistakes import ddpm_dtu02460, ddpm_ift6135

FOLDER = Path(__file__).parents[2] / "assignments" / "ddpm"
CATALOGUES = {"dtu02460": ddpm_dtu02460, "ift6135": ddpm_ift6135}


@cache
def sheet(dialect: str) -> Assignment:
    return in_dialect(load(FOLDER), dialect)


def judged(dialect: str, namespace: Mapping[str, Any], course: str = "test") -> list[Verdict]:
    assignment = sheet(dialect)
    questions = {question.id: question for question in assignment.questions}
    seeds = Seeds(assignment=course)
    return [
        run_check(
            check,
            LocalSubject(namespace),
            Context(question=questions[check.question], seed=seeds.of(check.name)),
        )
        for check in assignment_checks(assignment)
    ]


def failures(dialect: str, namespace: Mapping[str, Any]) -> dict[str, str]:
    return {
        verdict.check: verdict.message
        for verdict in judged(dialect, namespace)
        if verdict.verdict is not Outcome.PASSED
    }
