"""Each mistake about normalisation differs from the reference, each honest way agrees with it."""

from __future__ import annotations

import inspect
from itertools import combinations
from typing import Any

import pytest
import torch

from reference import norm as reference
from reference.mistakes import norm
from reference.mistakes.catalogue import Mistake, Variant

D = 5


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


WEIGHT = draw(D, D, seed=9)
GIVEN_NORM = reference.Norm(1 + 0.3 * draw(D, seed=1), draw(D, seed=2), 0.05)
X = draw(2, 3, D)
STACK = (0.7 * draw(3, D, D, seed=3), 0.7 * draw(3, D, D, seed=4))


def sublayer(x: torch.Tensor) -> torch.Tensor:
    return torch.tanh(x @ WEIGHT.to(x))


BLOCK = (X, sublayer, GIVEN_NORM)
GIVEN: dict[str, tuple[Any, ...]] = {
    "layer_norm": (X, GIVEN_NORM),
    "rms_norm": (X, GIVEN_NORM.weight, 0.05),
    "layer_norm_jacobian": (X, GIVEN_NORM),
    "post_norm": BLOCK,
    "pre_norm": BLOCK,
    "res_post_norm": BLOCK,
    "post_norm_jacobian": STACK,
    "pre_norm_jacobian": STACK,
    "res_post_norm_jacobian": STACK,
}


def agree(one: torch.Tensor, other: torch.Tensor, share: float) -> bool:
    same_shape = one.shape == other.shape
    return same_shape and bool((one - other).abs().max() <= share * other.abs().max())


def in_float32(given: Any) -> Any:
    if isinstance(given, reference.Norm):
        return reference.Norm(given.weight.float(), given.bias.float(), given.eps)
    return given.float() if isinstance(given, torch.Tensor) else given


@pytest.mark.parametrize("mistake", norm.MISTAKES, ids=lambda mistake: mistake.id)
def test_mistake_differs_from_the_reference(mistake: Mistake) -> None:
    given = GIVEN[mistake.function]
    assert not agree(mistake.code(*given), getattr(reference, mistake.function)(*given), 1e-2)


@pytest.mark.parametrize("function", GIVEN)
def test_mistakes_about_one_function_differ_from_each_other(function: str) -> None:
    found = {
        mistake.id: mistake.code(*GIVEN[function])
        for mistake in norm.MISTAKES
        if mistake.function == function
    }
    alike = [
        (one, other)
        for one, other in combinations(found, 2)
        if agree(found[one], found[other], 1e-3)
    ]
    assert alike == []


@pytest.mark.parametrize("variant", norm.VARIANTS, ids=lambda variant: variant.id)
def test_variant_agrees_within_float32(variant: Variant) -> None:
    answer = variant.code(*map(in_float32, GIVEN[variant.function]))
    assert answer.dtype == torch.float32
    expected = getattr(reference, variant.function)(*GIVEN[variant.function])
    assert agree(answer.double(), expected, 32 * 2**-24)


def test_every_function_has_mistakes_and_three_honest_ways_with_unique_ids() -> None:
    for function in GIVEN:
        assert sum(mistake.function == function for mistake in norm.MISTAKES) >= 3
        assert sum(variant.function == function for variant in norm.VARIANTS) >= 3
    for entries in (norm.MISTAKES, norm.VARIANTS):
        assert len({entry.id for entry in entries}) == len(entries)
        assert {entry.function for entry in entries} == set(GIVEN)
    assert all(mistake.says[0].isupper() and mistake.says[-1] in ".?" for mistake in norm.MISTAKES)


@pytest.mark.parametrize("entry", (norm.MISTAKES + norm.VARIANTS), ids=lambda entry: entry.id)
def test_entry_takes_the_arguments_of_the_function_it_stands_for(entry: Mistake | Variant) -> None:
    code = getattr(reference, entry.function)
    asked = list(inspect.signature(code).parameters)
    taken = inspect.signature(entry.code).parameters
    assert list(taken)[: len(asked)] == asked
    assert all(
        taken[name].default is not inspect.Parameter.empty for name in taken if name not in asked
    )
