"""Each mistake about a GAN differs from the reference, and each honest way agrees with it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch

from reference import gan as reference
from reference import gan_losses
from reference.mistakes import gan
from reference.mistakes.catalogue import Mistake, Variant
from reference.mistakes.gan_layers import added, scaled
from tests.reference.mistakes.catalogue_claims import (
    Topic,
    claim_complete,
    claim_differs,
    claim_mistakes_differ_from_each_other,
    claim_on_top_is_itself,
    claim_same_parameters,
    claim_within_float32,
    draw_float64,
    each,
    in_float32,
    largest,
)


def network(sizes: tuple[int, ...], seed: int) -> tuple[reference.Layer, ...]:
    return tuple(
        reference.Layer(
            draw_float64(outputs, inputs, seed=seed + index), draw_float64(outputs, seed=seed + 40)
        )
        for index, (inputs, outputs) in enumerate(pairwise(sizes))
    )


DISCRIMINATOR, GENERATOR = network((3, 3, 3, 1), 0), network((2, 4, 4, 3), 10)
LATENTS, REAL, FAKE = (
    draw_float64(4, 2, seed=20),
    draw_float64(4, 3, seed=21),
    draw_float64(4, 3, seed=22),
)
GRADIENTS = reference.discriminator_gradients(DISCRIMINATOR, REAL, FAKE, "tanh")
DELTA = draw_float64(4, 1, seed=23)
Z_REAL, Z_FAKE = draw_float64(5, 1, seed=24), draw_float64(5, 1, seed=25)
ALL = ("relu", "leaky_relu", "tanh", "sigmoid")
LOSSES = ("saturating", "non-saturating")

GIVEN: dict[str, tuple[tuple[Any, ...], ...]] = {
    "activation_derivative": tuple((draw_float64(3, 4), name) for name in ALL),
    "discriminator_objective": ((Z_REAL, Z_FAKE),),
    "generator_loss": tuple((Z_FAKE, loss) for loss in LOSSES),
    "probability_gradients": ((Z_REAL.sigmoid(), Z_FAKE.sigmoid()),),
    "output_gradients": ((Z_REAL, Z_FAKE), (torch.cat([Z_REAL, Z_FAKE]), Z_FAKE - 1)),
    "back_propagate": ((DISCRIMINATOR, REAL, DELTA, "tanh"),),
    "discriminator_gradients": (
        (DISCRIMINATOR, REAL, FAKE, "tanh"),
        (DISCRIMINATOR, torch.cat([REAL, REAL + 1]), torch.cat([FAKE, FAKE - 1]), "sigmoid"),
    ),
    "generator_gradients": tuple(
        (GENERATOR, DISCRIMINATOR, LATENTS, "tanh", loss) for loss in LOSSES
    ),
    "sgd_step": ((DISCRIMINATOR, GRADIENTS, 0.5),),
    "train": (
        (GENERATOR, DISCRIMINATOR, (REAL, REAL + 1, FAKE), (LATENTS, -LATENTS, LATENTS), "tanh", 1),
    ),
}


def flat(answer: Any) -> torch.Tensor:
    if isinstance(answer, torch.Tensor):
        return answer.flatten()
    return torch.cat([flat(part) for part in answer])


def answers(code: Any, function: str) -> list[torch.Tensor]:
    return [flat(code(*given)) for given in GIVEN[function]]


TOPIC = Topic(gan.MISTAKES, gan.VARIANTS, (reference, gan_losses), GIVEN, answers)


@each("mistake", gan.MISTAKES)
def test_mistake_differs_from_the_reference(mistake: Mistake) -> None:
    claim_differs(TOPIC, mistake)


@pytest.mark.parametrize("function", GIVEN)
def test_mistakes_about_one_function_differ_from_each_other(function: str) -> None:
    claim_mistakes_differ_from_each_other(TOPIC, function)


@each("mistake", TOPIC.added_mistakes)
def test_mistake_on_top_of_the_reference_is_the_mistake_itself(mistake: Mistake) -> None:
    claim_on_top_is_itself(TOPIC, mistake)


def test_every_function_has_mistakes_and_three_honest_ways_with_unique_ids() -> None:
    claim_complete(TOPIC)


@each("entry", TOPIC.entries)
def test_entry_takes_the_arguments_of_the_function_it_stands_for(entry: Mistake | Variant) -> None:
    claim_same_parameters(TOPIC, entry)


@each("variant", gan.VARIANTS)
def test_variant_agrees_within_float32(variant: Variant) -> None:
    # Chained products of four terms each, and three steps in training: errors add up.
    single = [flat(variant.code(*in_float32(given))) for given in GIVEN[variant.function]]
    expected = TOPIC.right(variant.function)
    claim_within_float32(single, expected, largest(expected, condition=4))


def test_unequal_batches_are_fine_for_every_honest_way() -> None:
    given = (DISCRIMINATOR, REAL, torch.cat([FAKE, FAKE + 2]), "leaky_relu")
    expected = flat(reference.discriminator_gradients(*given))
    for variant in gan.VARIANTS:
        if variant.function == "discriminator_gradients":
            torch.testing.assert_close(flat(variant.code(*given)), expected)


def test_sums_and_multiples_of_gradients_are_taken_layer_by_layer() -> None:
    double = added(GRADIENTS, GRADIENTS)
    torch.testing.assert_close(flat(double), 2 * flat(GRADIENTS))
    torch.testing.assert_close(flat(scaled(GRADIENTS, 2.0)), 2 * flat(GRADIENTS))
