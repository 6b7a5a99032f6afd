"""What our own checks and those of two courses say to solutions of the block and its norms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from grader.assignment import load
from grader.authored import assignment_checks, catalogue_of
from grader.checks.adapted import Adapted
from grader.checks.context import Context
from grader.checks.runner import run_check
from grader.checks.seeds import Seeds
from grader.checks.verdict import Outcome, Verdict
from grader.dialect import in_dialect
from grader.kernel.local import LocalSubject

FOLDER = Path(__file__).parents[2] / "assignments" / "transformer_norm"
OWN = load(FOLDER)
SHEETS = {"own": OWN, **{name: in_dialect(OWN, name) for name in ("uva", "ift6135")}}


def verdicts(sheet: str, question: str, **names: Any) -> list[Verdict]:
    assignment = SHEETS[sheet]
    questions = {q.id: q for q in assignment.questions}
    subject = Adapted(LocalSubject(names), assignment.questions)
    checks = (c for c in assignment_checks(assignment) if c.question == question)
    contexts = ((c, Context(question=questions[question], seed=Seeds().of(c.name))) for c in checks)
    return [run_check(check, subject, given, catalogue_of(assignment)) for check, given in contexts]


def assert_right(sheet: str, question: str, **names: Any) -> None:
    for verdict in verdicts(sheet, question, **names):
        assert verdict.verdict is Outcome.PASSED, (verdict.check, verdict.message)


def assert_wrong(sheet: str, question: str, named: str | None = None, **names: Any) -> None:
    found = verdicts(sheet, question, **names)
    assert Outcome.FAILED in {verdict.verdict for verdict in found}
    assert {v.verdict for v in found} <= {Outcome.PASSED, Outcome.FAILED}
    if named is not None:
        assert named in {mistake for verdict in found for mistake in verdict.mistakes}
