"""Each mistake about samplers differs from the reference, and each honest way agrees with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch

from reference import ddpm, denoisers
from reference import samplers as reference
from reference.mistakes import samplers
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


@dataclass(frozen=True)
class Seed:
    """Stands for a fresh generator in every call."""

    value: int


def denoise(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """Not linear in x, and of slope 1 at most: errors in x do not grow from step to step.

    Takes one level, or one for each example.
    """
    level = sigma.to(x).reshape(-1, *[1] * (x.ndim - 1))
    return 0.5 * torch.tanh(x / (0.5 + level.square()))


def other_model(x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
    return 0.25 * x + 0.5 * time


def noise_model(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    return torch.tanh(x) * 0.5 + 0.125 * t.to(x).reshape(-1, 1)


T = 8
LEFT = ddpm.alphas_cumprod(ddpm.linear_beta_schedule(T, 0.05, 0.4)).float().double()
LEVELS = torch.tensor([4.0, 2.5, 1.5, 1.25, 0.5, 0.25], dtype=torch.float64)
TO_ZERO = torch.cat([LEVELS, LEVELS.new_zeros(1)])
START = 4 * draw(3, 2)
SIGMA, FOLLOWING = LEVELS[:-1], LEVELS[1:]
STEP = (*draw(2, 3, 2, seed=1), LEFT[5], LEFT[2])
FRESH = draw(3, 2, seed=2)
RUN = ((denoise, START, TO_ZERO), (denoise, START, LEVELS))

GIVEN: dict[str, tuple[tuple[Any, ...], ...]] = {
    "karras_sigmas": ((6, 0.125, 4.0), (4, 0.5, 2.0, 3.0)),
    "euler": RUN,
    "ancestral_sigmas": ((SIGMA, FOLLOWING),),
    "euler_ancestral": tuple((*run, Seed(3)) for run in RUN),
    "linear_multistep_coefficients": tuple((TO_ZERO, 4, order) for order in (1, 2, 3, 4)),
    "linear_multistep": (*RUN, (*RUN[0], 2)),
    "dpm_solver_pp_2m": RUN,
    "ddim_variance": ((LEFT[5], LEFT[2], 1.0), (LEFT[1:], LEFT[:-1], 0.25)),
    "ddim_step": ((*STEP, 0.5, FRESH), (*STEP, 0.0, FRESH), (*STEP, 1.0, FRESH)),
    "ddim": ((noise_model, START / 4, torch.tensor([8, 5, 3, 1]), LEFT),),
    "guided_noise": ((*draw(2, 3, 2), 3.0), (*draw(2, 3, 2, seed=1), 0.5)),
    "guided": ((denoise, other_model, 3.0), (denoise, other_model, 0.5)),
    "score": ((denoise, START, LEVELS[1]),),
}


def fresh(given: Any) -> Any:
    return torch.Generator().manual_seed(given.value) if isinstance(given, Seed) else given


def parts(code: Any, function: str, single: bool = False) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []
    for given in GIVEN[function]:
        with torch.random.fork_rng():
            torch.manual_seed(7)  # some mistakes draw where nothing should be drawn
            answer = code(*map(fresh, in_float32(given) if single else given))
        if callable(answer):
            at = (START, LEVELS[1])
            answer = answer(*in_float32(at) if single else at)
        found.extend(tensors(answer))
    return found


def slopes_bound() -> float:
    """Most that one step multiplies an error of a slope by, over the length of the step."""
    sums = []
    for step in range(len(LEVELS)):
        weights = reference.linear_multistep_coefficients(TO_ZERO, step, min(4, step + 1))
        sums.append(float(weights.abs().sum() / TO_ZERO[step]))
    return max(sums)


STEPS, LARGEST = len(LEVELS), float(START.abs().max())

# S of the tolerance 32 u S: the largest absolute term of the formula, and for whole runs the sum
# of one for each step, as the model lets no error grow.
SCALE: dict[str, float] = {
    "karras_sigmas": 7 * 4.0,  # a power of 7 multiplies relative errors by 7
    "euler": STEPS * LARGEST,
    "ancestral_sigmas": 4.0,
    "euler_ancestral": 2 * STEPS * LARGEST,  # the reference is in float32 as well
    "linear_multistep_coefficients": 4.0,
    "linear_multistep": STEPS * LARGEST * slopes_bound(),
    "dpm_solver_pp_2m": 2 * STEPS * LARGEST,  # extrapolated from two predictions
    "ddim_variance": 1.0 / float(1 - LEFT[0]),
    "ddim_step": float(START.abs().max() / LEFT[5].sqrt()),
    "ddim": LARGEST / float(LEFT[-1].sqrt()),
    "guided_noise": 3 * 2 * float(draw(2, 3, 2).abs().max() + draw(2, 3, 2, seed=1).abs().max()),
    "guided": 3 * 2 * LARGEST,
    "score": 2 * LARGEST / float(LEVELS[1]) ** 2,
}


TOPIC = Topic(samplers.MISTAKES, samplers.VARIANTS, (reference, denoisers), GIVEN, parts)


@each("mistake", samplers.MISTAKES)
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


@each("variant", samplers.VARIANTS)
def test_variant_agrees_within_float32(variant: Variant) -> None:
    function = variant.function
    # A generator yields other draws in float64 than in float32.
    expected = parts(TOPIC.right_code(function), function, single=function == "euler_ancestral")
    found = parts(variant.code, function, single=True)
    claim_within_float32(found, expected, [SCALE[function]] * len(expected))
