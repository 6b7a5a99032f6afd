"""Each mistake about the bound differs from the reference, and each honest way agrees with it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from reference import ddpm
from reference import vdm as reference
from reference.mistakes import vdm
from reference.mistakes.catalogue import Mistake, Variant
from tests.reference.mistakes.catalogue_claims import (
    Topic,
    claim_complete,
    claim_differs,
    claim_mistakes_differ_from_each_other,
    claim_on_top_is_itself,
    claim_same_parameters,
    claim_within_float32,
    draw,
    each,
    in_float32,
    tensors,
)

T = 6


def model(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    return 0.5 * x_t + 0.125 * t.to(x_t).reshape(-1, 1)


BETAS = ddpm.linear_beta_schedule(T, 0.02, 0.4).float().double()
LEFT = ddpm.alphas_cumprod(BETAS).float().double()
X0, PREDICTED = draw(2, 4, 3)
TIMES = torch.tensor([3, 2, 5, T])
VARIANCE = 0.375
ROOTS = draw(2, 3, 3, seed=2)
COVS = (ROOTS @ ROOTS.mT).float().double()
NOISE = draw(T, 4, 3, seed=3)

GIVEN: dict[str, tuple[Any, ...]] = {
    "snr": (LEFT,),
    "x0_loss_weights": (BETAS,),
    "x0_loss_weights_from_snr": (LEFT,),
    "reconstruction_term": (X0, PREDICTED, VARIANCE),
    "consistency_term": (X0, PREDICTED, TIMES, LEFT),
    "bound_terms": (model, X0, NOISE, LEFT, VARIANCE),
    "signal_to_noise": (draw(2, 3, seed=4), COVS),
    "image_signal_to_noise": (X0, torch.tensor([1, 2, 5, T]), LEFT),
}


def squared_error(x0: torch.Tensor, guess: torch.Tensor) -> torch.Tensor:
    # Both enter rounded: an error of u (|x| + |guess|) in the difference, doubled by the square.
    return ((x0.abs() + guess.abs()) ** 2).flatten(1).sum(1)


def density_terms(x0: torch.Tensor, guess: torch.Tensor) -> torch.Tensor:
    constant = x0.shape[1] * abs(math.log(2 * math.pi * VARIANCE))
    return 0.5 * (squared_error(x0, guess) / VARIANCE + constant)


def bound_scale() -> list[torch.Tensor]:
    left = LEFT.reshape(-1, 1, 1)
    guess = model(
        (left.sqrt() * X0.abs() + (1 - left).sqrt() * NOISE.abs()).flatten(0, 1),
        torch.arange(1, T + 1).repeat_interleave(4),
    ).reshape(T, 4, 3)
    last = LEFT[-1]
    prior = 0.5 * (last * X0.square() + last - torch.log(1 - last)).sum(1)
    errors = torch.stack([squared_error(X0, each) for each in guess[1:]])
    return [density_terms(X0, guess[0]), prior, (WEIGHT_SCALE.unsqueeze(1) * errors).sum(0)]


RATIO = reference.snr(LEFT)
# d log snr / d log alpha-bar = 1 / (1 - alpha-bar); the weights are differences of two ratios.
RATIO_SCALE = RATIO / (1 - LEFT)
WEIGHT_SCALE = 0.5 * (RATIO_SCALE[:-1] + RATIO_SCALE[1:])

# S of the tolerance 32 u S: the sum of the reference's absolute terms, with its condition.
SCALE: dict[str, Callable[[], list[torch.Tensor]]] = {
    "snr": lambda: [RATIO_SCALE],
    # A product of T factors, each rounded, comes before the difference.
    "x0_loss_weights": lambda: [T * WEIGHT_SCALE],
    "x0_loss_weights_from_snr": lambda: [WEIGHT_SCALE],
    "reconstruction_term": lambda: [density_terms(X0, PREDICTED)],
    "consistency_term": lambda: [WEIGHT_SCALE[TIMES - 2] * squared_error(X0, PREDICTED)],
    "bound_terms": bound_scale,
    "signal_to_noise": lambda: TOPIC.right("signal_to_noise"),
    "image_signal_to_noise": lambda: TOPIC.right("image_signal_to_noise"),
}


def answers(code: Any, function: str) -> list[torch.Tensor]:
    return tensors(code(*GIVEN[function]))


TOPIC = Topic(vdm.MISTAKES, vdm.VARIANTS, (reference,), GIVEN, answers)


@each("mistake", vdm.MISTAKES)
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


@each("variant", vdm.VARIANTS)
def test_variant_agrees_within_float32(variant: Variant) -> None:
    single = tensors(variant.code(*in_float32(GIVEN[variant.function])))
    claim_within_float32(single, TOPIC.right(variant.function), SCALE[variant.function]())
