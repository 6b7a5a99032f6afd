"""Each mistake about normalisation differs from the reference, each honest way agrees with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from reference import norm as reference
from reference import norm_depth
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

D, EPS = 5, 0.05

WEIGHT, BIAS = 1 + 0.3 * draw_float64(D, seed=1), draw_float64(D, seed=2)
X = draw_float64(2, 3, D)
STACK = (0.7 * draw_float64(3, D, D, seed=3), 0.7 * draw_float64(3, D, D, seed=4))


def sublayer(seed: int) -> Callable[[torch.Tensor], torch.Tensor]:
    weight = draw_float64(D, D, seed=seed)
    return lambda x: torch.tanh(x @ weight.to(x))


def normed(seed: int) -> Callable[[torch.Tensor], torch.Tensor]:
    weight, bias = 1 + 0.3 * draw_float64(D, seed=seed), draw_float64(D, seed=seed + 1)
    return lambda x: reference.layer_norm(x, weight.to(x), bias.to(x), EPS)


BLOCK = (X, sublayer(9), normed(1))
BLOCKS = (X, (sublayer(9), sublayer(10), sublayer(11)), (normed(1), normed(3), normed(5)))
GIVEN: dict[str, tuple[Any, ...]] = {
    "layer_norm": (X, WEIGHT, BIAS, EPS),
    "rms_norm": (X, WEIGHT, EPS),
    "layer_norm_jacobian": (X, WEIGHT, EPS),
    "post_norm": BLOCK,
    "pre_norm": BLOCK,
    "res_post_norm": BLOCK,
    "pre_norm_block": (X, sublayer(9), sublayer(10), normed(1), normed(3)),
    "pre_norm_stack": (*BLOCKS, normed(7)),
    "post_norm_jacobian": STACK,
    "pre_norm_jacobian": STACK,
    "res_post_norm_jacobian": STACK,
    "pre_norm_branches": BLOCKS,
    "res_post_norm_branches": BLOCKS,
    "gradient_norms": ("res-post", X[0, 0], STACK[0], BIAS),
}


def answers(code: Any, function: str) -> list[torch.Tensor]:
    return tensors(code(*GIVEN[function]))


TOPIC = Topic(norm.MISTAKES, norm.VARIANTS, (reference, norm_depth), GIVEN, answers)


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
    claim_same_parameters(TOPIC, entry, frozenset({"eps"}))


@each("variant", norm.VARIANTS)
def test_variant_agrees_within_float32(variant: Variant) -> None:
    answer = variant.code(*in_float32(GIVEN[variant.function]))
    single = [part.float() for part in tensors(answer)]  # one of them computes in float64
    expected = TOPIC.right(variant.function)
    claim_within_float32(single, expected, largest(expected, condition=3))
