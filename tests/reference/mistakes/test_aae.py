"""Each mistake about an adversarial autoencoder changes a loss or a gradient."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from reference import aae as reference
from reference.mistakes import aae
from reference.mistakes.catalogue import Mistake, Variant
from tests.reference.mistakes.catalogue_claims import (
    FLOAT32_TOLERANCE,
    Topic,
    agree,
    claim_complete,
    claim_differs,
    claim_mistakes_differ_from_each_other,
    claim_on_top_is_itself,
    claim_same_parameters,
    draw,
    each,
    in_float32,
    tensors,
)

BATCH, PIXELS, LATENT = 4, 3, 2


class Linear(torch.nn.Linear):
    """A map whose gradients are part of an answer."""

    def __init__(self, inputs: int, outputs: int, seed: int) -> None:
        super().__init__(inputs, outputs, bias=False, dtype=torch.float64)
        self.weight.data = draw(outputs, inputs, seed=seed)


ENCODER, DECODER = Linear(PIXELS, LATENT, 1), Linear(LATENT, PIXELS, 2)
DISCRIMINATOR = Linear(LATENT, 1, 3)
X, RECONSTRUCTED = draw(2, BATCH, PIXELS)
# Between 0 and 1/2 lies one logit of each batch, where a threshold in the wrong units shows.
REAL = torch.tensor([[1.5], [0.25], [-0.75], [2.0]], dtype=torch.float64)
FAKE = torch.tensor([[-1.25], [0.375], [0.125], [-2.0]], dtype=torch.float64)

GIVEN: dict[str, tuple[tuple[Any, ...], ...]] = {
    "reconstruction_loss": ((X, RECONSTRUCTED),),
    "generator_loss": ((FAKE,),),
    "autoencoder_loss": ((X, RECONSTRUCTED, FAKE, 0.75), (X, RECONSTRUCTED, FAKE, 0.25)),
    "discriminator_loss": ((REAL, FAKE), (REAL[:2], FAKE[1:])),
    "autoencoder_step_loss": (
        (ENCODER, DECODER, DISCRIMINATOR, X, 0.75),
        (ENCODER, DECODER, DISCRIMINATOR, X, 0.25),
    ),
    "discriminator_step_loss": ((ENCODER, DISCRIMINATOR, X, draw(BATCH, LATENT, seed=4)),),
}


def gradients(total: torch.Tensor, given: tuple[Any, ...]) -> list[torch.Tensor]:
    weights = [layer.weight for layer in given if isinstance(layer, Linear)]
    if not weights:
        return []
    found = torch.autograd.grad(total, weights, allow_unused=True)
    pairs = zip(found, weights, strict=True)
    return [(torch.zeros_like(w) if g is None else g).double() for g, w in pairs]


def parts(code: Any, given: tuple[Any, ...]) -> list[torch.Tensor]:
    torch.manual_seed(7)  # for the mistake that draws on its own
    found = tensors(code(*given))
    return [part.detach().double() for part in found] + gradients(found[0], given)


def answers(code: Any, function: str) -> list[torch.Tensor]:
    return [part for given in GIVEN[function] for part in parts(code, given)]


def single(given: Any) -> Any:
    if not isinstance(given, Linear):
        return in_float32(given)
    layer = Linear(given.in_features, given.out_features, 0)
    layer.weight.data = in_float32(given.weight.data)
    return layer


TOPIC = Topic(aae.MISTAKES, aae.VARIANTS, (reference,), GIVEN, answers)


@each("mistake", aae.MISTAKES)
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


@each("variant", aae.VARIANTS)
def test_variant_agrees_within_float32(variant: Variant) -> None:
    found = [
        part
        for given in GIVEN[variant.function]
        for part in parts(variant.code, tuple(map(single, given)))
    ]
    # Through probabilities the logarithm of 1 - p amplifies rounding by 1 / (1 - p) = 1 + e^logit;
    # logits reach 2 where they are given, and sums of at most six products where they are computed.
    logits = torch.cat([REAL, FAKE, DISCRIMINATOR(ENCODER(X)).detach()])
    condition = 1 + logits.abs().max().exp().item()
    assert agree(found, TOPIC.right(variant.function), FLOAT32_TOLERANCE * condition)


def test_answers_of_variants_are_in_float32() -> None:
    for variant in aae.VARIANTS:
        answer = variant.code(*map(single, GIVEN[variant.function][0]))
        assert tensors(answer)[0].dtype == torch.float32


def test_missing_detach_changes_no_loss_but_reaches_the_encoder() -> None:
    (mistake,) = (
        entry for entry in aae.MISTAKES if entry.id == "discriminator-step/detach-missing"
    )
    given = GIVEN[mistake.function][0]
    wrong, honest = parts(mistake.code, given), parts(reference.discriminator_step_loss, given)
    assert agree(wrong[:4], honest[:4], 1e-12)
    assert honest[4].abs().max() == 0
    assert wrong[4].abs().max() > 0.01
