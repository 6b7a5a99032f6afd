"""Heads and the causal mask as students get them wrong."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from reference.attention import Projections
from reference.mistakes.attention_heads_variants import VARIANTS
from reference.mistakes.attention_masks import WRONG, Mask, Normalise, softmax
from reference.mistakes.attention_weights import SCALES
from reference.mistakes.catalogue import Mistake

__all__ = ["MISTAKES", "VARIANTS"]


def _split(x: Tensor, heads: int) -> Tensor:
    return x.reshape(*x.shape[:-1], heads, -1).transpose(-3, -2)


def _merge(x: Tensor) -> Tensor:
    return x.transpose(-3, -2).flatten(-2)


def _split_positions(x: Tensor, heads: int) -> Tensor:
    return x.reshape(*x.shape[:-2], heads, x.shape[-2], -1)


def _merge_positions(x: Tensor) -> Tensor:
    return x.reshape(*x.shape[:-3], x.shape[-2], -1)


def _features_before_positions(x: Tensor, heads: int) -> Tensor:
    return x.reshape(*x.shape[:-2], heads, -1, x.shape[-2]).transpose(-2, -1)


def _across_the_batch(x: Tensor, heads: int) -> Tensor:
    return x.reshape(heads, *x.shape[:-1], -1).movedim(0, -3)


class _Way(NamedTuple):
    split: Callable[[Tensor, int], Tensor] = _split
    merge: Callable[[Tensor], Tensor] = _merge
    factor: Callable[[Tensor, Tensor], float] = lambda *_: 1.0
    normalise: Normalise = softmax


_PLAIN = _Way()


def _multi(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    projections: Projections,
    heads: int,
    mask: Mask = None,
    way: _Way = _PLAIN,
) -> Tensor:
    p = Projections(*projections)
    q = way.split(F.linear(queries, p.query_weight, p.query_bias), heads)
    k = way.split(F.linear(keys, p.key_weight, p.key_bias), heads)
    v = way.split(F.linear(values, p.value_weight, p.value_bias), heads)
    scores = way.factor(q, k) * q @ k.mT / math.sqrt(q.shape[-1])
    merged = way.merge(way.normalise(scores, mask) @ v)
    return F.linear(merged, p.output_weight, p.output_bias)


def _transposed(projections: Projections) -> Projections:
    return Projections(*(each.T if each.ndim == 2 else each for each in projections))


def _unbiased(projections: Projections) -> Projections:
    return Projections(*(each if each.ndim == 2 else 0 * each for each in projections))


def _without_output(projections: Projections) -> Projections:
    weight, bias = projections.output_weight, projections.output_bias
    return projections._replace(
        output_weight=torch.eye(len(weight)).to(weight), output_bias=0 * bias
    )


def _values_as_keys(projections: Projections) -> Projections:
    return projections._replace(
        value_weight=projections.key_weight, value_bias=projections.key_bias
    )


def _reprojected(
    change: Callable[[Projections], Projections],
) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    return lambda attend: (
        lambda queries, keys, values, projections, heads, mask=None: attend(
            queries, keys, values, change(Projections(*projections)), heads, mask
        )
    )


_CAUSAL = (
    (
        "inverted",
        "May a position look at itself and at the past under your mask, or at what comes after?",
        lambda length, device=None: ~torch.ones(length, length, device=device).bool().tril(),
        lambda mask: lambda length, device=None: ~mask(length, device),
    ),
    (
        "past-hidden",
        "The first position sees everything under your mask; what should it see?",
        lambda length, device=None: torch.ones(length, length, device=device).bool().triu(),
        lambda mask: lambda length, device=None: mask(length, device).T,
    ),
    (
        "itself-hidden",
        "How many keys does the very first position see under your mask?",
        lambda length, device=None: torch.ones(length, length, device=device).bool().tril(-1),
        None,
    ),
    (
        "one-step-ahead",
        "Which tokens has a model seen when it predicts the next one? Look at your first row.",
        lambda length, device=None: torch.ones(length, length, device=device).bool().tril(1),
        None,
    ),
    (
        "nothing-hidden",
        "Change the last token: which positions' answers should change?",
        lambda length, device=None: torch.ones(length, length, device=device).bool(),
        None,
    ),
    (
        "numbers",
        "Your mask holds zeros and ones; added to the scores, what would they hide?",
        lambda length, device=None: torch.ones(length, length, device=device).tril(),
        lambda mask: lambda length, device=None: mask(length, device).float(),
    ),
)

_SPLIT = (
    (
        "positions-split",
        "Look at head 1 of your result: do its entries come from every position?",
        _split_positions,
    ),
    (
        "heads-behind-positions",
        "Your heads attend to each other rather than positions to positions; check the axes.",
        lambda x, heads: x.unflatten(-1, (heads, -1)),
    ),
    (
        "features-before-positions",
        "A reshape keeps the order in memory; which axis varies fastest there?",
        _features_before_positions,
    ),
    (
        "across-the-batch",
        "Change one example: do the heads of its neighbours change?",
        _across_the_batch,
    ),
)

_MERGE = (
    (
        "not-transposed",
        "Split and merge again: do you get back what you started from?",
        _merge_positions,
    ),
    (
        "interleaved",
        "Split and merge again: are the features in their old order?",
        lambda x: x.movedim(-3, -1).flatten(-2),
    ),
    (
        "averaged",
        "How many features go in over all heads, and how many come out?",
        lambda x: x.mean(-3),
    ),
    (
        "heads-left-apart",
        "Your result still has an axis for the heads.",
        lambda x: x.transpose(-3, -2),
    ),
)

_MULTI = (
    *((name, says, partial(_multi, way=_Way(factor=factor))) for name, says, factor in SCALES),
    (
        "scale-by-all-features",
        "How many features does one head have? That is what its scores are sums of.",
        partial(_multi, way=_Way(factor=lambda q, _: q.shape[-3] ** -0.5)),
    ),
    *(
        (name, says, partial(_multi, way=_Way(normalise=normalise)))
        for name, says, normalise in WRONG
    ),
    (
        "heads-mixed",
        "A reshape keeps the order in memory: do a head's entries come from every position?",
        partial(_multi, way=_Way(split=_split_positions, merge=_merge_positions)),
    ),
    (
        "merged-without-transposing",
        "Split and merge again: do you get back what you started from?",
        partial(_multi, way=_Way(merge=_merge_positions)),
    ),
    (
        "softmax-over-heads",
        "Do your heads compete for a key, or does each one decide by itself?",
        partial(_multi, way=_Way(normalise=partial(softmax, axis=-3))),
    ),
    (
        "one-head",
        "Change the number of heads: does your answer notice?",
        partial(_multi, way=_Way(split=lambda x, _: x.unsqueeze(-3))),
    ),
)

_PROJECTED: tuple[tuple[str, str, Callable[[Projections], Projections]], ...] = (
    (
        "weights-transposed",
        "Each weight maps inputs to outputs; which of its axes meets the features?",
        _transposed,
    ),
    (
        "biases-missing",
        "Feed it zeros: is the answer what the biases make of them?",
        _unbiased,
    ),
    (
        "output-projection-missing",
        "Can the heads exchange anything after they have attended? Count the projections.",
        _without_output,
    ),
    (
        "values-projected-as-keys",
        "Where a query looks and what it finds there are learned apart; count the projections.",
        _values_as_keys,
    ),
)

MISTAKES: tuple[Mistake, ...] = (
    *(
        Mistake(f"causal/{name}", "causal_mask", says, code, around=around)
        for name, says, code, around in _CAUSAL
    ),
    *(Mistake(f"split/{name}", "split_heads", says, code) for name, says, code in _SPLIT),
    *(Mistake(f"merge/{name}", "merge_heads", says, code) for name, says, code in _MERGE),
    *(Mistake(f"heads/{name}", "multi_head", says, code) for name, says, code in _MULTI),
    *(
        Mistake(
            f"heads/{name}",
            "multi_head",
            says,
            _reprojected(change)(_multi),
            around=_reprojected(change),
        )
        for name, says, change in _PROJECTED
    ),
)
