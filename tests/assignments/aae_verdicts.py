"""What the checks say to the reference with some functions replaced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from grader.checks.verdict import Outcome
from reference import aae
from reference.mistakes.aae import MISTAKES, VARIANTS
from tests.assignments.judging import Judge

FUNCTIONS = sorted({variant.function for variant in VARIANTS})
REFERENCE: dict[str, Any] = {name: getattr(aae, name) for name in FUNCTIONS} | {"torch": torch}
JUDGE = Judge("aae", REFERENCE, MISTAKES, "aae")
FOLDER, ASSIGNMENT, CHECKS, QUESTIONS = (
    JUDGE.folder,
    JUDGE.assignment,
    JUDGE.checks,
    JUDGE.questions,
)
judged, checks_of = JUDGE.judged, JUDGE.checks_of


def outcomes(function: str, replaced: dict[str, Callable[..., Any]]) -> dict[str, Outcome]:
    return {check.name: judged(check, replaced).verdict for check in checks_of(function)}


def mistaken(id: str) -> Callable[..., Any]:
    (mistake,) = (entry for entry in MISTAKES if entry.id == id)
    code: Callable[..., Any] = mistake.code
    return code


def messages_of(id: str) -> str:
    (mistake,) = (entry for entry in MISTAKES if entry.id == id)
    checks = checks_of(mistake.function)
    return " ".join(judged(check, {mistake.function: mistake.code}).message for check in checks)
