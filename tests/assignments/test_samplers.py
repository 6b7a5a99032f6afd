from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from grader.auditing import audit_assignment
from grader.checks.adapted import Adapted
from grader.checks.declare import Check
from grader.checks.loading import require_complete
from grader.checks.runner import run_check
from grader.checks.verdict import Outcome
from grader.kernel.local import LocalSubject
from reference import samplers
from reference.mistakes.samplers import MISTAKES, VARIANTS
from tests.assignments.samplers_verdicts import (
    ASSIGNMENT,
    CHECKS,
    FOLDER,
    JUDGE,
    REFERENCE,
    ancestral_by,
    assert_all_pass,
    assert_some_fail,
    check_named,
    checks_of,
    explained,
    judged,
    wrong,
)


def test_every_point_is_decided_by_somebody() -> None:
    require_complete(CHECKS, ASSIGNMENT.questions)
    assert sum(question.points for question in ASSIGNMENT.questions) == 20


def test_questions_ask_for_what_the_reference_takes() -> None:
    asked = {q.function.name: q.function.arguments for q in ASSIGNMENT.questions if q.function}
    assert asked.keys() == REFERENCE.keys()
    for name, arguments in asked.items():
        code = REFERENCE[name].__code__
        assert code.co_varnames[: len(arguments)] == arguments


@pytest.mark.slow
def test_the_audit_finds_nothing() -> None:
    report = audit_assignment(str(FOLDER)).report
    assert report.problems == ()
    assert len(report.mistakes) == len(MISTAKES)
    assert all(variant.passed for variant in report.variants)
    unnamed = {row.id for row in report.mistakes if row.id not in row.named_as}
    # Answers that are functions cannot be compared, without a generator nothing is wrong, and NaN
    # has many causes.
    functions = {mistake.id for mistake in MISTAKES if mistake.function == "guided"}
    assert unnamed == functions | {"ancestral/generator-ignored", "dpm-solver/infinite-last-step"}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_the_reference_passes(check: Check) -> None:
    for course in ("samplers", "another course"):
        verdict = judged(check, {}, course)
        assert verdict.verdict is Outcome.PASSED, verdict.message


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.id)
def test_every_variant_passes_under_any_seed(variant: Any) -> None:
    for course in range(25):
        for check in checks_of(variant.function):
            verdict = judged(check, {variant.function: variant.code}, f"samplers {course}")
            assert verdict.verdict is Outcome.PASSED, verdict.message


def off(answer: Any, factor: float) -> Any:
    if callable(answer):
        return lambda *given: factor * answer(*given)
    return tuple(factor * part for part in answer) if isinstance(answer, tuple) else factor * answer


@pytest.mark.parametrize("function", sorted(REFERENCE))
def test_one_part_in_a_hundred_is_noticed(function: str) -> None:
    assert_some_fail(function, {function: lambda *args: off(REFERENCE[function](*args), 1.01)})


@pytest.mark.parametrize("function", sorted(REFERENCE))
def test_nan_is_noticed_by_every_check(function: str) -> None:
    nowhere = {function: lambda *args: off(REFERENCE[function](*args), float("nan"))}
    for check in checks_of(function):
        assert judged(check, nowhere).verdict is Outcome.FAILED, check.name


# Right answers in other forms


def test_numbers_in_lists_and_tensors_of_one_number_pass() -> None:
    def split(sigma: Tensor, following: Tensor) -> list[Tensor]:
        return [part.reshape(1) for part in samplers.ancestral_sigmas(sigma, following)]

    def plain(sigma: Tensor, following: Tensor) -> tuple[float, ...]:
        return tuple(part.item() for part in samplers.ancestral_sigmas(sigma, following))

    def weights(*given: Any) -> list[float]:
        return list(map(float, samplers.linear_multistep_coefficients(*given)))

    def variance(*given: Any) -> Tensor:
        return samplers.ddim_variance(*given).reshape(1)

    def levels(*given: Any) -> list[float]:
        return list(map(float, samplers.karras_sigmas(*given)))

    assert_all_pass("karras_sigmas", {"karras_sigmas": levels})
    assert_all_pass("ancestral_sigmas", {"ancestral_sigmas": split})
    assert_all_pass("ancestral_sigmas", {"ancestral_sigmas": plain})
    assert_all_pass(
        "ancestral_sigmas", {"ancestral_sigmas": lambda *given: torch.stack(split(*given)).ravel()}
    )
    assert_all_pass("linear_multistep_coefficients", {"linear_multistep_coefficients": weights})
    assert_all_pass("ddim_variance", {"ddim_variance": variance})


