"""Each mistake about attention differs from the reference, and each honest way agrees with it."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from reference import attention as reference
from reference import decoder_block
from reference.mistakes import attention, attention_positions, attention_rotary
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
)

BATCH, QUERIES, KEYS, FEATURES, HEADS = 2, 5, 4, 6, 2


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
    "sinusoidal_positions": ((5, 6), (4, 4)),
    "rotary_angles": ((5, 6), (4, 4, 100.0)),
    "apply_rotary": ((draw(BATCH, HEADS, QUERIES, FEATURES), ANGLES),),
}


# Beside the reference's, other conventions are right: they agree in what matters only.
CONVENTIONS = (*attention_positions.CONVENTIONS, *attention_rotary.CONVENTIONS)
ALIKE = [variant for variant in attention.VARIANTS if variant not in CONVENTIONS]


def answers(code: Any, function: str) -> list[torch.Tensor]:
    """What the code answers, and for attention the gradients that reach its queries."""
    if function != "scaled_dot_product":
        return [values(code(*given)) for given in GIVEN[function]]
    found = []
    for q, *rest in GIVEN[function]:
        leaf = q.clone().requires_grad_()
        answer = values(code(leaf, *rest))
        moved = answer.requires_grad
        gradient = torch.autograd.grad(answer.square().sum(), leaf)[0] if moved else 0 * q
        found += [answer.detach(), gradient]
    return found


def values(answer: Any) -> torch.Tensor:
    """Of an answer that may hold the weights as well."""
    first: torch.Tensor = answer[0] if isinstance(answer, tuple) else answer
    return first


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
    "sinusoidal_positions": 4.0 * (1 + math.log(10000.0)),
    "rotary_angles": 4.0,
    "apply_rotary": 2 * float(draw(BATCH, HEADS, QUERIES, FEATURES).abs().max()) * (1 + 4.0),
}


TOPIC = Topic(attention.MISTAKES, attention.VARIANTS, (reference, decoder_block), GIVEN, answers)


@each("mistake", attention.MISTAKES)
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


@each("variant", ALIKE)
def test_variant_agrees_within_float32(variant: Variant) -> None:
    single = [values(variant.code(*in_float32(given))) for given in GIVEN[variant.function]]
    right = [values(TOPIC.right_code(variant.function)(*g)) for g in GIVEN[variant.function]]
    scales = [SCALE[variant.function]] * len(single)
    claim_within_float32(single, right, scales)


def test_conventions_keep_lengths_and_relative_positions() -> None:
    by_id = {variant.id: variant.code for variant in CONVENTIONS}
    x = draw(FEATURES).expand(QUERIES, FEATURES)
    for name in ("rotary/halves", "rotary/backwards"):
        turned = by_id[name](x, ANGLES)
        torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1))
        scores = turned @ turned.mT
        torch.testing.assert_close(scores[1:, 1:], scores[:-1, :-1])
    from_one = by_id["angles/from-one"](5, 6)
    torch.testing.assert_close(from_one.diff(dim=0), decoder_block.rotary_angles(5, 6).diff(dim=0))
    halves = by_id["positions/halves"](5, 6)
    pairs = torch.cat([halves[:, [i, i + 3]] for i in range(3)], dim=1).double()
    torch.testing.assert_close(pairs, reference.sinusoidal_positions(5, 6), atol=1e-6, rtol=0)


def test_inverted_mask_opens_what_was_closed() -> None:
    (mistake,) = (entry for entry in attention.MISTAKES if entry.id == "weights/mask-inverted")
    for mask in (MASK, NUMBERS):
        weights = mistake.code(Q, K, mask)
        assert weights[:, MASK].abs().max() == 0
        assert (weights[:, ~MASK] > 0).all()
