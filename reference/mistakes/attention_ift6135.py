"""`MultiHeadedAttention` as students get it wrong, and as they get it right."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reference.mistakes.attention_ift6135_masks import MASKED_MISTAKES, MASKED_VARIANTS
from reference.mistakes.catalogue import Mistake, Variant

__all__ = ["MISTAKES", "VARIANTS"]

_NAME = "MultiHeadedAttention"


class _Attention(nn.Module):
    """Four projections and the methods that the course's sheet names."""

    def __init__(self, head_size: int, num_heads: int, sequence_length: int) -> None:
        super().__init__()
        self.head_size, self.num_heads = head_size, num_heads
        self.sequence_length = sequence_length
        size = head_size * num_heads
        self.W_Q, self.W_K = nn.Linear(size, size), nn.Linear(size, size)
        self.W_V, self.W_O = nn.Linear(size, size), nn.Linear(size, size)

    def get_attention_weights(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Weights (B, H, T, T) of queries and keys (B, H, T, hd)."""
        return F.softmax(queries @ keys.transpose(2, 3) / math.sqrt(self.head_size), dim=-1)

    def apply_attention(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Merged values (B, T, H hd)."""
        return self.merge_heads(self.get_attention_weights(queries, keys) @ values)

    def split_heads(self, tensor: Tensor) -> Tensor:
        """(B, T, H d) as (B, H, T, d)."""
        batch, length, _ = tensor.shape
        return tensor.view(batch, length, self.num_heads, -1).transpose(1, 2)

    def merge_heads(self, tensor: Tensor) -> Tensor:
        """(B, H, T, d) as (B, T, H d)."""
        batch, _, length, _ = tensor.shape
        return tensor.transpose(1, 2).reshape(batch, length, -1)

    def forward(self, hidden_states: Tensor) -> Tensor:
        """(B, T, H hd) to the same shape."""
        parts = (self.split_heads(w(hidden_states)) for w in (self.W_Q, self.W_K, self.W_V))
        output: Tensor = self.W_O(self.apply_attention(*parts))
        return output


def _changed(**methods: Callable[..., Any]) -> type[nn.Module]:
    return type(_NAME, (_Attention,), methods)


def _forward(*names: str, projected: bool = True) -> type[nn.Module]:
    """The layer with other projections of queries, keys and values, or none behind."""

    def forward(self: Any, hidden_states: Tensor) -> Tensor:
        parts = (self.split_heads(getattr(self, name)(hidden_states)) for name in names)
        attended: Tensor = self.apply_attention(*parts)
        return self.W_O(attended) if projected else attended

    return _changed(forward=forward)


def _scores(self: Any, queries: Tensor, keys: Tensor) -> Tensor:
    scores: Tensor = queries @ keys.mT / math.sqrt(self.head_size)
    return scores


def _future_only(self: Any, queries: Tensor, keys: Tensor) -> Tensor:
    closed = torch.ones(self.sequence_length, self.sequence_length).tril(-1).bool()
    return _scores(self, queries, keys).masked_fill(closed, -1e4).softmax(-1)


def _zeroed(self: Any, queries: Tensor, keys: Tensor) -> Tensor:
    mask = torch.ones(self.sequence_length, self.sequence_length).tril()
    return (_scores(self, queries, keys) * mask).softmax(-1)


def _unmerged_by_weights(self: Any, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    merged: Tensor = self.merge_heads(self.get_attention_weights(queries, keys).mT @ values)
    return merged


_ENTRIES: tuple[tuple[str, str, type[nn.Module]], ...] = (
    (
        "scale-missing",
        "How do your scores spread as the features grow in number? Try a large head.",
        _changed(get_attention_weights=lambda _, q, k: (q @ k.mT).softmax(-1)),
    ),
    (
        "scale-by-all-features",
        "How many features does one head have? That is what its scores are sums of.",
        _changed(
            get_attention_weights=lambda self, q, k: (
                _scores(self, q, k) / self.num_heads**0.5
            ).softmax(-1)
        ),
    ),
    (
        "softmax-over-queries",
        "Sum your weights over the keys of one query: what should come out?",
        _changed(get_attention_weights=lambda self, q, k: _scores(self, q, k).softmax(-2)),
    ),
    (
        "past-hidden",
        "The first position sees everything under your mask; what should it see?",
        _changed(get_attention_weights=_future_only),
    ),
    (
        "score-set-to-zero",
        "How much weight does the softmax give to a score of zero?",
        _changed(get_attention_weights=_zeroed),
    ),
    (
        "positions-split",
        "Look at head 1 of your result: do its entries come from every position?",
        _changed(split_heads=lambda self, x: x.reshape(x.shape[0], self.num_heads, x.shape[1], -1)),
    ),
    (
        "merged-without-transposing",
        "Split and merge again: do you get back what you started from?",
        _changed(merge_heads=lambda _, x: x.reshape(x.shape[0], x.shape[2], -1)),
    ),
    (
        "weights-transposed",
        "Which axis of your weights meets the values?",
        _changed(apply_attention=_unmerged_by_weights),
    ),
    (
        "output-projection-missing",
        "Can the heads exchange anything after they have attended? Count the projections.",
        _forward("W_Q", "W_K", "W_V", projected=False),
    ),
    (
        "values-projected-as-keys",
        "Where a query looks and what it finds there are learned apart; count the projections.",
        _forward("W_Q", "W_K", "W_K"),
    ),
    (
        "keys-and-values-exchanged",
        "Which of your projections do queries meet, and which are added up?",
        _forward("W_Q", "W_V", "W_K"),
    ),
    (
        "values-not-projected",
        "Where a query looks and what it finds there are learned apart; count the projections.",
        _changed(
            forward=lambda self, x: self.W_O(
                self.apply_attention(
                    self.split_heads(self.W_Q(x)),
                    self.split_heads(self.W_K(x)),
                    self.split_heads(x),
                )
            )
        ),
    ),
)

MISTAKES: tuple[Mistake, ...] = tuple(
    Mistake(f"ift6135-heads/{name}", _NAME, says, code)
    for name, says, code in (*_ENTRIES, *MASKED_MISTAKES)
)


def _causal(self: Any, queries: Tensor, keys: Tensor) -> Tensor:
    length = queries.shape[2]
    mask = torch.tril(torch.ones(length, length))
    return torch.softmax(_scores(self, queries, keys) * mask - 10**4 * (1 - mask), dim=-1)


def _with_mask(self: Any, queries: Tensor, keys: Tensor, mask: Tensor | None = None) -> Tensor:
    scores: Tensor = torch.einsum("bhqd,bhkd->bhqk", queries, keys) * self.head_size**-0.5
    if mask is not None:
        scores = scores * mask - 10**4 * (1 - mask)
    return scores.softmax(dim=3)


class _Matrices(_Attention):
    """Bare matrices under other names, scaled queries, heads taken apart by a loop."""

    def __init__(self, head_size: int, num_heads: int, sequence_length: int) -> None:
        super().__init__(head_size, num_heads, sequence_length)
        size = head_size * num_heads
        for name in ("W_Q", "W_K", "W_V"):
            delattr(self, name)
        self.query, self.key = (nn.Parameter(torch.rand(size, size)) for _ in range(2))
        self.value = nn.Parameter(torch.rand(size, size))

    def split_heads(self, tensor: Tensor) -> Tensor:
        return torch.stack(tensor.chunk(self.num_heads, dim=-1), dim=1)

    def forward(self, hidden_states: Tensor) -> Tensor:
        parts = (self.split_heads(hidden_states @ w) for w in (self.query, self.key, self.value))
        output: Tensor = self.W_O(self.apply_attention(*parts))
        return output


VARIANTS: tuple[Variant, ...] = (
    Variant("ift6135-heads/full", _NAME, _Attention),
    Variant("ift6135-heads/causal", _NAME, _changed(get_attention_weights=_causal)),
    Variant("ift6135-heads/matrices", _NAME, _Matrices),
    Variant("ift6135-heads/padding-mask", _NAME, _changed(get_attention_weights=_with_mask)),
    Variant(
        "ift6135-heads/every-other-feature",
        _NAME,
        _changed(
            split_heads=lambda self, x: x.unflatten(-1, (-1, self.num_heads)).permute(0, 3, 1, 2),
            merge_heads=lambda _, x: x.permute(0, 2, 3, 1).flatten(2),
        ),
    ),
    *(Variant(f"ift6135-heads/{name}", _NAME, code) for name, code in MASKED_VARIANTS),
)
