"""Each mistake about attention differs from the reference, and each honest way agrees with it."""

from __future__ import annotations

import inspect
import math
from itertools import combinations
from typing import Any

import pytest
import torch

from reference import attention as reference
from reference import decoder_block
from reference.mistakes import attention
from reference.mistakes.catalogue import Mistake, Variant

BATCH, QUERIES, KEYS, FEATURES, HEADS = 2, 5, 4, 6, 2


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator).double()  # exact in float32


# Every query has an open key and a closed one, so that the opposite mask is one as well.
MASK = torch.tensor([[1, 1, 0, 1], [0, 1, 1, 0], [1, 0, 0, 0], [1, 1, 1, 0], [0, 0, 1, 1]]).bool()
NUMBERS = torch.zeros(QUERIES, KEYS).masked_fill(~MASK, -math.inf) - 0.5 * torch.eye(QUERIES, KEYS)
NUMBERS = NUMBERS.double()
Q, K, V = (
    draw(BATCH, QUERIES, FEATURES),
    draw(BATCH, KEYS, FEATURES, seed=1),
    draw(BATCH, KEYS, 3, seed=2),
)
S, H = draw(BATCH, QUERIES, 3, seed=3), draw(BATCH, KEYS, 4, seed=4)
ALIGNED = (S, H, draw(5, 3, seed=5), draw(5, 4, seed=6), draw(5, seed=7))
SCORES = draw(BATCH, QUERIES, KEYS, seed=8)
PROJECTIONS = reference.Projections(
    *(draw(*shape, seed=10 + i) for i in range(4) for shape in ((FEATURES, FEATURES), (FEATURES,)))
)
MIXED = (
    draw(BATCH, QUERIES, FEATURES, seed=20),
    draw(BATCH, KEYS, FEATURES, seed=21),
    draw(BATCH, KEYS, FEATURES, seed=22),
    PROJECTIONS,
    HEADS,
)
ANGLES = decoder_block.rotary_angles(QUERIES, FEATURES, 100.0).float().double()
LONG = (draw(BATCH, 9, FEATURES), draw(BATCH, 9, FEATURES, seed=1), draw(BATCH, 9, 3, seed=2))

GIVEN: dict[str, tuple[tuple[Any, ...], ...]] = {
    "attention_weights": ((Q, K), (Q, K, MASK), (Q, K, NUMBERS)),
    "scaled_dot_product": ((Q, K, V), (Q, K, V, MASK), (Q, K, V, NUMBERS)),
    "causal_mask": ((4,), (1,)),
    "split_heads": ((draw(BATCH, QUERIES, FEATURES), HEADS), (draw(4, 6, seed=1), 3)),
    "merge_heads": ((draw(BATCH, HEADS, QUERIES, 3),), (draw(3, 4, 2, seed=1),)),
    "multi_head": (MIXED, (*MIXED, MASK), (*MIXED, NUMBERS)),
    "additive_scores": (ALIGNED,),
    "additive": ((SCORES, H), (SCORES, H, MASK), (SCORES, H, NUMBERS)),
    "windowed": ((*LONG, 2), (*LONG, 1)),
    "rotary_angles": ((5, 6), (4, 4, 100.0)),
    "apply_rotary": ((draw(BATCH, HEADS, QUERIES, FEATURES), ANGLES),),
}


def right_code(function: str) -> Any:
    return getattr(reference, function, None) or getattr(decoder_block, function)


def answers(code: Any, function: str) -> list[torch.Tensor]:
    return [code(*given) for given in GIVEN[function]]


def right(function: str) -> list[torch.Tensor]:
    return answers(right_code(function), function)


def finite(part: torch.Tensor) -> torch.Tensor:
    return part.double().nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)


def agree(one: list[torch.Tensor], other: list[torch.Tensor], share: float) -> bool:
    return all(
        a.shape == b.shape
        and (a.dtype == torch.bool) == (b.dtype == torch.bool)
        and torch.equal(a.isfinite(), b.isfinite())
        and bool((finite(a) - finite(b)).abs().max() <= share * finite(b).abs().max())
        for a, b in zip(one, other, strict=True)
    )


def in_float32(given: Any) -> Any:
    if isinstance(given, reference.Projections):
        return reference.Projections(*(each.float() for each in given))
    floating = isinstance(given, torch.Tensor) and given.is_floating_point()
    return given.float() if floating else given


def largest_score(q: torch.Tensor, k: torch.Tensor) -> float:
    return float((q.abs() @ k.abs().mT).max()) / math.sqrt(q.shape[-1])


