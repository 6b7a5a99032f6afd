from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from grader.checks import (
    Catalogue,
    Check,
    Context,
    Detectable,
    Outcome,
    Subject,
    Verdict,
    check,
    credit,
    evidence,
    expect,
    expect_all_close,
    ladder,
)
from grader.checks.runner import run_check, run_checks
from grader.errors import InfrastructureError, SubjectError, SubjectFault
from tests.checks.stand_ins import Entry, Question, Signature, kl

MISSING_HALF = Entry("kl/missing-half", lambda *rung: 2 * kl(*rung), says="Look at the constant.")


def fails(subject: Subject) -> None:
    expect(False, "No.")


def breaks(subject: Subject) -> None:
    raise ZeroDivisionError


def passes(subject: Subject) -> None:
    pass


def earns_half(subject: Subject) -> None:
    credit(0.5, "Half.")


def check_of(body: Callable[..., None], **changes: Any) -> Check:
    made = Check("kl", "body", 2.0, "KL is right.", body)
    return replace(made, **changes)


@check("kl", points=2)
def kl_is_right(subject: Subject) -> None:
    """KL is right."""
    inputs = ladder.gaussians()
    expecteds = [kl(*(part.astype(float) for part in rung)) for rung in inputs]
    expect_all_close(subject.map("KLD", inputs), expecteds, given=inputs, condition=100)


CONTEXT = Context(question=Question(), replay="token")


def test_a_right_submission_earns_the_points(subject_of: Callable[..., Any]) -> None:
    verdict = run_check(kl_is_right, subject_of(KLD=kl), CONTEXT)
    assert verdict.verdict is Outcome.PASSED
    assert (verdict.points, verdict.max_points) == (2.0, 2.0)
    assert verdict.evidence == {"inputs_tried": 256}
    assert verdict.replay == "token"
    assert verdict.wall_seconds > 0


def test_a_failure_tells_counterexample_and_mistake(subject_of: Callable[..., Any]) -> None:
    catalogue = Catalogue([MISSING_HALF], lambda o: subject_of(**({"KLD": kl} | dict(o))))
    verdict = run_check(kl_is_right, subject_of(KLD=MISSING_HALF.code), CONTEXT, catalogue)
    assert verdict.verdict is Outcome.FAILED
    assert verdict.points == 0
    assert verdict.mistakes == ("kl/missing-half",)
    assert verdict.message.endswith("Look at the constant.")
    assert verdict.counterexample is not None
    assert list(verdict.counterexample.given) == ["mean", "log_std"]


def test_every_verdict_survives_json(subject_of: Callable[..., Any]) -> None:
    verdict = run_check(kl_is_right, subject_of(KLD=lambda *rung: 3 * kl(*rung)), CONTEXT)
    again = Verdict.from_json(json.loads(json.dumps(verdict.to_json())))
    assert again == verdict


def test_a_hidden_check_gives_no_input_away(subject_of: Callable[..., Any]) -> None:
    hidden = replace(kl_is_right, hidden=True)
    verdict = run_check(hidden, subject_of(KLD=lambda *rung: 2 * kl(*rung)), CONTEXT)
    assert verdict.hidden
    assert verdict.counterexample is None
    assert "[" not in verdict.message
    assert "twice as large" in verdict.message


def test_partial_credit_is_a_share_of_the_points(subject_of: Callable[..., Any]) -> None:
    verdict = run_check(check_of(earns_half), subject_of(), Context())
    assert verdict.verdict is Outcome.PARTIAL
    assert verdict.points == 1.0


@pytest.mark.parametrize("fault", ["error", "timeout", "memory", "missing"])
def test_a_fault_of_the_student_is_the_verdict(
    fault: SubjectFault, subject_of: Callable[..., Any]
) -> None:
    def body(subject: Subject) -> None:
        raise SubjectError("it did not end", fault)

    verdict = run_check(check_of(body), subject_of(), Context())
    assert verdict.verdict == fault
    assert verdict.message == "it did not end"


