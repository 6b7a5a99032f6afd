from __future__ import annotations

import pytest

from grader.checks.verdict import Outcome, Verdict
from reports.outcome import LOOKS, UNGRADED, combined, look


def verdict(outcome: Outcome, points: float = 0) -> Verdict:
    return Verdict("kl", "check", outcome, points, 2)


def test_every_outcome_has_a_word_an_icon_and_a_glyph_of_its_own() -> None:
    looks = [LOOKS[outcome] for outcome in Outcome]
    assert len({look.word for look in looks}) == len(Outcome)
    assert len({look.icon for look in looks}) == len(Outcome)
    assert len({look.glyph for look in looks}) == len(Outcome)


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (["passed", "passed"], "passed"),
        (["passed", "failed"], "partial"),
        (["passed", "missing"], "partial"),
        (["failed", "error"], "error"),
        (["failed", "skipped"], "failed"),
        (["missing", "skipped"], "missing"),
        (["failed", "timeout"], "timeout"),
        (["passed", "manual"], "manual"),
        (["manual", "infrastructure", "failed"], "infrastructure"),
    ],
)
def test_checks_combine_into_the_verdict_of_a_question(outcomes: list[str], expected: str) -> None:
    assert combined([verdict(Outcome(outcome)) for outcome in outcomes]) is Outcome(expected)


def test_a_dead_check_never_becomes_a_pass() -> None:
    for outcome in set(Outcome) - {Outcome.PASSED}:
        assert combined([verdict(outcome)]) is not Outcome.PASSED
        assert combined([verdict(outcome), verdict(Outcome.PASSED, 2)]) is not Outcome.PASSED


def test_a_question_without_checks_is_not_graded() -> None:
    assert combined([]) is None
    assert look(None) is UNGRADED
