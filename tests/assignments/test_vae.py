from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from grader.checks.loading import require_complete
from grader.checks.verdict import Outcome, Verdict
from reference.mistakes.catalogue import Mistake, Variant
from reference.mistakes.vae import MISTAKES, VARIANTS
from tests.assignments.vae_verdicts import ASSIGNMENT, CHECKS, RIGHT, checks_of, judged
from tests.thinned import thinned


def test_every_point_is_decided_by_somebody() -> None:
    require_complete(CHECKS, ASSIGNMENT.questions)
    assert sum(question.points for question in ASSIGNMENT.questions) == 25


@cache
def verdicts_of(entry: Mistake | Variant) -> dict[str, Verdict]:
    """Verdicts of the checks whose question asks for the function that this stands in for."""
    replaced = {entry.function: entry.code}
    return {check.name: judged(check, replaced) for check in checks_of(entry.function)}


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
        return RIGHT["reconstruction_loss"](logits, x) + wrong_kl.code(mean, log_std).mean()

    replaced = {"KLD": wrong_kl.code, "elbo_loss": loss}
    verdicts = {c.name: judged(c, replaced) for c in CHECKS if c.question == "elbo"}
    assert {name: v.verdict for name, v in verdicts.items()} == dict.fromkeys(
        verdicts, Outcome.PASSED
    )


def test_two_mistakes_at_once_are_both_named() -> None:
    def both(mean: Any, log_std: Any) -> Any:
        # Half missing, and log_std taken for a log variance.
        return (mean**2 + log_std.exp() - 1 - log_std).sum(dim=-1)

    (check,) = (check for check in CHECKS if check.name == "kl_is_the_expected_log_ratio")
    verdict = judged(check, {"KLD": both})
    assert set(verdict.mistakes) == {"kl/missing-half", "kl/log-std-as-log-var"}
