from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from grader.assignment import load
from grader.checks.context import Catalogue, Context
from grader.checks.loading import load_checks, require_complete
from grader.checks.runner import run_check
from grader.checks.seeds import Seeds
from grader.checks.verdict import Outcome, Verdict
from grader.kernel.local import LocalSubject
from reference.mistakes.catalogue import Mistake, Variant
from reference.mistakes.vae import MISTAKES, VARIANTS

FOLDER = Path(__file__).parents[2] / "assignments" / "vae"
ASSIGNMENT = load(FOLDER)
CHECKS = load_checks(FOLDER)
QUESTIONS = {question.id: question for question in ASSIGNMENT.questions}
NOT_DEFINITIONS = {"parameters", "setup", "look", "training", "curve", "samples", "manifold"}


def test_every_point_is_decided_by_somebody() -> None:
    require_complete(CHECKS, ASSIGNMENT.questions)
    assert sum(question.points for question in ASSIGNMENT.questions) == 20


def right_solution() -> dict[str, Any]:
    """The first variant of every function, beside what the notebook holds besides functions."""
    functions = {variant.function: variant.code for variant in reversed(VARIANTS)}
    return functions | {"very_small": (0.0, 1.0, 0.1, 1.0), "very_large": (0.0, 1.0, 10.0, 1.0)}


def subject_with(replaced: Mapping[str, Callable[..., Any]]) -> LocalSubject:
    return LocalSubject(right_solution() | dict(replaced))


CATALOGUE = Catalogue(MISTAKES, subject_with)


def verdicts_of(replaced: Mapping[str, Callable[..., Any]], function: str) -> dict[str, Verdict]:
    """Verdicts of the checks whose question asks for this function."""
    found = {}
    for check in CHECKS:
        question = QUESTIONS[check.question]
        if question.function is not None and question.function.name == function:
            context = Context(question=question, seed=Seeds(assignment="vae").of(check.name))
            verdict = run_check(check, subject_with(replaced), context, CATALOGUE)
            assert "diagnosis_traceback" not in verdict.evidence
            found[check.name] = verdict
    return found


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.id)
def test_every_variant_passes_every_check(variant: Variant) -> None:
    verdicts = verdicts_of({variant.function: variant.code}, variant.function)
    wrong = {
        name: v.message or v.evidence for name, v in verdicts.items() if v.points < v.max_points
    }
    assert verdicts
    assert not wrong


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.id)
def test_every_mistake_is_killed_by_the_checks_it_names(mistake: Mistake) -> None:
    verdicts = verdicts_of({mistake.function: mistake.code}, mistake.function)
    assert not [v.evidence for v in verdicts.values() if v.verdict is Outcome.INFRASTRUCTURE]
    killing = {name for name, v in verdicts.items() if v.verdict is not Outcome.PASSED}
    assert mistake.killed_by
    assert set(mistake.killed_by) <= killing


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.id)
def test_a_mistake_is_not_taken_for_another(mistake: Mistake) -> None:
    verdicts = verdicts_of({mistake.function: mistake.code}, mistake.function)
    for verdict in verdicts.values():
        assert not verdict.mistakes or mistake.id in verdict.mistakes
