"""Each mistake about diffusion differs from the reference, and each honest way agrees with it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from reference import ddpm as forward
from reference import ddpm_reverse as reverse
from reference.mistakes import ddpm
from reference.mistakes.catalogue import Mistake, Variant
from tests.reference.mistakes.catalogue_claims import (
    Topic,
    claim_differs,
    claim_ids_and_sentences,
    claim_mistakes_differ_from_each_other,
    claim_same_parameters,
    claim_three_of_each,
    claim_within_float32,
    draw_float64,
    each,
    in_float32,
    largest,
    tensors,
)

T = 12
BETAS = forward.linear_beta_schedule(T, 1e-3, 0.3)
LEFT = forward.alphas_cumprod(BETAS)
# 1 - alpha-bar_1 loses 1 / (1 - alpha-bar_1) of float32's relative precision.
CANCELLATION = 1 / (1 - LEFT[0].item())


def model(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    return 0.3 * x_t + 0.01 * t.to(x_t).reshape(-1, 1)


X0, NOISE, X_T = draw_float64(3, 5, 4)
TIMES = torch.tensor([1, 2, 5, 6, T])
ROOTS = draw_float64(2, 3, 3, 3) + 2 * torch.eye(3)
COVS = ROOTS @ ROOTS.mT

GIVEN: dict[str, tuple[Any, ...]] = {
    "linear_beta_schedule": (T,),
    "alphas_cumprod": (BETAS,),
    "q_mean_variance": (X0, TIMES, LEFT),
    "q_sample": (X0, TIMES, NOISE, LEFT),
    "q_step": (X0, TIMES, NOISE, BETAS),
    "prior_kl": (X0, LEFT),
    "posterior_variance": (BETAS,),
    "posterior": (X0, X_T, TIMES, BETAS),
    "gaussian_kl_full": (draw_float64(3, 3), COVS[0], draw_float64(3, 3, seed=1), COVS[1]),
    "x0_from_noise": (X_T, NOISE, TIMES, LEFT),
    "mean_from_noise": (X_T, NOISE, TIMES, BETAS),
    "diffusion_loss": (model, X0, TIMES, NOISE, LEFT),
    "p_sample": (model, X_T, TIMES, 5 * NOISE, BETAS, BETAS),
}


def answers(code: Any, function: str) -> list[torch.Tensor]:
    return tensors(code(*GIVEN[function]))


# What draws its own noise has no one answer, and what is detached has the right one: these are held
# against the checks instead.
RIGHT_NUMBERS = {"loss/prediction-detached"}
MISTAKES = tuple(
    mistake
    for mistake in ddpm.MISTAKES
    if mistake.function in GIVEN and mistake.id not in RIGHT_NUMBERS
)
VARIANTS = tuple(variant for variant in ddpm.VARIANTS if variant.function in GIVEN)
TOPIC = Topic(MISTAKES, VARIANTS, (forward, reverse), GIVEN, answers)


@each("mistake", MISTAKES)
def test_mistake_differs_from_the_reference(mistake: Mistake) -> None:
    claim_differs(TOPIC, mistake)


@pytest.mark.parametrize("function", GIVEN)
def test_mistakes_about_one_function_differ_from_each_other(function: str) -> None:
    claim_mistakes_differ_from_each_other(TOPIC, function)


@pytest.mark.parametrize("function", GIVEN)
def test_every_function_has_mistakes_and_three_honest_ways(function: str) -> None:
    claim_three_of_each(TOPIC, function)


def test_ids_are_unique_and_sentences_end() -> None:
    claim_ids_and_sentences(TOPIC)


@each("entry", TOPIC.entries)
def test_entry_takes_the_arguments_of_the_function_it_stands_for(entry: Mistake | Variant) -> None:
    # Students give the schedule the number of timesteps only.
    claim_same_parameters(TOPIC, entry, optional=frozenset({"first", "last"}))


@each("variant", VARIANTS)
def test_variant_agrees_within_float32(variant: Variant) -> None:
    single = tensors(variant.code(*in_float32(GIVEN[variant.function])))
    expected = TOPIC.right(variant.function)
    claim_within_float32(single, expected, largest(expected, condition=CANCELLATION))
