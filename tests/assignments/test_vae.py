from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from grader.assignment import load
from grader.checks.context import Catalogue, Context
from grader.checks.declare import Check
from grader.checks.loading import load_checks, require_complete
from grader.checks.runner import run_check
from grader.checks.seeds import Seeds
from grader.checks.verdict import Outcome, Verdict
from grader.kernel.local import LocalSubject
from reference.mistakes.catalogue import Mistake, Variant
from reference.mistakes.vae import MISTAKES, VARIANTS
from tests.thinned import thinned

FOLDER = Path(__file__).parents[2] / "assignments" / "vae"
ASSIGNMENT = load(FOLDER)
CHECKS = load_checks(FOLDER)
QUESTIONS = {question.id: question for question in ASSIGNMENT.questions}


def test_every_point_is_decided_by_somebody() -> None:
    require_complete(CHECKS, ASSIGNMENT.questions)
    assert sum(question.points for question in ASSIGNMENT.questions) == 25


def right_solution() -> dict[str, Any]:
    """The first variant of every function."""
    return {variant.function: variant.code for variant in reversed(VARIANTS)}


def subject_with(replaced: Mapping[str, Callable[..., Any]]) -> LocalSubject:
    return LocalSubject(right_solution() | dict(replaced))


CATALOGUE = Catalogue(MISTAKES, subject_with)


def judged(check: Check, subject: LocalSubject) -> Verdict:
    seed = Seeds(assignment="vae").of(check.name)
    context = Context(question=QUESTIONS[check.question], seed=seed)
    verdict = run_check(check, subject, context, CATALOGUE)
    assert "diagnosis_traceback" not in verdict.evidence
    return verdict


@cache
def verdicts_of(entry: Mistake | Variant) -> dict[str, Verdict]:
    """Verdicts of the checks whose question asks for the function that this stands in for."""
    found = {}
    for check in CHECKS:
        question = QUESTIONS[check.question]
        if question.function is not None and question.function.name == entry.function:
            found[check.name] = judged(check, subject_with({entry.function: entry.code}))
    return found


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.id)
def test_every_variant_passes_every_check(variant: Variant) -> None:
    verdicts = verdicts_of(variant)
    wrong = {
        name: v.message or v.evidence for name, v in verdicts.items() if v.points < v.max_points
    }
    assert verdicts
    assert not wrong


@pytest.mark.parametrize("mistake", thinned(MISTAKES, 5), ids=lambda mistake: mistake.id)
def test_every_mistake_is_killed_by_the_checks_it_names(mistake: Mistake) -> None:
    verdicts = verdicts_of(mistake)
    assert not [v.evidence for v in verdicts.values() if v.verdict is Outcome.INFRASTRUCTURE]
    killing = {name for name, v in verdicts.items() if v.verdict is not Outcome.PASSED}
    assert mistake.killed_by
    assert set(mistake.killed_by) <= killing


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.id)
def test_a_mistake_is_not_taken_for_another(mistake: Mistake) -> None:
    for verdict in verdicts_of(mistake).values():
        assert not verdict.mistakes or mistake.id in verdict.mistakes


def test_every_mistake_that_leaves_a_number_is_named() -> None:
    named = {m.id for m in MISTAKES for v in verdicts_of(m).values() if m.id in v.mistakes}
    # Answers that are all -inf, or of two levels, tell nothing apart; latents that the known
    # decoder does not look at leave right pictures. The checks' own sentences say what these mean.
    assert {mistake.id for mistake in MISTAKES} - named == {
        "mc/underflow",
        "ancestral/threshold",
        "latent-pairs/others-at-one",
        "latent-pairs/others-random",
    }


def test_a_wrong_term_costs_its_points_once() -> None:
    (wrong_kl,) = (mistake for mistake in MISTAKES if mistake.id == "kl/missing-half")

    def loss(logits: Any, x: Any, mean: Any, log_std: Any) -> Any:
        solution = right_solution()
        return solution["reconstruction_loss"](logits, x) + wrong_kl.code(mean, log_std).mean()

    subject = subject_with({"KLD": wrong_kl.code, "elbo_loss": loss})
    verdicts = {check.name: judged(check, subject) for check in CHECKS if check.question == "elbo"}
    assert {name: v.verdict for name, v in verdicts.items()} == dict.fromkeys(
        verdicts, Outcome.PASSED
    )


def test_two_mistakes_at_once_are_both_named() -> None:
    def both(mean: Any, log_std: Any) -> Any:
        # Half missing, and log_std taken for a log variance.
        return (mean**2 + log_std.exp() - 1 - log_std).sum(dim=-1)

    (check,) = (check for check in CHECKS if check.name == "kl_is_the_expected_log_ratio")
    verdict = judged(check, subject_with({"KLD": both}))
    assert set(verdict.mistakes) == {"kl/missing-half", "kl/log-std-as-log-var"}