def test_a_hidden_check_does_not_repeat_what_an_exception_says(
    subject_of: Callable[..., Any],
) -> None:
    def body(subject: Subject) -> None:
        raise SubjectError("KLD raised ValueError: 31.25")

    public, hidden = (
        run_check(check_of(body, hidden=hidden), subject_of(), Context())
        for hidden in (False, True)
    )
    assert public.message == "KLD raised ValueError: 31.25"
    assert hidden.message == "KLD raised ValueError"


def test_a_hidden_check_says_what_is_still_as_it_was_handed_out(
    subject_of: Callable[..., Any],
) -> None:
    says = "not attempted: KLD is still as it was handed out"

    def body(subject: Subject) -> None:
        raise SubjectError(says, "missing")

    verdict = run_check(check_of(body, hidden=True), subject_of(KLD=kl), CONTEXT)
    assert verdict.verdict is Outcome.MISSING
    assert verdict.message == says


def test_points_have_two_decimals(subject_of: Callable[..., Any]) -> None:
    def earns_a_third(subject: Subject) -> None:
        """Title."""
        credit(1 / 3, "a third")

    verdict = run_check(check_of(earns_a_third), subject_of(KLD=kl), Context(question=Question()))
    assert verdict.points == pytest.approx(0.67, abs=1e-12)


def test_a_function_that_is_not_there_was_not_attempted(subject_of: Callable[..., Any]) -> None:
    verdict = run_check(kl_is_right, subject_of(), CONTEXT)
    assert verdict.verdict is Outcome.MISSING
    assert verdict.message == "not attempted: KLD is not defined"


def test_a_function_under_its_other_name_was_attempted(subject_of: Callable[..., Any]) -> None:
    question = Question(also=(Signature("kl_divergence"),))
    verdict = run_check(check_of(passes), subject_of(kl_divergence=kl), Context(question=question))
    assert verdict.verdict is Outcome.PASSED


@pytest.mark.parametrize("error", [ZeroDivisionError("ours"), InfrastructureError("disk full")])
def test_a_fault_of_ours_is_never_the_students(
    error: Exception, subject_of: Callable[..., Any]
) -> None:
    def body(subject: Subject) -> None:
        raise error

    verdict = run_check(check_of(body), subject_of(), Context())
    assert verdict.verdict is Outcome.INFRASTRUCTURE
    assert str(error) in verdict.evidence["traceback"]
    assert str(error) not in verdict.message


def test_held_out_data_that_a_run_lacks_is_our_fault(subject_of: Callable[..., Any]) -> None:
    needing = check_of(passes, needs=("subject", "held_out"))
    verdict = run_check(needing, subject_of(), Context())
    assert verdict.verdict is Outcome.INFRASTRUCTURE
    assert "held-out" in verdict.evidence["traceback"]


def test_a_check_gets_what_it_asks_for(subject_of: Callable[..., Any]) -> None:
    got: dict[str, Any] = {}

    def body(**asked: Any) -> None:
        got.update(asked)

    context = Context(printed={"bpd": 1.2}, seed=lambda label: len(label), device="cuda")
    needs = ("subject", "printed", "seed", "device", "outputs", "question")
    run_check(check_of(body, needs=needs), subject_of(), context)
    assert got["printed"] == {"bpd": 1.2}
    assert got["seed"]("four") == 4
    assert got["device"] == "cuda"
    assert isinstance(got["subject"], Subject)


def test_evidence_is_kept_whichever_way_it_goes(subject_of: Callable[..., Any]) -> None:
    def body(subject: Subject) -> None:
        evidence(statistic=np.float64(0.5), tried=np.arange(3), nothing=float("nan"))
        expect(False, "No.", reason="because")

    verdict = run_check(check_of(body), subject_of(), Context())
    assert verdict.evidence == {
        "statistic": 0.5,
        "tried": [0, 1, 2],
        "nothing": "nan",
        "reason": "because",
    }


