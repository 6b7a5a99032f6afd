"""Wrong ways of masking and normalising scores, shared by every kind of attention."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor

Mask: TypeAlias = Tensor | None
Normalise: TypeAlias = Callable[[Tensor, Mask], Tensor]


def added(scores: Tensor, mask: Mask) -> Tensor:
    """Scores with a mask of numbers added, or closed where a boolean one is false."""
    if mask is None:
        return scores
    if mask.dtype == torch.bool:
        return scores.masked_fill(~mask, -math.inf)
    return scores + mask


def softmax(scores: Tensor, mask: Mask, axis: int = -1) -> Tensor:
    """Weights of the open keys."""
    return torch.softmax(added(scores, mask), dim=axis)


def inverted(mask: Mask) -> Mask:
    """Opens what is closed and closes what is open."""
    if mask is None:
        return None
    if mask.dtype == torch.bool:
        return ~mask
    return torch.zeros_like(mask).masked_fill(_boolean(mask), -math.inf)


def as_numbers(mask: Mask) -> Mask:
    """A boolean mask as zeros and ones."""
    return mask.float() if mask is not None and mask.dtype == torch.bool else mask


def _open(scores: Tensor, mask: Mask) -> Tensor:
    return torch.ones_like(scores) if mask is None else _boolean(mask).to(scores)


def _boolean(mask: Tensor) -> Tensor:
    return mask if mask.dtype == torch.bool else ~torch.isneginf(mask)


def _after(scores: Tensor, mask: Mask) -> Tensor:
    return torch.softmax(scores, dim=-1) * _open(scores, mask)


def _zeroed(scores: Tensor, mask: Mask) -> Tensor:
    return torch.softmax(scores * _open(scores, mask), dim=-1)


def _summed(scores: Tensor, mask: Mask) -> Tensor:
    kept = scores * _open(scores, mask)
    return kept / kept.sum(-1, keepdim=True)


def _sharp(scores: Tensor, mask: Mask) -> Tensor:
    masked = added(scores, mask)
    return (masked == masked.max(-1, keepdim=True).values).to(scores)


# One row for each mistake: name, what a TA would say, the wrong way from scores to weights.
WRONG: tuple[tuple[str, str, Normalise], ...] = (
    (
        "softmax-over-queries",
        "Sum your weights over the keys of one query: what should come out?",
        partial(softmax, axis=-2),
    ),
    (
        "mask-inverted",
        "Hide one key and change its value: whose answers change?",
        lambda scores, mask: softmax(scores, inverted(mask)),
    ),
    (
        "mask-ignored",
        "Hide one key and change its value: should any answer change?",
        lambda scores, _: torch.softmax(scores, dim=-1),
    ),
    (
        "mask-after-softmax",
        "With some keys hidden, what do the weights of the others sum to?",
        _after,
    ),
    (
        "zeros-and-ones-added",
        "By how much does your mask lower a hidden key's score, and is that enough to hide it?",
        lambda scores, mask: softmax(scores, as_numbers(mask)),
    ),
    (
        "score-set-to-zero",
        "How much weight does the softmax give to a score of zero?",
        _zeroed,
    ),
    (
        "softmax-missing",
        "Scores may be negative; may weights?",
        _summed,
    ),
    (
        "hardest-key-only",
        "Change a score a little: do your weights follow smoothly?",
        _sharp,
    ),
)

# The same mistakes about the mask on top of another version. Inverting is not among them: it may
# close every key of a query, which an honest function may refuse.
MASKS: dict[str, Callable[[Mask], Mask]] = {
    "mask-ignored": lambda _: None,
    "zeros-and-ones-added": as_numbers,
}


def renormalised(scores: Tensor, mask: Mask) -> Tensor:
    """Weights of all keys first, then the open ones' share of them: an honest way."""
    weights = torch.exp(scores - scores.amax(-1, keepdim=True))
    if mask is not None and mask.dtype != torch.bool:
        weights = weights * torch.exp(mask)
    elif mask is not None:
        weights = weights * mask
    return weights / weights.sum(-1, keepdim=True)


def logarithmic(scores: Tensor, mask: Mask) -> Tensor:
    """The exponential of the log-softmax: an honest way."""
    return torch.log_softmax(added(scores, mask), dim=-1).exp()
