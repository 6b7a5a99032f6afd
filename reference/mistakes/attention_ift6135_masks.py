"""`MultiHeadedAttention` of the years whose sheet has a padding mask (B, T), right and wrong."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

__all__ = ["MASKED_MISTAKES", "MASKED_VARIANTS"]

_Hide: TypeAlias = Callable[[Tensor, Tensor], Tensor]


class _Masked(nn.Module):
    """Projections under names of their own; a mask is handed on to the scores."""

    def __init__(self, head_size: int, num_heads: int, sequence_length: int) -> None:
        super().__init__()
        self.head_size, self.num_heads = head_size, num_heads
        self.sequence_length = sequence_length
        size = head_size * num_heads
        self.q_linear, self.k_linear = nn.Linear(size, size), nn.Linear(size, size)
        self.v_linear, self.out = nn.Linear(size, size), nn.Linear(size, size)

    def hide(self, scores: Tensor, mask: Tensor) -> Tensor:
        """Scores (B, H, T, T) with those of padding far below the others."""
        return scores.masked_fill(mask[:, None, None, :] == 0, -1e9)

    def get_attention_weights(
        self, queries: Tensor, keys: Tensor, mask: Tensor | None = None
    ) -> Tensor:
        """Weights (B, H, T, T) of queries and keys (B, H, T, hd)."""
        scores = torch.einsum("bhqd,bhkd->bhqk", queries, keys) / math.sqrt(self.head_size)
        return (scores if mask is None else self.hide(scores, mask)).softmax(dim=-1)

    def apply_attention(
        self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None
    ) -> Tensor:
        """Merged values (B, T, H hd)."""
        return self.merge_heads(self.get_attention_weights(queries, keys, mask) @ values)

    def split_heads(self, tensor: Tensor) -> Tensor:
        """(B, T, H d) as (B, H, T, d)."""
        return torch.stack(tensor.chunk(self.num_heads, dim=-1), dim=1)

    def merge_heads(self, tensor: Tensor) -> Tensor:
        """(B, H, T, d) as (B, T, H d)."""
        return torch.cat(tensor.unbind(dim=1), dim=-1)

    def projected(self, x: Tensor) -> tuple[Tensor, ...]:
        """Queries, keys and values (B, T, C)."""
        return self.q_linear(x), self.k_linear(x), self.v_linear(x)

    def forward(self, hidden_states: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, T, H hd) to the same shape."""
        queries, keys, values = map(self.split_heads, self.projected(hidden_states))
        output: Tensor = self.out(self.apply_attention(queries, keys, values, mask))
        return output


def _changed(**methods: Callable[..., Any]) -> type[nn.Module]:
    return type("MultiHeadedAttention", (_Masked,), methods)


def _hiding(hide: _Hide) -> type[nn.Module]:
    return _changed(hide=lambda _, scores, mask: hide(scores, mask))


def _apply_without_mask(
    self: Any, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None
) -> Tensor:
    del mask
    merged: Tensor = self.merge_heads(self.get_attention_weights(queries, keys) @ values)
    return merged


def _forward_without_mask(self: Any, hidden_states: Tensor, mask: Tensor | None = None) -> Tensor:
    del mask
    parts = map(self.split_heads, self.projected(hidden_states))
    output: Tensor = self.out(self.apply_attention(*parts))
    return output


_WEIGHT_OF_PADDING = "How much weight do your queries give to a token that is not there?"