def test_a_statistical_check_states_its_error_and_power(subject_of: Callable[..., Any]) -> None:
    statistical = check_of(passes, alpha=1e-9, detects=Detectable(4096, {"std": 0.13}))
    verdict = run_check(statistical, subject_of(), Context())
    assert verdict.false_fail == 1e-9
    assert verdict.detectable == "std off by 0.13 (n = 4096)"


def test_a_broken_catalogue_does_not_change_a_verdict(subject_of: Callable[..., Any]) -> None:
    def broken(overrides: object) -> Subject:
        raise ZeroDivisionError

    verdict = run_check(
        kl_is_right,
        subject_of(KLD=lambda *rung: 2 * kl(*rung)),
        CONTEXT,
        Catalogue([MISSING_HALF], broken),
    )
    assert verdict.verdict is Outcome.FAILED
    assert "ZeroDivisionError" in verdict.evidence["diagnosis_traceback"]


def outcomes(
    bodies: dict[str, Callable[..., None]], questions: list[Question], subject: Subject
) -> dict[str, Outcome]:
    checks = [check_of(body, question=name, name=name) for name, body in bodies.items()]
    by_id = {question.id: question for question in questions}
    verdicts = run_checks(checks, questions, subject, lambda c: Context(by_id[c.question]))
    return {verdict.check: verdict.verdict for verdict in verdicts}


@pytest.mark.parametrize(
    ("body", "then"),
    [
        (passes, Outcome.PASSED),
        (earns_half, Outcome.PASSED),
        (fails, Outcome.SKIPPED),
        (breaks, Outcome.PASSED),
    ],
)
def test_what_builds_on_a_failed_question_is_skipped(
    body: Callable[..., None], then: Outcome, subject_of: Callable[..., Any]
) -> None:
    questions = [
        Question("first", function=None),
        Question("second", function=None, requires=("first",)),
    ]
    found = outcomes({"second": passes, "first": body}, questions, subject_of())
    assert list(found) == ["first", "second"]
    assert found["second"] is then


def test_skipping_reaches_what_builds_on_the_skipped(subject_of: Callable[..., Any]) -> None:
    questions = [
        Question("a", function=None),
        Question("b", function=None, requires=("a",)),
        Question("c", function=None, requires=("b",)),
    ]
    found = outcomes({"a": fails, "b": passes, "c": passes}, questions, subject_of())
    assert found == {"a": Outcome.FAILED, "b": Outcome.SKIPPED, "c": Outcome.SKIPPED}


def test_a_skipped_check_says_what_it_builds_on(subject_of: Callable[..., Any]) -> None:
    questions = [Question("a", function=None), Question("b", function=None, requires=("a",))]
    checks = [check_of(fails, question="a"), check_of(passes, question="b")]
    *_, last = run_checks(checks, questions, subject_of(), lambda _check: Context())
    assert "builds on a, which did not pass" in last.message


def test_a_manual_question_waits_for_a_person(subject_of: Callable[..., Any]) -> None:
    questions = [Question("prose", manual=True, points=3.0, function=None)]
    (verdict,) = run_checks([], questions, subject_of(), lambda _check: Context())
    assert verdict.verdict is Outcome.MANUAL
    assert (verdict.points, verdict.max_points) == (0.0, 3.0)


def test_verdicts_arrive_one_by_one(subject_of: Callable[..., Any]) -> None:
    ran: list[str] = []

    def runs(subject: Subject) -> None:
        ran.append("one")

    checks = [check_of(runs, question=name) for name in "ab"]
    questions = [Question("a", function=None), Question("b", function=None)]
    verdicts = run_checks(checks, questions, subject_of(), lambda _check: Context())
    next(verdicts)
    assert ran == ["one"]
