"""Each mistake about diffusion differs from the reference, and each honest way agrees with it."""

from __future__ import annotations

import inspect
from itertools import combinations
from typing import Any

import pytest
import torch

from reference import ddpm as forward
from reference import ddpm_reverse as reverse
from reference.mistakes import ddpm
from reference.mistakes.catalogue import Mistake, Variant

T = 12
BETAS = forward.linear_beta_schedule(T, 1e-3, 0.3)
LEFT = forward.alphas_cumprod(BETAS)
# 1 - alpha-bar_1 loses 1 / (1 - alpha-bar_1) of float32's relative precision.
CANCELLATION = 1 / (1 - LEFT[0].item())


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def model(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    return 0.3 * x_t + 0.01 * t.to(x_t).reshape(-1, 1)


X0, NOISE, X_T = draw(3, 5, 4)
TIMES = torch.tensor([1, 2, 5, 6, T])
ROOTS = draw(2, 3, 3, 3) + 2 * torch.eye(3)
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
    "gaussian_kl_full": (draw(3, 3), COVS[0], draw(3, 3, seed=1), COVS[1]),
    "x0_from_noise": (X_T, NOISE, TIMES, LEFT),
    "mean_from_noise": (X_T, NOISE, TIMES, BETAS),
    "diffusion_loss": (model, X0, TIMES, NOISE, LEFT),
    "p_sample": (model, X_T, TIMES, 5 * NOISE, BETAS, BETAS),
}


def right(function: str) -> list[torch.Tensor]:
    code = getattr(forward, function, None) or getattr(reverse, function)
    return parts(code(*GIVEN[function]))


def parts(answer: Any) -> list[torch.Tensor]:
    answers = answer if isinstance(answer, tuple) else (answer,)
    return [part.double() for part in answers]


def agree(one: list[torch.Tensor], other: list[torch.Tensor], share: float) -> bool:
    return all(
        a.shape == b.shape and bool((a - b).abs().max() <= share * b.abs().max())
        for a, b in zip(one, other, strict=True)
    )


def in_float32(given: Any) -> Any:
    floating = isinstance(given, torch.Tensor) and given.is_floating_point()
    return given.float() if floating else given


@pytest.mark.parametrize("mistake", ddpm.MISTAKES, ids=lambda mistake: mistake.id)
def test_mistake_differs_from_the_reference(mistake: Mistake) -> None:
    wrong = parts(mistake.code(*GIVEN[mistake.function]))
    assert not agree(wrong, right(mistake.function), 1e-2)


@pytest.mark.parametrize("function", GIVEN)
def test_mistakes_about_one_function_differ_from_each_other(function: str) -> None:
    answers = {
        mistake.id: parts(mistake.code(*GIVEN[function]))
        for mistake in ddpm.MISTAKES
        if mistake.function == function
    }
    alike = [
        (one, other)
        for one, other in combinations(answers, 2)
        if agree(answers[one], answers[other], 1e-3)
    ]
    assert alike == []


@pytest.mark.parametrize("variant", ddpm.VARIANTS, ids=lambda variant: variant.id)
def test_variant_agrees_within_float32(variant: Variant) -> None:
    answer = variant.code(*map(in_float32, GIVEN[variant.function]))
    assert all(
        part.dtype == torch.float32 for part in (answer if isinstance(answer, tuple) else (answer,))
    )
    assert agree(parts(answer), right(variant.function), 32 * 2**-24 * CANCELLATION)


@pytest.mark.parametrize("function", GIVEN)
def test_every_function_has_mistakes_and_three_honest_ways(function: str) -> None:
    assert sum(mistake.function == function for mistake in ddpm.MISTAKES) >= 3
    assert sum(variant.function == function for variant in ddpm.VARIANTS) >= 3


def test_ids_are_unique_and_sentences_end() -> None:
    for entries in (ddpm.MISTAKES, ddpm.VARIANTS):
        assert len({entry.id for entry in entries}) == len(entries)
        assert {entry.function for entry in entries} == set(GIVEN)
    assert all(mistake.says[0].isupper() and mistake.says[-1] in ".?" for mistake in ddpm.MISTAKES)


@pytest.mark.parametrize("entry", (ddpm.MISTAKES + ddpm.VARIANTS), ids=lambda entry: entry.id)
def test_entry_takes_the_arguments_of_the_function_it_stands_for(entry: Mistake | Variant) -> None:
    code = getattr(forward, entry.function, None) or getattr(reverse, entry.function)
    asked = list(inspect.signature(code).parameters)
    taken = inspect.signature(entry.code).parameters
    optional = {"first", "last"}  # of the schedule; students give the number of timesteps
    needed = [name for name in asked if name not in optional]
    assert list(taken)[: len(needed)] == needed
    assert all(
        taken[name].default is not inspect.Parameter.empty for name in taken if name not in asked
    )
