"""Attention: scaled dot product, several heads, additive alignment, and a window.

Sequences lie on the last axis but one, features on the last. A boolean mask is true where a query
may look; a mask of numbers is added to the scores.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    "Projections",
    "additive",
    "additive_scores",
    "attention_weights",
    "causal_mask",
    "merge_heads",
    "multi_head",
    "scaled_dot_product",
    "sinusoidal_positions",
    "split_heads",
    "windowed",
]


class Projections(NamedTuple):
    """Parameters of multi-head attention, each weight (outputs, inputs), each bias (outputs,)."""

    query_weight: Tensor
    query_bias: Tensor
    key_weight: Tensor
    key_bias: Tensor
    value_weight: Tensor
    value_bias: Tensor
    output_weight: Tensor
    output_bias: Tensor


def attention_weights(q: Tensor, k: Tensor, mask: Tensor | None = None) -> Tensor:
    """How much each query takes of each key: the softmax over keys of q k^T / sqrt(d_k).

    Args:
        q: queries, shape (..., Q, d_k).
        k: keys, shape (..., K, d_k).
        mask: broadcasts to (..., Q, K); boolean, or numbers that are added to the scores.

    Returns:
        Weights, shape (..., Q, K); every row sums to one.

    Raises:
        ValueError: the mask leaves a query without any key.

    Source: Vaswani et al. 2017, eq. 1.
    """
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    return _masked_softmax(scores, mask)


def scaled_dot_product(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Values weighted by how well their keys fit each query.

    Args:
        q: queries, shape (..., Q, d_k).
        k: keys, shape (..., K, d_k).
        v: values, shape (..., K, d_v).
        mask: broadcasts to (..., Q, K); boolean, or numbers that are added to the scores.

    Returns:
        Shape (..., Q, d_v).

    Raises:
        ValueError: the mask leaves a query without any key.

    Source: Vaswani et al. 2017, eq. 1.
    """
    return attention_weights(q, k, mask) @ v


def causal_mask(length: int, device: torch.device | None = None) -> Tensor:
    """True where a position may look: at itself and at what came before.

    Args:
        length: T.
        device: of the mask.

    Returns:
        Boolean, shape (T, T): row i is true up to column i.

    Source: Vaswani et al. 2017, section 3.2.3.
    """
    return torch.ones(length, length, dtype=torch.bool, device=device).tril()


def split_heads(x: Tensor, heads: int) -> Tensor:
    """Gives each head its own consecutive features.

    Args:
        x: shape (..., T, D).
        heads: H, a divisor of D.

    Returns:
        Shape (..., H, T, D / H).

    Raises:
        ValueError: D is not a multiple of H.

    Source: Vaswani et al. 2017, section 3.2.2.
    """
    if x.shape[-1] % heads:
        raise ValueError(
            f"{x.shape[-1]} features cannot be shared among {heads} heads; give a divisor"
        )
    return x.reshape(*x.shape[:-1], heads, -1).transpose(-3, -2)


def merge_heads(x: Tensor) -> Tensor:
    """Concatenates the heads' features: the inverse of `split_heads`.

    Args:
        x: shape (..., H, T, D / H).

    Returns:
        Shape (..., T, D).

    Source: Vaswani et al. 2017, section 3.2.2.
    """
    return x.transpose(-3, -2).flatten(-2)


def multi_head(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    projections: Projections,
    heads: int,
    mask: Tensor | None = None,
) -> Tensor:
    """Attention in several learned subspaces at once.

    Args:
        queries: shape (..., Q, D).
        keys: shape (..., K, D).
        values: shape (..., K, D).
        projections: of queries, keys, values and output.
        heads: H, a divisor of the projected size.
        mask: broadcasts to (..., H, Q, K); boolean, or numbers that are added to the scores.

    Returns:
        Shape (..., Q, D).

    Raises:
        ValueError: the heads do not divide the features, or the mask leaves a query without a key.

    Source: Vaswani et al. 2017, section 3.2.2.
    """
    q = split_heads(F.linear(queries, projections.query_weight, projections.query_bias), heads)
    k = split_heads(F.linear(keys, projections.key_weight, projections.key_bias), heads)
    v = split_heads(F.linear(values, projections.value_weight, projections.value_bias), heads)
    merged = merge_heads(scaled_dot_product(q, k, v, mask))
    return F.linear(merged, projections.output_weight, projections.output_bias)


