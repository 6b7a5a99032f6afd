"""Whether the VAE's statistical checks catch, under any seed, the mistakes that they are for."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.assignment import load
from grader.checks.context import Context
from grader.checks.declare import Check
from grader.checks.loading import load_checks
from grader.checks.runner import run_check
from grader.checks.seeds import Seeds
from grader.checks.verdict import Outcome
from grader.kernel.local import LocalSubject
from reference.mistakes.catalogue import Variant
from reference.mistakes.vae import MISTAKES, VARIANTS

pytestmark = pytest.mark.calibration

FOLDER = Path(__file__).parents[2] / "assignments" / "vae"
QUESTIONS = {question.id: question for question in load(FOLDER).questions}
CHECKS = [check for check in load_checks(FOLDER) if check.detects and check.detects.mistakes]
CODE = {mistake.id: mistake.code for mistake in MISTAKES}


def listed(check: Check) -> set[str]:
    """The mistakes whose deviations the check states, and those that count on it."""
    assert check.detects is not None
    return {*check.detects.mistakes, *(m.id for m in MISTAKES if check.name in m.killed_by)}


PAIRS = [(check, mistake) for check in CHECKS for mistake in sorted(listed(check))]
IDS = [f"{check.name}-{mistake}" for check, mistake in PAIRS]
RIGHT = [
    (check, variant)
    for check in CHECKS
    for variant in VARIANTS
    if variant.function == QUESTIONS[check.question].function.name
]
RIGHT_IDS = [f"{check.name}-{variant.id}" for check, variant in RIGHT]


def outcomes(check: Check, code: object, seeds: int) -> set[Outcome]:
    """Verdicts on one function under the seeds of so many courses."""
    question = QUESTIONS[check.question]
    subject = LocalSubject({question.function.name: code})
    courses = (Seeds(str(course).encode(), "vae").of(check.name) for course in range(seeds))
    contexts = (Context(question=question, seed=seed) for seed in courses)
    return {run_check(check, subject, context).verdict for context in contexts}


def test_every_mistake_that_a_check_states_is_catalogued() -> None:
    assert {check.name for check in CHECKS} >= {
        "latents_come_from_the_prior",
        "samples_follow_the_gaussian",
        "samples_of_any_shape_follow_the_gaussian",
    }
    assert {mistake for _, mistake in PAIRS} <= set(CODE)


@pytest.mark.parametrize(("check", "mistake"), PAIRS, ids=IDS)
def test_a_listed_mistake_is_caught(check: Check, mistake: str) -> None:
    assert outcomes(check, CODE[mistake], seeds=50) == {Outcome.FAILED}


@pytest.mark.slow
@pytest.mark.parametrize(("check", "mistake"), PAIRS, ids=IDS)
def test_a_listed_mistake_is_caught_under_a_thousand_seeds(check: Check, mistake: str) -> None:
    assert outcomes(check, CODE[mistake], seeds=1000) == {Outcome.FAILED}


@pytest.mark.slow
@pytest.mark.parametrize(("check", "variant"), RIGHT, ids=RIGHT_IDS)
def test_a_right_sampler_passes_under_a_thousand_seeds(check: Check, variant: Variant) -> None:
    assert outcomes(check, variant.code, seeds=1000) == {Outcome.PASSED}
