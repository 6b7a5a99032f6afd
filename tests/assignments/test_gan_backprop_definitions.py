"""Definitions that the checks compare with, held against the reference and torch."""

from __future__ import annotations

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
from grader.checks import CheckFailure
from grader.checks.expected import Expected
from grader.errors import SubjectError
from reference import gan


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
