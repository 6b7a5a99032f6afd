from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from grader.checks import Catalogue, Check, Context, Subject, check, expect_all_close, ladder
from grader.checks.audit import AuditReport, audit
from tests.checks.stand_ins import Entry, Question, kl


@check("kl", points=1)
def is_right(subject: Subject) -> None:
    """KL is right."""
    inputs = ladder.gaussians()
    expecteds = [kl(*(part.astype(float) for part in rung)) for rung in inputs]
    expect_all_close(subject.map("KLD", inputs), expecteds, given=inputs, condition=100)


@check("kl", points=1)
def is_there(subject: Subject) -> None:
    """KL is there."""


DOUBLED = Entry("kl/missing-half", lambda *rung: 2 * kl(*rung), killed_by=("is_right",))
HARMLESS = Entry("kl/harmless", lambda *rung: kl(*rung))
PLAIN = Entry("kl/plain", lambda *rung: -0.5 * (-2) * kl(*rung))


@dataclass
class Case:
    mistakes: list[Entry] = field(default_factory=lambda: [DOUBLED])
    variants: list[Entry] = field(default_factory=lambda: [PLAIN])
    checks: list[Check] = field(default_factory=lambda: [is_right])
    right: Any = kl

    def run(self, subject_of: Callable[..., Any]) -> AuditReport:
        catalogue = Catalogue(
            self.mistakes, lambda overrides: subject_of(**({"KLD": self.right} | dict(overrides)))
        )
        question = Question()
        return audit(self.checks, lambda _check: Context(question), catalogue, self.variants)


def test_a_sound_assignment_has_no_problem(subject_of: Callable[..., Any]) -> None:
    report = Case().run(subject_of)
    assert report.problems == ()
    assert report.mistakes[0].killed_by == ("is_right",)
    assert report.mistakes[0].named_as == ("kl/missing-half",)
    assert report.checks[0].kills == ("kl/missing-half",)
    assert [(row.id, row.passed) for row in report.variants] == [
        ("the right solution", True),
        ("kl/plain", True),
    ]


def test_the_report_is_plain_data(subject_of: Callable[..., Any]) -> None:
    row = json.loads(json.dumps(Case().run(subject_of).to_json()))
    assert row["mistakes"][0]["id"] == "kl/missing-half"
    assert row["mistakes"][0]["killed_by"] == ["is_right"]
    assert row["variants"][1] == {"id": "kl/plain", "passed": True, "failed": []}


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (Case(mistakes=[DOUBLED, HARMLESS]), "mistake kl/harmless survives every check"),
        (Case(checks=[is_right, is_there]), "check is_there kills no mistake"),
        (Case(variants=[Entry("kl/odd", DOUBLED.code)]), "kl/odd is right and fails is_right"),
        (
            Case(mistakes=[Entry("kl/half", DOUBLED.code, killed_by=("is_there",))]),
            "mistake kl/half survives is_there, which its catalogue entry names",
        ),
        (Case(right=DOUBLED.code), "the right solution is right and fails is_right"),
        (
            Case(variants=[Entry("bpd/plain", kl, function="elbo_to_bpd")]),
            "bpd/plain meets no check: none asks for what it stands in for",
        ),
    ],
)
def test_each_problem_is_told(case: Case, said: str, subject_of: Callable[..., Any]) -> None:
    assert said in case.run(subject_of).problems


def test_two_mistakes_that_look_alike_are_both_named(subject_of: Callable[..., Any]) -> None:
    twin = Entry("kl/twice", lambda *rung: kl(*rung) + kl(*rung))
    report = Case(mistakes=[DOUBLED, twin]).run(subject_of)
    assert set(report.mistakes[0].named_as) == {"kl/missing-half", "kl/twice"}
    assert report.problems == ()


def test_a_check_that_breaks_on_a_mistake_does_not_kill_it(
    subject_of: Callable[..., Any],
) -> None:
    @check("kl", points=1)
    def fragile(subject: Subject) -> None:
        """Divides by the answer."""
        mean = np.ones((1, 1), np.float32)
        _ = 1 / int(subject.call("KLD", mean, 0 * mean)[0] < 0.75)

    report = Case(checks=[fragile]).run(subject_of)
    assert report.mistakes[0].killed_by == ()
    assert any("fragile breaks on mistake kl/missing-half: ZeroD" in p for p in report.problems)


def test_a_check_meets_only_replacements_of_what_it_calls(subject_of: Callable[..., Any]) -> None:
    ran: list[str] = []

    @check("kl", points=1)
    def elsewhere(subject: Subject) -> None:
        """Never calls KLD."""
        ran.append("once")

    Case(checks=[is_right, elsewhere]).run(subject_of)
    assert ran == ["once"]
