from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from assignments.gan_backprop.checks import of_logits, of_probabilities, slope, value_of_objective
from assignments.gan_backprop.definitions import (
    Case,
    cases,
    clearance,
    flat,
    layers_of,
    parts_of,
    random_cases,
    wide,
    widened,
)
from assignments.gan_backprop.gradients import (
    of_back_propagation,
    of_discriminator,
    of_generator,
    of_training,
)
from grader.assignment import load
from grader.auditing import audit_assignment
from grader.checks import CheckFailure
from grader.checks.context import Catalogue, Context
from grader.checks.declare import Check
from grader.checks.expected import Expected
from grader.checks.loading import load_checks, require_complete
from grader.checks.runner import run_check
from grader.checks.seeds import Seeds
from grader.checks.verdict import Outcome, Verdict
from grader.errors import SubjectError
from grader.kernel.local import LocalSubject
from reference import gan
from reference.mistakes.gan import MISTAKES, VARIANTS
from tests.thinned import thinned

FOLDER = Path(__file__).parents[2] / "assignments" / "gan_backprop"
ASSIGNMENT = load(FOLDER)
CHECKS = load_checks(FOLDER)
QUESTIONS = {question.id: question for question in ASSIGNMENT.questions}
REFERENCE = {
    function: getattr(gan, function) for function in {variant.function for variant in VARIANTS}
}
# They look at a direction only, not at the numbers.
DIRECTIONS = {
    "objective_rewards_telling_apart",
    "both_losses_fall_and_one_goes_flat",
    "small_step_raises_the_objective",
    "small_step_fools_the_discriminator_more",
}


def subject_with(replaced: dict[str, Callable[..., Any]]) -> LocalSubject:
    return LocalSubject(REFERENCE | replaced)


CATALOGUE = Catalogue(MISTAKES, subject_with)


def judged(check: Check, replaced: dict[str, Callable[..., Any]], course: str = "gan") -> Verdict:
    seed = Seeds(assignment=course).of(check.name)
    context = Context(question=QUESTIONS[check.question], seed=seed)
    return run_check(check, subject_with(replaced), context, CATALOGUE)


def checks_of(function: str) -> list[Check]:
    asked = {q.id for q in ASSIGNMENT.questions if q.function and q.function.name == function}
    return [check for check in CHECKS if check.question in asked]


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


def players_with(deltas: Callable[..., Any], backward: Callable[..., Any]) -> dict[str, Any]:
    """Both players' gradients and training, as somebody writes them who builds on earlier work."""

    def discriminator(params: Any, x_real: Any, x_fake: Any, activation: str) -> Any:
        logits = (gan.forward(params, x, activation).output for x in (x_real, x_fake))
        pairs = zip((x_real, x_fake), deltas(*logits), strict=True)
        real, fake = (backward(params, x, delta, activation)[0] for x, delta in pairs)
        return [(a[0] + b[0], a[1] + b[1]) for a, b in zip(real, fake, strict=True)]

    def generator(own: Any, other: Any, latents: Any, activation: str, loss: str) -> Any:
        samples = gan.forward(own, latents, activation).output
        z = gan.forward(other, samples, activation).output
        delta = deltas(z, z)[1] if loss == "saturating" else -deltas(z, z)[0]
        _, of_samples = backward(other, samples, delta, activation)
        return backward(own, latents, of_samples, activation)[0]

    def train(own: Any, other: Any, real: Any, latents: Any, activation: str, rate: float) -> Any:
        for x, z in zip(real, latents, strict=True):
            fake = gan.forward(own, z, activation).output
            other = gan.sgd_step(other, discriminator(other, x, fake, activation), -rate)
            down = generator(own, other, z, activation, "non-saturating")
            own = gan.sgd_step(own, down, rate)
        return own, other

    return {
        "discriminator_gradients": discriminator,
        "generator_gradients": generator,
        "train": train,
    }


@pytest.mark.parametrize(
    "mistake",
    thinned(
        [
            "output/sign",
            "output/batch-mean-forgotten",
            "probability/inner-derivative-forgotten",
            "backward/prime-missing",
            "backward/bias-forgotten",
            "slope/after-activation",
        ],
        3,
    ),
)
def test_a_wrong_ingredient_costs_its_points_once(mistake: str) -> None:
    wrong = next(entry for entry in MISTAKES if entry.id == mistake)
    parts = {**REFERENCE, wrong.function: wrong.code}

    def deltas(z_real: Any, z_fake: Any) -> Any:
        if wrong.function != "probability_gradients":
            return parts["output_gradients"](z_real, z_fake)
        p = z_real.sigmoid(), z_fake.sigmoid()
        pairs = zip(parts["probability_gradients"](*p), p, strict=True)
        return tuple(slope * each * (1 - each) for slope, each in pairs)

    def backward(params: Any, x: Any, delta: Any, activation: str) -> Any:
        if wrong.function != "activation_derivative":
            return parts["back_propagate"](params, x, delta, activation)
        cache, found = gan.forward(params, x, activation), []
        for index in reversed(range(len(params))):
            found.insert(0, (delta.T @ cache.inputs[index], delta.sum(0)))
            delta = delta @ params[index][0]
            if index:
                delta = delta * wrong.code(cache.pre_activations[index - 1], activation)
        return found, delta

    built = players_with(deltas, backward)
    for function in built:
        for check in checks_of(function):
            verdict = judged(check, {**built, wrong.function: wrong.code})
            assert verdict.verdict is Outcome.PASSED, (check.name, verdict.message)
    assert Outcome.FAILED in {
        judged(check, {"discriminator_gradients": built["discriminator_gradients"]}).verdict
        for check in checks_of("discriminator_gradients")
    }


