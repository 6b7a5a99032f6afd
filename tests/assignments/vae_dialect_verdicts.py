"""Verdicts of a dialect's sheet on solutions that are written down as text."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from grader.assignment import Assignment, load
from grader.authored import assignment_checks
from grader.checks.adapted import Adapted
from grader.checks.context import Context
from grader.checks.runner import run_check
from grader.checks.seeds import Seeds
from grader.checks.verdict import Outcome, Verdict
from grader.dialect import dialects_of, in_dialect
from grader.kernel.local import LocalSubject

BASE = load(Path(__file__).parents[2] / "assignments" / "vae")
DIALECTS = dialects_of(BASE)


@cache
def sheet(dialect: str) -> Assignment:
    return in_dialect(BASE, dialect)


def namespace(*sources: str, **given: Any) -> dict[str, Any]:
    """What files of a submission define together, each a module that finds the ones before it."""
    found: dict[str, Any] = {"__name__": "handed_in", **given}
    for source in sources:
        exec(source, found)
    return found


def verdicts(dialect: str, found: dict[str, Any], question: str = "") -> list[Verdict]:
    questions = {q.id: q for q in sheet(dialect).questions}
    subject = Adapted(LocalSubject(found), sheet(dialect).questions)
    made = []
    for check in assignment_checks(sheet(dialect)):
        if question in ("", check.question):
            seed = Seeds(assignment=dialect).of(check.name)
            context = Context(question=questions[check.question], seed=seed)
            made.append(run_check(check, subject, context))
    assert made
    return made


def failed(dialect: str, found: dict[str, Any]) -> set[str]:
    """Questions that cost points."""
    return {v.question for v in verdicts(dialect, found) if v.verdict is not Outcome.PASSED}


def lost(dialect: str, found: dict[str, Any], question: str = "") -> dict[str, str]:
    made = verdicts(dialect, found, question)
    return {v.check: v.message or str(v.evidence) for v in made if v.verdict is not Outcome.PASSED}
