from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from assignments.transformer_norm.definitions import (
    Given,
    Normed,
    Stream,
    expected_jacobian,
    expected_norm,
    expected_rms,
    jacobian_of,
    norm_inputs,
)
from grader.auditing import audit_assignment
from grader.checks.adapted import Adapted
from grader.checks.context import Context
from grader.checks.declare import Check
from grader.checks.loading import load_checks, require_complete
from grader.checks.runner import run_check
from grader.checks.seeds import Seeds
from grader.checks.verdict import Outcome
from reference import norm, norm_depth
from reference.mistakes.norm import MISTAKES, VARIANTS
from tests.assignments.judging import Judge

REFERENCE = {
    function: getattr(norm, function, None) or getattr(norm_depth, function)
    for function in {variant.function for variant in VARIANTS}
}
JUDGE = Judge("transformer_norm", REFERENCE, MISTAKES, "norm", without=["curves"])
FOLDER, ASSIGNMENT, CHECKS, QUESTIONS = (
    JUDGE.folder,
    JUDGE.assignment,
    JUDGE.checks,
    JUDGE.questions,
)
subject_with, judged, checks_of = JUDGE.subject_with, JUDGE.judged, JUDGE.checks_of


def code_of(id: str) -> Callable[..., Any]:
    (code,) = (mistake.code for mistake in MISTAKES if mistake.id == id)
    return code


def test_every_point_is_decided_by_somebody() -> None:
    require_complete(load_checks(FOLDER), ASSIGNMENT.questions)
    assert sum(question.points for question in ASSIGNMENT.questions) == 20


def test_questions_ask_for_what_the_reference_takes() -> None:
    asked = {q.function.name: q.function.arguments for q in ASSIGNMENT.questions if q.function}
    assert asked.keys() == REFERENCE.keys()
    for name, arguments in asked.items():
        code = REFERENCE[name].__code__
        assert code.co_varnames[: len(arguments)] == arguments


def test_the_audit_finds_nothing_and_names_every_mistake() -> None:
    report = audit_assignment(str(FOLDER)).report
    assert report.problems == ()
    assert [row.id for row in report.mistakes if row.id not in row.named_as] == []
    assert len(report.mistakes) == len(MISTAKES)
    assert all(variant.passed for variant in report.variants)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_the_reference_passes(check: Check) -> None:
    verdict = judged(check, {})
    assert verdict.verdict is Outcome.PASSED, verdict.message


def test_the_reference_passes_under_the_names_of_the_sheet() -> None:
    adapted = Adapted(subject_with({}), ASSIGNMENT.questions)
    for check in CHECKS:
        context = Context(question=QUESTIONS[check.question], seed=Seeds().of(check.name))
        assert run_check(check, adapted, context).verdict is Outcome.PASSED


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.id)
def test_every_variant_passes_under_any_seed(variant: Any) -> None:
    for course in range(25):
        for check in checks_of(variant.function):
            verdict = judged(check, {variant.function: variant.code}, f"norm {course}")
            assert verdict.verdict is Outcome.PASSED, verdict.message


@pytest.mark.parametrize("function", sorted(REFERENCE))
def test_one_part_in_a_hundred_is_noticed(function: str) -> None:
    def off(*args: Any) -> Any:
        return REFERENCE[function](*args) * 1.01

    verdicts = [judged(check, {function: off}) for check in checks_of(function)]
    assert Outcome.FAILED in {verdict.verdict for verdict in verdicts}


@pytest.mark.parametrize("function", sorted(REFERENCE))
def test_nan_is_noticed_by_every_check(function: str) -> None:
    def nowhere(*args: Any) -> Any:
        return REFERENCE[function](*args) * float("nan")

    for check in checks_of(function):
        assert judged(check, {function: nowhere}).verdict is Outcome.FAILED, check.name


def test_branches_may_come_as_a_list_and_norms_as_numbers() -> None:
    def branches(*args: Any) -> Any:
        return list(norm_depth.pre_norm_branches(*args))

    def norms(*args: Any) -> Any:
        return norm_depth.gradient_norms(*args).tolist()

    for function, code in (("pre_norm_branches", branches), ("gradient_norms", norms)):
        for check in checks_of(function):
            assert judged(check, {function: code}).verdict is Outcome.PASSED


def test_a_wrong_block_costs_its_points_once() -> None:
    wrong = code_of("pre-norm/is-post-norm")

    def norms(place: str, x: Any, weights: Any, readout: Any) -> Any:
        other = {"pre": "post"}.get(place, place)
        return norm_depth.gradient_norms(other, x, weights, readout)

    (check,) = checks_of("gradient_norms")
    assert judged(check, {"gradient_norms": norms}).verdict is Outcome.FAILED
    both = {"gradient_norms": norms, "pre_norm": wrong}
    verdict = judged(check, both)
    assert verdict.verdict is Outcome.PASSED
    assert verdict.evidence["places"] == ["post", "res-post"]


def test_messages_show_a_counterexample_and_lead_to_the_mistake() -> None:
    verdicts = [
        judged(check, {"layer_norm": code_of("layer-norm/n-minus-one")})
        for check in checks_of("layer_norm")
    ]
    public = [verdict for verdict in verdicts if not verdict.hidden]
    assert all("which divisor" in verdict.message for verdict in public)
    assert public[0].counterexample is not None
    assert set(public[0].counterexample.given) == {"x", "weight", "bias", "eps"}


@pytest.mark.parametrize("given", norm_inputs(), ids=str)
def test_norms_by_definition_are_those_of_torch(given: Given) -> None:
    x, weight, bias = (torch.from_numpy(part).double() for part in given[:3])
    peer = F.layer_norm(x, x.shape[-1:], weight, bias, given.eps).numpy()
    assert expected_norm(given).value == pytest.approx(peer, abs=1e-12)
    peer = F.rms_norm(x, x.shape[-1:], weight, given.eps).numpy()
    assert expected_rms(given).value == pytest.approx(peer, abs=1e-12)


def test_complex_steps_are_autograds_jacobian() -> None:
    x, weight = np.asarray([1.0, -2.0, 0.5]), np.asarray([1.5, 0.5, -1.0])

    def normed(v: torch.Tensor) -> torch.Tensor:
        return F.layer_norm(v, (3,), torch.from_numpy(weight), None, 0.1)

    peer = torch.autograd.functional.jacobian(normed, torch.from_numpy(x)).numpy()
    assert expected_jacobian(x, weight, 0.1).value == pytest.approx(peer, abs=1e-14)
    assert jacobian_of(lambda v: v**3, x) == pytest.approx(np.diag(3 * x**2))


def test_errors_grow_through_a_norm_as_its_derivative_says() -> None:
    rng, x = np.random.default_rng(0), np.asarray([[1.0, -2.0, 0.5, 3.0]])
    passed = Stream.of(x).through(Normed(4))
    for _ in range(100):
        moved = x * (1 + 1e-7 * rng.uniform(-1, 1, x.shape))
        change = np.abs(Normed(4).exact(moved) - passed.value)
        assert np.all(change <= 1.01e-7 * passed.scale)