@pytest.mark.parametrize(
    "mistake", thinned(["step/bias-left", "discriminator/sign", "generator/batch-mean-twice"], 3)
)
def test_a_wrong_part_of_training_costs_its_points_once(mistake: str) -> None:
    wrong = next(entry for entry in MISTAKES if entry.id == mistake)
    parts = {**REFERENCE, wrong.function: wrong.code}

    def train(own: Any, other: Any, real: Any, latents: Any, activation: str, rate: float) -> Any:
        for x, z in zip(real, latents, strict=True):
            fake = gan.forward(own, z, activation).output
            up = parts["discriminator_gradients"](other, x, fake, activation)
            other = parts["sgd_step"](other, up, -rate)
            down = parts["generator_gradients"](own, other, z, activation, "non-saturating")
            own = parts["sgd_step"](own, down, rate)
        return own, other

    for check in checks_of("train"):
        own = {wrong.function: wrong.code, "train": train}
        assert judged(check, own).verdict is Outcome.PASSED, check.name
    alone = {judged(check, {"train": train}).verdict for check in checks_of("train")}
    assert Outcome.FAILED in alone


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


def test_a_network_of_other_size_is_refused() -> None:
    with pytest.raises(CheckFailure, match="returned 1 tensors for a network of 1 layers"):
        layers_of([np.ones(2)], cases()[0].discriminator, "sgd_step")
    with pytest.raises(CheckFailure, match="should return a pair"):
        parts_of(np.ones(2), 2, "train", "a pair")


def test_a_failed_call_stands_for_each_of_its_tensors() -> None:
    error = SubjectError("it broke")
    assert layers_of(error, cases()[0].discriminator, "sgd_step") == [error, error]
    assert parts_of(error, 2, "train", "a pair") == [error, error]


def test_no_network_stands_on_a_kink() -> None:
    assert min(clearance(case) for case in [*cases(), *random_cases(5, 24)]) > 1e-3
    assert {case.activation for case in cases()} == {"tanh", "sigmoid", "relu", "leaky_relu"}


def peers(case: Case) -> dict[str, tuple[list[Expected], list[torch.Tensor]]]:
    """What autograd says and what the reference says by hand."""
    generator, discriminator = wide(case.generator), wide(case.discriminator)
    real, fake, latents = map(widened, (case.x_real, case.x_fake, case.latents))
    name: Any = case.activation
    loss = "non-saturating"
    delta = torch.ones(len(real), 1).double()
    by_hand, of_x = gan.back_propagate(discriminator, real, delta, name)
    return {
        "discriminator": (
            of_discriminator(*case.of_discriminator),
            flat(gan.discriminator_gradients(discriminator, real, fake, name)),
        ),
        "generator": (
            of_generator(*case.of_generator, loss),
            flat(gan.generator_gradients(generator, discriminator, latents, name, loss)),
        ),
        "backward": (
            of_back_propagation(case.discriminator, case.x_real, delta.numpy(), name),
            [*flat(by_hand), of_x],
        ),
    }


@pytest.mark.parametrize("case", [*cases(), *random_cases(3, 8)])
def test_gradients_by_autograd_are_those_by_hand(case: Case) -> None:
    for ours, theirs in peers(case).values():
        for one, other in zip(ours, theirs, strict=True):
            assert one.value == pytest.approx(other.numpy(), rel=1e-9, abs=1e-12)


def test_training_by_definition_is_that_of_the_reference() -> None:
    case = cases()[3]
    real, latents = [case.x_real, -case.x_real], [case.latents, case.latents + 1]
    networks = gan.train(
        wide(case.generator),
        wide(case.discriminator),
        list(map(widened, real)),
        list(map(widened, latents)),
        "tanh",
        0.125,
    )
    for ours, theirs in zip(of_training(case, real, latents, 0.125), networks, strict=True):
        for one, other in zip(ours, flat(theirs), strict=True):
            assert one.value == pytest.approx(other.numpy(), rel=1e-9)


def test_definitions_at_the_output_are_the_formulas() -> None:
    real, fake = np.asarray([[0.5], [-1.0]]), np.asarray([[2.0]])
    bce = F.binary_cross_entropy_with_logits
    expected = -bce(widened(real), torch.ones(2, 1).double()) - bce(
        widened(fake), torch.zeros(1, 1).double()
    )
    assert value_of_objective(real, fake).value == pytest.approx(expected.item())
    p_real, p_fake = (1 / (1 + np.exp(-z)) for z in (real, fake))
    of_real, of_fake = of_logits(real, fake)
    assert of_real.value == pytest.approx((1 - p_real) / 2)
    assert of_fake.value == pytest.approx(-p_fake)
    of_real, of_fake = of_probabilities(p_real, p_fake)
    assert of_real.value == pytest.approx(1 / p_real / 2)
    assert of_fake.value == pytest.approx(-1 / (1 - p_fake))
    assert slope(real, "tanh").value == pytest.approx(1 - np.tanh(real) ** 2)