def additive_scores(
    states: Tensor, annotations: Tensor, of_state: Tensor, of_annotation: Tensor, direction: Tensor
) -> Tensor:
    """Alignment e_ij = v^T tanh(W s_i + U h_j) of decoder states with annotations.

    Args:
        states: s, shape (..., Q, n).
        annotations: h, shape (..., K, m).
        of_state: W, shape (a, n).
        of_annotation: U, shape (a, m).
        direction: v, shape (a,).

    Returns:
        Scores, shape (..., Q, K).

    Source: Bahdanau et al. 2015, appendix A.1.2.
    """
    projected = (states @ of_state.T).unsqueeze(-2) + (annotations @ of_annotation.T).unsqueeze(-3)
    return torch.tanh(projected) @ direction


def additive(scores: Tensor, annotations: Tensor, mask: Tensor | None = None) -> Tensor:
    """Context vectors: annotations weighted by the softmax of their alignment.

    Args:
        scores: alignment e, shape (..., Q, K).
        annotations: h, shape (..., K, m).
        mask: broadcasts to (..., Q, K); boolean, or numbers that are added to the scores.

    Returns:
        Contexts, shape (..., Q, m).

    Raises:
        ValueError: the mask leaves a query without any annotation.

    Source: Bahdanau et al. 2015, eq. 5 and 6.
    """
    return _masked_softmax(scores, mask) @ annotations


def windowed(q: Tensor, k: Tensor, v: Tensor, reach: int) -> Tensor:
    """Attention of each position to those at most `reach` away, at a cost linear in the length.

    Args:
        q: queries, shape (..., T, d_k).
        k: keys, shape (..., T, d_k).
        v: values, shape (..., T, d_v).
        reach: positions to either side, at least 0.

    Returns:
        Shape (..., T, d_v).

    Raises:
        ValueError: the reach is negative.

    Source: Beltagy et al. 2020, section 3.1, sliding window.
    """
    if reach < 0:
        raise ValueError(f"a window cannot reach {reach} positions; give 0 or more")
    length, width = q.shape[-2], 2 * reach + 1
    near_k = F.pad(k, (0, 0, reach, reach)).unfold(-2, width, 1)  # (..., T, d_k, 2 reach + 1)
    near_v = F.pad(v, (0, 0, reach, reach)).unfold(-2, width, 1)  # (..., T, d_v, 2 reach + 1)
    scores = torch.einsum("...td,...tdw->...tw", q, near_k) / math.sqrt(q.shape[-1])
    offset = torch.arange(width, device=q.device) - reach
    position = torch.arange(length, device=q.device).unsqueeze(-1) + offset  # (T, 2 reach + 1)
    weights = _masked_softmax(scores, (position >= 0) & (position < length))
    return torch.einsum("...tw,...tdw->...td", weights, near_v)


def sinusoidal_positions(length: int, features: int, base: float = 10000.0) -> Tensor:
    """Sines and cosines that tell positions apart, to be added to the features.

    Args:
        length: T; positions count from 0.
        features: D, even.
        base: the longest wavelength is 2 pi base^(1 - 2 / D) positions.

    Returns:
        Shape (T, D), float64: column 2 i holds sin(t / base^(2 i / D)), column 2 i + 1 the cosine.

    Raises:
        ValueError: the number of features is odd.

    Source: Vaswani et al. 2017, section 3.5.
    """
    if features % 2:
        raise ValueError(f"{features} features have no pairs; give an even number")
    exponents = torch.arange(0, features, 2, dtype=torch.float64) / features
    angles = torch.outer(torch.arange(length, dtype=torch.float64), base**-exponents)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)


def _masked_softmax(scores: Tensor, mask: Tensor | None) -> Tensor:
    if mask is not None:
        closed = ~mask if mask.dtype == torch.bool else torch.isneginf(mask)
        if bool(closed.all(-1).any()):
            raise ValueError("the mask leaves a query without any key; open at least one a row")
        added = 0.0 if mask.dtype == torch.bool else mask
        scores = (scores + added).masked_fill(closed, -math.inf)
    return torch.softmax(scores, dim=-1)
