"""Whether diagnosis names what is catalogued, and nothing that is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.assignment import load
from grader.auditing import audit_assignment
from grader.authored import catalogue_of
from grader.checks import as_array, ladder
from grader.checks.diagnosis import agreeing, diagnose, explanations
from grader.checks.subject import Array, Call, Request

pytestmark = pytest.mark.calibration

FOLDERS = Path(__file__).parents[2] / "assignments"
RUNGS = ladder.gaussians()[-12:]
REQUESTS = [Request("KLD", (Call(tuple(rung)),)) for rung in RUNGS]
FORMULAS = 100_000


CATALOGUE = catalogue_of(load(FOLDERS / "vae"))
assert CATALOGUE is not None
MISTAKES = [mistake for mistake in CATALOGUE.mistakes if mistake.function == "KLD"]


def formula(rng: np.random.Generator) -> list[Array]:
    """Answers of a sum of a KL's terms with random weights, powers and scales."""
    weights = rng.standard_normal(4)
    power, scale = rng.choice([2.0, rng.uniform(0.5, 3)]), rng.choice([2.0, rng.uniform(-1, 3)])
    return [
        (
            weights[0] * np.abs(mean) ** power
            + weights[1] * np.exp(scale * log_std)
            + weights[2] * log_std
            + weights[3]
        ).sum(axis=-1)
        for mean, log_std in RUNGS
    ]


def answers_of(overrides: Mapping[str, Callable[..., Any]]) -> list[Array]:
    assert CATALOGUE is not None
    subject = CATALOGUE.make_subject(overrides)
    return [as_array(answer) for answer in subject.map("KLD", RUNGS)]


def test_a_random_wrong_formula_is_given_no_name() -> None:
    assert CATALOGUE is not None
    rng = np.random.default_rng(1)
    for _ in range(20):
        calls = list(zip(REQUESTS, formula(rng), strict=True))
        assert diagnose("KLD", calls, CATALOGUE).mistakes == ()


def assert_nothing_fits(formulas: int) -> None:
    """Holds formulas, all wrong at every probe, against every explanation that diagnosis has.

    An explanation whose answers have other shapes than a formula's fits none.
    """
    shapes = [answer.shape for answer in formula(np.random.default_rng(0))]
    singles, pairs = explanations(MISTAKES)
    found = [answers_of({"KLD": candidate.code}) for candidate in (*singles, *pairs)]
    known = np.stack(
        [np.concatenate(answers) for answers in found if [a.shape for a in answers] == shapes]
    )  # (candidates, numbers)
    magnitude = float(np.median(np.abs(np.concatenate(answers_of({})))))
    assert agreeing(known, known, magnitude).all()
    rng = np.random.default_rng(2)
    for _ in range(formulas // 500):
        answers = np.stack([np.concatenate(formula(rng)) for _ in range(500)])
        assert not agreeing(answers[:, np.newaxis], known, magnitude).all(axis=-1).any()
    print(f"{formulas} formulas, {len(known)} of {len(found)} explanations of their shape")


def test_no_explanation_fits_a_random_wrong_formula() -> None:
    assert_nothing_fits(FORMULAS // 100)


@pytest.mark.slow
def test_no_explanation_fits_any_of_a_hundred_thousand_wrong_formulas() -> None:
    assert_nothing_fits(FORMULAS)


@pytest.mark.slow
@pytest.mark.parametrize("assignment", ["vae", "ddpm"])
def test_of_single_mistakes_nineteen_in_twenty_are_named(assignment: str) -> None:
    # Alone or as one side of an either/or: the audit itself refuses a name for another mistake.
    report = audit_assignment(str(FOLDERS / assignment)).report
    right = [row.id for row in report.mistakes if row.id in row.named_as]
    print(f"{assignment}: {len(right)} of {len(report.mistakes)} named")
    assert report.problems == ()
    assert len(right) >= 0.95 * len(report.mistakes)
    assert all(row.killed_by for row in report.mistakes)