@pytest.mark.parametrize("function", sorted(REFERENCE.keys() - {"karras_sigmas", "guided"}))
def test_code_that_takes_float64_only_passes(function: str) -> None:
    def wide_only(*args: Any) -> Any:
        floating = [a for a in args if isinstance(a, Tensor) and a.is_floating_point()]
        if any(a.dtype != torch.float64 for a in floating):
            raise RuntimeError("expected scalar type Double but found Float")
        return REFERENCE[function](*args)

    assert_all_pass(function, {function: wide_only})


def test_a_sampler_that_asks_its_generator_for_a_device_passes() -> None:
    def picky(denoise: Any, x: Tensor, sigmas: Tensor, generator: torch.Generator) -> Tensor:
        return samplers.euler_ancestral(denoise, x.to(generator.device), sigmas, generator)

    assert_all_pass("euler_ancestral", {"euler_ancestral": picky})


def test_samplers_under_the_names_of_libraries_pass() -> None:
    namespace = {
        "torch": torch,
        "get_sigmas_karras": samplers.karras_sigmas,
        "sample_euler": samplers.euler,
        "get_ancestral_step": samplers.ancestral_sigmas,
        "sample_euler_ancestral": lambda model, x, sigmas: ancestral_by(samplers.ancestral_sigmas)(
            model, x, sigmas
        ),
        "sample_lms": samplers.linear_multistep,
        "sample_dpmpp_2m": samplers.dpm_solver_pp_2m,
    }
    subject = Adapted(LocalSubject(namespace), ASSIGNMENT.questions)
    asked = {q.id for q in ASSIGNMENT.questions if {s.name for s in q.also} & namespace.keys()}
    assert len(asked) == 6
    for check in (check for check in CHECKS if check.question in asked):
        verdict = run_check(check, subject, JUDGE.context_of(check))
        assert verdict.verdict is Outcome.PASSED, (check.name, verdict.message)


# What students read


def test_an_order_that_is_missed_is_told_with_its_errors() -> None:
    check = check_named("solver_has_order_two")
    verdict = explained(check, {"dpm_solver_pp_2m": samplers.euler})
    assert verdict.verdict is Outcome.FAILED
    assert "a method of order 2 divides its error by about 4" in verdict.message
    assert verdict.evidence["observed_order"] == pytest.approx(1, abs=0.05)
    assert verdict.mistakes == ("dpm-solver/first-order-throughout",)


def test_a_sampler_that_draws_is_told_so() -> None:
    code = wrong("euler/noise-added")
    verdict = explained(check_named("euler_is_repeatable"), {"euler": code})
    assert "its answer to the same call under another seed" in verdict.message.lower()
    assert verdict.mistakes == ("euler/noise-added",)


def test_an_unused_generator_is_asked_after() -> None:
    code = wrong("ancestral/generator-ignored")
    verdict = judged(check_named("generator_decides_the_noise"), {"euler_ancestral": code})
    assert "Where does its noise come from?" in verdict.message


def test_a_guided_model_has_to_be_one() -> None:
    verdict = judged(
        check_named("guided_model_asks_both_prompts"), {"guided": lambda *_: torch.ones(1)}
    )
    assert "something to call with x and a time" in verdict.message


@pytest.mark.parametrize("answer", [torch.ones(3), 0.5, (1.0, 2.0, 3.0)], ids=str)
def test_a_split_has_to_be_two_numbers(answer: Any) -> None:
    verdict = judged(
        check_named("next_level_is_split_by_bayes"), {"ancestral_sigmas": lambda *_: answer}
    )
    assert verdict.verdict is Outcome.FAILED
    assert "two numbers: down and up" in verdict.message
