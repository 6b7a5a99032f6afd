from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from assignments.gan_backprop.definitions import (
    flat,
)
from grader.auditing import audit_assignment
from grader.checks.declare import Check
from grader.checks.loading import require_complete
from grader.checks.verdict import Outcome
from reference.mistakes.gan import MISTAKES, VARIANTS
from tests.assignments.gan_verdicts import (
    ASSIGNMENT,
    CHECKS,
    FOLDER,
    REFERENCE,
    checks_of,
    judged,
)


def code_of(mistake: str) -> Callable[..., Any]:
    return next(entry.code for entry in MISTAKES if entry.id == mistake)


def test_every_point_is_decided_by_somebody() -> None:
    require_complete(CHECKS, ASSIGNMENT.questions)
    assert sum(question.points for question in ASSIGNMENT.questions) == 20


def test_questions_ask_for_what_the_reference_takes() -> None:
    asked = {q.function.name: q.function.arguments for q in ASSIGNMENT.questions if q.function}
    assert asked.keys() == REFERENCE.keys()
    for name, arguments in asked.items():
        assert REFERENCE[name].__code__.co_varnames[: len(arguments)] == arguments


@pytest.mark.slow
def test_the_audit_finds_nothing_and_names_all_that_can_be_told_apart() -> None:
    report = audit_assignment(str(FOLDER)).report
    assert report.problems == ()
    # Their wrong answers hold one or two different numbers, which have many causes.
    unnamed = {row.id for row in report.mistakes if row.id not in row.named_as}
    assert unnamed == {"slope/another-leak", "slope/one-everywhere"}
    assert len(report.mistakes) == len(MISTAKES)
    assert all(variant.passed for variant in report.variants)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_the_reference_passes(check: Check) -> None:
    verdict = judged(check, {})
    assert verdict.verdict is Outcome.PASSED, verdict.message
    assert "follows_from_own_functions" not in verdict.evidence


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.id)
def test_every_variant_passes_under_any_seed(variant: Any) -> None:
    for course in range(25):
        for check in checks_of(variant.function):
            verdict = judged(check, {variant.function: variant.code}, f"gan {course}")
            assert verdict.verdict is Outcome.PASSED, verdict.message


def mapped(answer: Any, by: Callable[[torch.Tensor], Any]) -> Any:
    if isinstance(answer, torch.Tensor):
        return by(answer)
    return [mapped(part, by) for part in answer]


def changed(function: str, by: Callable[[torch.Tensor], Any]) -> Callable[..., Any]:
    return lambda *args: mapped(REFERENCE[function](*args), by)


@pytest.mark.parametrize("function", sorted(REFERENCE))
def test_one_part_in_a_thousand_is_noticed(function: str) -> None:
    wrong = changed(function, lambda part: part * 1.001)
    verdicts = [judged(check, {function: wrong}) for check in checks_of(function)]
    assert Outcome.FAILED in {verdict.verdict for verdict in verdicts}


@pytest.mark.parametrize("function", sorted(REFERENCE))
def test_nan_is_noticed_by_every_check(function: str) -> None:
    wrong = changed(function, lambda part: part * float("nan"))
    for check in checks_of(function):
        assert judged(check, {function: wrong}).verdict is Outcome.FAILED, check.name


@pytest.mark.parametrize("function", sorted(REFERENCE))
@pytest.mark.parametrize("form", ["float64", "numpy", "tracked"])
def test_an_answer_in_another_form_passes(function: str, form: str) -> None:
    forms: dict[str, Callable[[torch.Tensor], Any]] = {
        "float64": torch.Tensor.double,
        "numpy": torch.Tensor.numpy,
        "tracked": lambda part: part.clone().requires_grad_(),
    }
    recast = changed(function, forms[form])
    for check in checks_of(function):
        verdict = judged(check, {function: recast})
        assert verdict.verdict is Outcome.PASSED, verdict.message


@pytest.mark.parametrize("function", ["discriminator_objective", "generator_loss"])
@pytest.mark.parametrize("form", ["float", "one entry"])
def test_one_number_may_be_a_float_or_hold_one_entry(function: str, form: str) -> None:
    recast = changed(function, lambda part: part.item() if form == "float" else part.reshape(1))
    for check in checks_of(function):
        verdict = judged(check, {function: recast})
        assert verdict.verdict is Outcome.PASSED, verdict.message


@pytest.mark.parametrize(
    "function", ["back_propagate", "discriminator_gradients", "generator_gradients", "sgd_step"]
)
@pytest.mark.parametrize("form", ["dicts", "flat"])
def test_a_network_may_be_nested_in_any_way(function: str, form: str) -> None:
    def contained(*args: Any) -> Any:
        answer = REFERENCE[function](*args)
        layers, rest = (answer[0], answer[1:]) if function == "back_propagate" else (answer, ())
        dicts = [{"W": layer.weight, "b": layer.bias} for layer in layers]
        made = dicts if form == "dicts" else flat(layers)
        return (made, *rest) if rest else made

    for check in checks_of(function):
        verdict = judged(check, {function: contained})
        assert verdict.verdict is Outcome.PASSED, verdict.message


@pytest.mark.parametrize("function", ["discriminator_objective", "generator_loss"])
def test_a_loss_for_each_example_fails_every_check(function: str) -> None:
    wrong = changed(function, lambda part: part.expand(3))
    for check in checks_of(function):
        assert judged(check, {function: wrong}).verdict is Outcome.FAILED, check.name


@pytest.mark.parametrize("function", sorted(REFERENCE))
@pytest.mark.parametrize("answer", [None, "text", 1.0, [], (1.0, 2.0)], ids=repr)
def test_an_answer_of_another_kind_is_never_our_fault(function: str, answer: Any) -> None:
    for check in checks_of(function):
        verdict = judged(check, {function: lambda *_: answer})
        assert verdict.verdict in (Outcome.FAILED, Outcome.ERROR), (check.name, verdict.evidence)


def test_a_call_that_fails_on_unequal_batches_is_told_after_its_values() -> None:
    (check,) = (c for c in CHECKS if c.name == "discriminator_gradients_are_those_of_the_objective")
    verdict = judged(check, {"discriminator_gradients": code_of("discriminator/one-cache")})
    assert verdict.verdict is Outcome.FAILED
    assert verdict.mistakes == ("discriminator/one-cache",)


def test_a_message_shows_the_network_and_names_the_mistake() -> None:
    (check,) = (c for c in CHECKS if c.name == "gradients_reach_every_layer_and_the_input")
    verdict = judged(check, {"back_propagate": code_of("backward/prime-missing")})
    assert verdict.mistakes == ("backward/prime-missing",)
    assert "For W1 = [" in verdict.message
