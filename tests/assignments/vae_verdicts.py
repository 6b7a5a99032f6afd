"""What the checks say to right functions with some of them replaced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from grader.checks.declare import Check
from grader.checks.verdict import Verdict
from reference.mistakes.vae import MISTAKES, VARIANTS
from tests.assignments.judging import Judge

# The first variant of every function.
RIGHT: dict[str, Callable[..., Any]] = {v.function: v.code for v in reversed(VARIANTS)}
JUDGE = Judge("vae", RIGHT, MISTAKES, "vae")
ASSIGNMENT, CHECKS, checks_of = JUDGE.assignment, JUDGE.checks, JUDGE.checks_of


def judged(check: Check, replaced: dict[str, Callable[..., Any]]) -> Verdict:
    verdict = JUDGE.judged(check, replaced)
    assert "diagnosis_traceback" not in verdict.evidence
    return verdict