MASKED_MISTAKES: tuple[tuple[str, str, type[nn.Module]], ...] = (
    ("padding-seen", _WEIGHT_OF_PADDING, _hiding(lambda scores, _: scores)),
    (
        "padding-only",
        "Does a one in the mask stand for a token that is there, or for padding?",
        _hiding(lambda scores, mask: scores.masked_fill(mask[:, None, None, :] == 1, -1e9)),
    ),
    (
        "padding-added",
        "By how much does your mask lower a hidden key's score, and is that enough to hide it?",
        _hiding(lambda scores, mask: scores + mask[:, None, None, :]),
    ),
    (
        "padding-scored-zero",
        "How much weight does the softmax give to a score of zero?",
        _hiding(lambda scores, mask: scores * mask[:, None, None, :]),
    ),
    (
        "padding-along-queries",
        "Which axis of the scores belongs to the keys?",
        _hiding(lambda scores, mask: scores.masked_fill(mask[:, None, :, None] == 0, -1e9)),
    ),
    (
        "mask-forgotten-by-values",
        _WEIGHT_OF_PADDING,
        _changed(apply_attention=_apply_without_mask),
    ),
    (
        "mask-forgotten-by-the-layer",
        _WEIGHT_OF_PADDING,
        _changed(forward=_forward_without_mask),
    ),
    (
        "projection-skipped-under-other-names",
        "Can the heads exchange anything after they have attended? Count the projections.",
        _changed(
            forward=lambda self, x, mask=None: self.apply_attention(
                *map(self.split_heads, self.projected(x)), mask
            )
        ),
    ),
)


class _Joint(_Masked):
    """One projection of all three, heads merged by the layer, and axes for the mask added there."""

    def __init__(self, head_size: int, num_heads: int, sequence_length: int) -> None:
        super().__init__(head_size, num_heads, sequence_length)
        del self.q_linear, self.k_linear, self.v_linear
        size = head_size * num_heads
        self.qkv = nn.Linear(size, 3 * size, bias=False)

    def hide(self, scores: Tensor, mask: Tensor) -> Tensor:
        return scores + (1 - mask.to(scores.dtype)) * torch.finfo(scores.dtype).min

    def projected(self, x: Tensor) -> tuple[Tensor, ...]:
        joint: Tensor = self.qkv(x)
        return joint.chunk(3, dim=-1)

    def apply_attention(
        self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None
    ) -> Tensor:
        return self.get_attention_weights(queries, keys, mask) @ values

    def forward(self, hidden_states: Tensor, mask: Tensor | None = None) -> Tensor:
        mask = mask if mask is None else mask[:, None, None, :]
        queries, keys, values = map(self.split_heads, self.projected(hidden_states))
        attended = self.apply_attention(queries, keys, values, mask)
        output: Tensor = self.out(self.merge_heads(attended))
        return output


class _Matrices(_Masked):
    """Bare matrices, from the right, and vectors beside them."""

    def __init__(self, head_size: int, num_heads: int, sequence_length: int) -> None:
        super().__init__(head_size, num_heads, sequence_length)
        del self.q_linear, self.k_linear, self.v_linear, self.out
        size = head_size * num_heads
        self.weights = nn.ParameterList(torch.randn(size, size) / size**0.5 for _ in range(4))
        self.biases = nn.ParameterList(torch.randn(size) for _ in range(4))

    def projected(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(x @ self.weights[i] + self.biases[i] for i in range(3))

    def out(self, x: Tensor) -> Tensor:  # type: ignore[override]  # a layer there
        """The last projection."""
        last: Tensor = x @ self.weights[3] + self.biases[3]
        return last


def _both_sides(scores: Tensor, mask: Tensor) -> Tensor:
    there = mask[:, None, :, None] * mask[:, None, None, :]
    return scores * there - 1e9 * (1 - there)


def _expanded(scores: Tensor, mask: Tensor) -> Tensor:
    hidden = mask.logical_not()[:, None].expand(-1, scores.shape[-1], -1).unsqueeze(1)
    return scores.masked_fill(hidden, -math.inf)


def _causal_too(scores: Tensor, mask: Tensor) -> Tensor:
    past = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    return torch.where(past & mask[:, None, None, :].bool(), scores, torch.tensor(-1e4))


MASKED_VARIANTS: tuple[tuple[str, type[nn.Module]], ...] = (
    ("mask-of-keys", _Masked),
    ("mask-of-both-sides", _hiding(_both_sides)),
    ("mask-expanded", _hiding(_expanded)),
    ("mask-and-past", _hiding(_causal_too)),
    ("mask-as-it-comes", _hiding(lambda scores, mask: scores.masked_fill(~mask, -1e20))),
    ("joint-projection", _Joint),
    ("bare-matrices", _Matrices),
)
