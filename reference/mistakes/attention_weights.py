"""Scaled dot products as students get them wrong, and as they get them right."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from reference.mistakes.attention_masks import (
    MASKS,
    WRONG,
    Mask,
    Normalise,
    added,
    logarithmic,
    renormalised,
    softmax,
)
from reference.mistakes.catalogue import Mistake, Variant

__all__ = ["MISTAKES", "SCALES", "VARIANTS"]

Around: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]


def _scores(q: Tensor, k: Tensor, factor: float = 1.0) -> Tensor:
    return factor * (q @ k.transpose(-2, -1)) / math.sqrt(q.shape[-1])


def _weights(
    q: Tensor,
    k: Tensor,
    mask: Mask = None,
    factor: Callable[[Tensor, Tensor], float] = lambda *_: 1.0,
    normalise: Normalise = softmax,
) -> Tensor:
    return normalise(_scores(q, k, factor(q, k)), mask)


# One row for each wrong scale: name, what a TA would say, and by what the right scale is
# multiplied.
SCALES: tuple[tuple[str, str, Callable[[Tensor, Tensor], float]], ...] = (
    (
        "scale-missing",
        "How do your scores spread as the features grow in number? Try a large head.",
        lambda q, _: math.sqrt(q.shape[-1]),
    ),
    (
        "scale-without-root",
        "For independent features, what is the standard deviation of a score?",
        lambda q, _: 1 / math.sqrt(q.shape[-1]),
    ),
    (
        "scale-multiplied",
        "Should more features make your scores spread more, or not?",
        lambda q, _: float(q.shape[-1]),
    ),
    (
        "scale-by-the-length",
        "Append keys that nobody looks at: do the scores of the others change?",
        lambda q, k: math.sqrt(q.shape[-1] / k.shape[-2]),
    ),
)


def _valued(weights: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def attend(q: Tensor, k: Tensor, v: Tensor, mask: Mask = None) -> Tensor:
        return weights(q, k, mask) @ v

    return attend


def _rescaled(factor: Callable[[Tensor, Tensor], float]) -> tuple[Around, Around]:
    return (
        lambda weights: lambda q, k, mask=None: weights(factor(q, k) * q, k, mask),
        lambda attend: lambda q, k, v, mask=None: attend(factor(q, k) * q, k, v, mask),
    )


def _remasked(change: Callable[[Mask], Mask] | None) -> tuple[Around | None, Around | None]:
    if change is None:
        return None, None
    return (
        lambda weights: lambda q, k, mask=None: weights(q, k, change(mask)),
        lambda attend: lambda q, k, v, mask=None: attend(q, k, v, change(mask)),
    )


def _reshaped(q: Tensor, k: Tensor, mask: Mask = None) -> Tensor:
    turned = k.reshape(*k.shape[:-2], k.shape[-1], k.shape[-2])
    return softmax(q @ turned / math.sqrt(q.shape[-1]), mask)


def _detached(q: Tensor, k: Tensor, v: Tensor, mask: Mask = None) -> Tensor:
    return _weights(q.detach(), k.detach(), mask) @ v


_RESHAPED = (
    "keys-reshaped",
    "A reshape keeps the order in memory: does exchanging two keys only exchange their weights?",
)

_ROWS = tuple(
    (name, says, partial(_weights, factor=factor), _rescaled(factor))
    for name, says, factor in SCALES
) + tuple(
    (name, says, partial(_weights, normalise=normalise), _remasked(MASKS.get(name)))
    for name, says, normalise in WRONG
)

MISTAKES: tuple[Mistake, ...] = (
    *(
        Mistake(f"weights/{name}", "attention_weights", says, code, around=arounds[0])
        for name, says, code, arounds in _ROWS
    ),
    Mistake(f"weights/{_RESHAPED[0]}", "attention_weights", _RESHAPED[1], _reshaped),
    Mistake(f"attention/{_RESHAPED[0]}", "scaled_dot_product", _RESHAPED[1], _valued(_reshaped)),
    Mistake(
        "attention/weights-detached",
        "scaled_dot_product",
        "Your values are right; can a loss behind them still teach queries and keys?",
        _detached,
    ),
    *(
        Mistake(f"attention/{name}", "scaled_dot_product", says, _valued(code), around=arounds[1])
        for name, says, code, arounds in _ROWS
    ),
)


def _by_torch(q: Tensor, k: Tensor, v: Tensor, mask: Mask = None) -> Tensor:
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def _with_einsum(q: Tensor, k: Tensor, mask: Mask = None) -> Tensor:
    scores = torch.einsum("...qd,...kd->...qk", q * q.shape[-1] ** -0.5, k)
    return torch.softmax(added(scores, mask), dim=-1)


def _large_number(q: Tensor, k: Tensor, mask: Mask = None) -> Tensor:
    closed = torch.zeros(()) if mask is None else mask
    if mask is not None and mask.dtype == torch.bool:
        closed = (~mask).to(q) * -1e9
    return torch.softmax(q @ (k / math.sqrt(k.shape[-1])).mT + closed.to(q), dim=-1)


def _in_loops(q: Tensor, k: Tensor, mask: Mask = None) -> Tensor:
    rows = []
    for query in q.unbind(-2):
        scores = (query.unsqueeze(-2) * k).sum(-1) / q.shape[-1] ** 0.5
        rows.append(scores)
    return torch.softmax(added(torch.stack(rows, dim=-2), mask), dim=-1)


def _pair(q: Tensor, k: Tensor, v: Tensor, mask: Mask = None) -> tuple[Tensor, Tensor]:
    """Values and attention, as many courses return them."""
    weights = _weights(q, k, mask)
    return torch.matmul(weights, v), weights


def _zeros_are_closed(q: Tensor, k: Tensor, mask: Mask = None) -> Tensor:
    scores = _scores(q, k)
    if mask is not None and mask.dtype == torch.bool:
        scores = scores.masked_fill(mask == 0, -9e15)
    elif mask is not None:
        scores = scores + mask
    return F.softmax(scores, dim=-1)


_WAYS: tuple[tuple[str, Callable[..., Tensor]], ...] = (
    ("formula", _weights),
    ("einsum", _with_einsum),
    ("large-number", _large_number),
    ("renormalised", partial(_weights, normalise=renormalised)),
    ("log-softmax", partial(_weights, normalise=logarithmic)),
    ("loops", _in_loops),
    ("zeros-closed", _zeros_are_closed),
)

VARIANTS: tuple[Variant, ...] = (
    *(Variant(f"weights/{name}", "attention_weights", code) for name, code in _WAYS),
    *(Variant(f"attention/{name}", "scaled_dot_product", _valued(code)) for name, code in _WAYS),
    Variant("attention/torch", "scaled_dot_product", _by_torch),
    Variant("attention/pair", "scaled_dot_product", _pair),
)
