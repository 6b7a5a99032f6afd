"""Honest ways of writing the causal mask, heads and multi-head attention."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from reference.attention import Projections
from reference.mistakes.attention_masks import Mask, logarithmic, renormalised, softmax
from reference.mistakes.catalogue import Variant


def _split(x: Tensor, heads: int) -> Tensor:
    return x.reshape(*x.shape[:-1], heads, x.shape[-1] // heads).transpose(-3, -2)


def _projected(
    queries: Tensor, keys: Tensor, values: Tensor, projections: Projections
) -> tuple[Tensor, Tensor, Tensor]:
    p = Projections(*projections)
    return (
        F.linear(queries, p.query_weight, p.query_bias),
        F.linear(keys, p.key_weight, p.key_bias),
        F.linear(values, p.value_weight, p.value_bias),
    )


def _all_heads_at_once(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    projections: Projections,
    heads: int,
    mask: Mask = None,
) -> Tensor:
    q, k, v = (_split(x, heads) for x in _projected(queries, keys, values, projections))
    attended = softmax(q @ k.mT / math.sqrt(q.shape[-1]), mask) @ v
    merged = attended.transpose(-3, -2).reshape(*queries.shape[:-1], -1)
    *_, weight, bias = projections
    return merged @ weight.T + bias


def _head_by_head(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    projections: Projections,
    heads: int,
    mask: Mask = None,
) -> Tensor:
    q, k, v = _projected(queries, keys, values, projections)
    # Without an axis of its own for the heads, a mask for all of them has lost that axis as well.
    for_one = mask.squeeze(-3) if mask is not None and mask.ndim > 2 else mask
    parts = [
        renormalised(one_q @ one_k.mT / one_q.shape[-1] ** 0.5, for_one) @ one_v
        for one_q, one_k, one_v in zip(
            q.chunk(heads, -1), k.chunk(heads, -1), v.chunk(heads, -1), strict=True
        )
    ]
    return F.linear(torch.cat(parts, -1), *projections[-2:])


def _with_einsum(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    projections: Projections,
    heads: int,
    mask: Mask = None,
) -> Tensor:
    q, k, v = (
        x.reshape(*x.shape[:-1], heads, -1) for x in _projected(queries, keys, values, projections)
    )
    scores = torch.einsum("...qhd,...khd->...hqk", q / math.sqrt(q.shape[-1]), k)
    attended = torch.einsum("...hqk,...khd->...qhd", logarithmic(scores, mask), v)
    *_, weight, bias = projections
    by_head = weight.reshape(queries.shape[-1], heads, -1)  # (D, H, D / H)
    return torch.einsum("...qhd,ohd->...qo", attended, by_head) + bias


def _with_torch(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    projections: Projections,
    heads: int,
    mask: Mask = None,
) -> tuple[Tensor, None]:
    """Returns a pair, as torch's own module does."""
    q, k, v = (_split(x, heads) for x in _projected(queries, keys, values, projections))
    attended = F.scaled_dot_product_attention(q, k, v, mask)
    return F.linear(attended.transpose(-3, -2).flatten(-2), *projections[-2:]), None


def _numbered(length: int, device: torch.device | None = None) -> Tensor:
    mask = torch.zeros(length, length, dtype=torch.bool, device=device)
    for i in range(length):
        mask[i, : i + 1] = True
    return mask


VARIANTS: tuple[Variant, ...] = (
    Variant(
        "causal/lower-triangle",
        "causal_mask",
        lambda length, device=None: torch.tril(torch.ones(length, length, device=device)) == 1,
    ),
    Variant(
        "causal/not-above-the-diagonal",
        "causal_mask",
        lambda length, device=None: (
            ~torch.triu(torch.ones(length, length, device=device), diagonal=1).bool()
        ),
    ),
    Variant(
        "causal/positions-compared",
        "causal_mask",
        lambda length, device=None: (
            torch.arange(length, device=device)[:, None]
            >= torch.arange(length, device=device)[None, :]
        ),
    ),
    Variant("causal/loop", "causal_mask", _numbered),
    Variant("split/reshape", "split_heads", _split),
    Variant(
        "split/chunks", "split_heads", lambda x, heads: torch.stack(x.chunk(heads, dim=-1), dim=-3)
    ),
    Variant(
        "split/features-first",
        "split_heads",
        lambda x, heads: x.transpose(-2, -1).unflatten(-2, (heads, -1)).transpose(-2, -1),
    ),
    Variant("merge/flatten", "merge_heads", lambda x: x.transpose(-3, -2).flatten(start_dim=-2)),
    Variant(
        "merge/concatenated", "merge_heads", lambda x: torch.cat(list(x.unbind(dim=-3)), dim=-1)
    ),
    Variant(
        "merge/features-first",
        "merge_heads",
        lambda x: x.transpose(-2, -1).flatten(-3, -2).transpose(-2, -1),
    ),
    Variant("heads/all-at-once", "multi_head", _all_heads_at_once),
    Variant("heads/one-by-one", "multi_head", _head_by_head),
    Variant("heads/einsum", "multi_head", _with_einsum),
)
