"""Each mistake about normalisation differs from the reference, each honest way agrees with it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from reference import norm as reference
from reference.mistakes import norm
from reference.mistakes.catalogue import Mistake, Variant
from tests.reference.mistakes.catalogue_claims import (
    Topic,
    claim_complete,
    claim_differs,
    claim_mistakes_differ_from_each_other,
    claim_same_parameters,
    claim_within_float32,
    draw_float64,
    each,
    in_float32,
    largest,
    tensors,
)

D = 5

WEIGHT = draw_float64(D, D, seed=9)
GIVEN_NORM = reference.Norm(1 + 0.3 * draw_float64(D, seed=1), draw_float64(D, seed=2), 0.05)
X = draw_float64(2, 3, D)
STACK = (0.7 * draw_float64(3, D, D, seed=3), 0.7 * draw_float64(3, D, D, seed=4))


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


def answers(code: Any, function: str) -> list[torch.Tensor]:
    return tensors(code(*GIVEN[function]))


TOPIC = Topic(norm.MISTAKES, norm.VARIANTS, (reference,), GIVEN, answers)


@each("mistake", norm.MISTAKES)
def test_mistake_differs_from_the_reference(mistake: Mistake) -> None:
    claim_differs(TOPIC, mistake)


@pytest.mark.parametrize("function", GIVEN)
def test_mistakes_about_one_function_differ_from_each_other(function: str) -> None:
    claim_mistakes_differ_from_each_other(TOPIC, function)


def test_every_function_has_mistakes_and_three_honest_ways_with_unique_ids() -> None:
    claim_complete(TOPIC)


@each("entry", TOPIC.entries)
def test_entry_takes_the_arguments_of_the_function_it_stands_for(entry: Mistake | Variant) -> None:
    claim_same_parameters(TOPIC, entry)


@each("variant", norm.VARIANTS)
def test_variant_agrees_within_float32(variant: Variant) -> None:
    single = tensors(variant.code(*in_float32(GIVEN[variant.function])))
    expected = TOPIC.right(variant.function)
    claim_within_float32(single, expected, largest(expected))