def multi_head_condition() -> float:
    queries, keys, values, p, heads = (*MIXED[:3], PROJECTIONS, HEADS)
    q = queries.abs() @ p.query_weight.abs().T + p.query_bias.abs()
    k = keys.abs() @ p.key_weight.abs().T + p.key_bias.abs()
    v = values.abs() @ p.value_weight.abs().T + p.value_bias.abs()
    parts = (reference.split_heads(each, heads) for each in (q, k))
    outputs = p.output_weight.abs().sum(1).max() * v.max() + p.output_bias.abs().max()
    return float((1 + largest_score(*parts)) * outputs)


def additive_condition() -> float:
    states, annotations, of_state, of_annotation, direction = (each.abs() for each in ALIGNED)
    hidden = (states @ of_state.T).max() + (annotations @ of_annotation.T).max()
    return float(hidden * direction.sum())


# S of the tolerance 32 u S. A softmax turns an absolute error of its scores into a relative one of
# its weights, so that S is the largest sum of absolute terms of a score, times that of the values.
SCALE = {
    "attention_weights": 1 + largest_score(Q, K),
    "scaled_dot_product": (1 + largest_score(Q, K)) * float(V.abs().max()),
    "causal_mask": 0.0,
    "split_heads": 0.0,
    "merge_heads": 0.0,
    "multi_head": multi_head_condition(),
    "additive_scores": additive_condition(),
    "additive": (1 + float(SCORES.abs().max())) * float(H.abs().max()),
    "windowed": (1 + largest_score(*LONG[:2])) * float(LONG[2].abs().max()),
    "rotary_angles": 4.0,
    "apply_rotary": 2 * float(draw(BATCH, HEADS, QUERIES, FEATURES).abs().max()) * (1 + 4.0),
}


@pytest.mark.parametrize("mistake", attention.MISTAKES, ids=lambda mistake: mistake.id)
def test_mistake_differs_from_the_reference(mistake: Mistake) -> None:
    assert not agree(answers(mistake.code, mistake.function), right(mistake.function), 1e-2)


@pytest.mark.parametrize("function", GIVEN)
def test_mistakes_about_one_function_differ_from_each_other(function: str) -> None:
    found = {
        mistake.id: answers(mistake.code, function)
        for mistake in attention.MISTAKES
        if mistake.function == function
    }
    alike = [
        (one, other)
        for one, other in combinations(found, 2)
        if agree(found[one], found[other], 1e-3)
    ]
    assert alike == []


@pytest.mark.parametrize(
    "mistake",
    [mistake for mistake in attention.MISTAKES if mistake.around],
    ids=lambda mistake: mistake.id,
)
def test_mistake_on_top_of_the_reference_is_the_mistake_itself(mistake: Mistake) -> None:
    assert mistake.around is not None
    on_top = mistake.around(right_code(mistake.function))
    assert agree(answers(on_top, mistake.function), answers(mistake.code, mistake.function), 1e-9)


@pytest.mark.parametrize("variant", attention.VARIANTS, ids=lambda variant: variant.id)
def test_variant_agrees_within_float32(variant: Variant) -> None:
    for given, expected in zip(GIVEN[variant.function], right(variant.function), strict=True):
        answer = variant.code(*map(in_float32, given))
        assert answer.dtype == (torch.bool if expected.dtype == torch.bool else torch.float32)
        assert answer.shape == expected.shape
        error = (answer.double() - expected.double()).abs()
        assert (error <= 32 * 2**-24 * SCALE[variant.function]).all()


def test_inverted_mask_opens_what_was_closed() -> None:
    (mistake,) = (entry for entry in attention.MISTAKES if entry.id == "weights/mask-inverted")
    for mask in (MASK, NUMBERS):
        weights = mistake.code(Q, K, mask)
        assert weights[:, MASK].abs().max() == 0
        assert (weights[:, ~MASK] > 0).all()


def test_every_function_has_mistakes_and_three_honest_ways_with_unique_ids() -> None:
    for function in GIVEN:
        assert sum(mistake.function == function for mistake in attention.MISTAKES) >= 3
        assert sum(variant.function == function for variant in attention.VARIANTS) >= 3
    for entries in (attention.MISTAKES, attention.VARIANTS):
        assert len({entry.id for entry in entries}) == len(entries)
        assert {entry.function for entry in entries} == set(GIVEN)
    assert all(
        mistake.says[0].isupper() and mistake.says[-1] in ".?" for mistake in attention.MISTAKES
    )


@pytest.mark.parametrize(
    "entry", (attention.MISTAKES + attention.VARIANTS), ids=lambda entry: entry.id
)
def test_entry_takes_the_arguments_of_the_function_it_stands_for(entry: Mistake | Variant) -> None:
    asked = list(inspect.signature(right_code(entry.function)).parameters)
    taken = inspect.signature(entry.code).parameters
    assert list(taken)[: len(asked)] == asked
    assert all(
        taken[name].default is not inspect.Parameter.empty for name in taken if name not in asked
    )
