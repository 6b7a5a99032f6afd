"""A causal decoder block: root-mean-square norm before each sublayer, rotary positions."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from reference.attention import causal_mask, merge_heads, scaled_dot_product, split_heads
from reference.norm import rms_norm

__all__ = [
    "BlockParameters",
    "apply_rotary",
    "causal_self_attention",
    "decoder_block",
    "feed_forward",
    "rotary_angles",
]


class BlockParameters(NamedTuple):
    """Parameters of one block; D features, each weight (outputs, inputs), each bias (outputs,).

    The joint projection returns queries, keys and values one after the other, 3 D rows.
    """

    attention_gain: Tensor
    joint_weight: Tensor
    joint_bias: Tensor
    output_weight: Tensor
    output_bias: Tensor
    feed_forward_gain: Tensor
    up_weight: Tensor
    up_bias: Tensor
    down_weight: Tensor
    down_bias: Tensor


def rotary_angles(length: int, head_size: int, base: float = 10000.0) -> Tensor:
    """Angle by which each pair of features turns at each position.

    Args:
        length: T; positions count from 0.
        head_size: features of one head, even.
        base: the longest wavelength is 2 pi base^(1 - 2 / head_size) positions.

    Returns:
        Radians, shape (T, head_size / 2), float64.

    Raises:
        ValueError: the head's size is odd.

    Source: Su et al. 2021, eq. 15.
    """
    if head_size % 2:
        raise ValueError(f"a head of {head_size} features has no pairs; give an even size")
    exponents = torch.arange(0, head_size, 2, dtype=torch.float64) / head_size
    return torch.outer(torch.arange(length, dtype=torch.float64), base**-exponents)


def apply_rotary(x: Tensor, angles: Tensor) -> Tensor:
    """Turns neighbouring features (0, 1), (2, 3), ... by the angle of their position.

    Norms are kept, and the score of a turned query and key depends on their distance only.

    Args:
        x: queries or keys, shape (..., T, head_size).
        angles: radians, shape (T, head_size / 2).

    Returns:
        Shape (..., T, head_size).

    Source: Su et al. 2021, eq. 34.
    """
    cos, sin = angles.cos().to(x), angles.sin().to(x)
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)


def causal_self_attention(
    x: Tensor, parameters: BlockParameters, heads: int, angles: Tensor | None = None
) -> Tensor:
    """Multi-head attention of each position to itself and to what came before.

    Args:
        x: shape (..., T, D).
        parameters: the joint and the output projection are used.
        heads: H, a divisor of D.
        angles: rotary angles, shape (T, D / H / 2); None leaves positions out.

    Returns:
        Shape (..., T, D).

    Raises:
        ValueError: the heads do not divide the features.

    Source: Vaswani et al. 2017, section 3.2.3; Su et al. 2021, eq. 16.
    """
    joint = F.linear(x, parameters.joint_weight, parameters.joint_bias)
    q, k, v = (split_heads(part, heads) for part in joint.chunk(3, dim=-1))
    if angles is not None:
        q, k = apply_rotary(q, angles), apply_rotary(k, angles)
    merged = merge_heads(scaled_dot_product(q, k, v, causal_mask(x.shape[-2], x.device)))
    return F.linear(merged, parameters.output_weight, parameters.output_bias)


def feed_forward(x: Tensor, parameters: BlockParameters) -> Tensor:
    """Two linear maps with the exact GELU between them, the same at every position.

    Args:
        x: shape (..., D).
        parameters: the maps up and down are used.

    Returns:
        Shape (..., D).

    Source: Vaswani et al. 2017, eq. 2, with Hendrycks and Gimpel 2016.
    """
    hidden = F.gelu(F.linear(x, parameters.up_weight, parameters.up_bias))
    return F.linear(hidden, parameters.down_weight, parameters.down_bias)


def decoder_block(
    x: Tensor,
    parameters: BlockParameters,
    heads: int,
    angles: Tensor | None = None,
    eps: float = 1e-6,
) -> Tensor:
    """Pre-norm block: h = x + attention(norm(x)), then h + feed_forward(norm(h)).

    Args:
        x: shape (..., T, D).
        parameters: of the whole block.
        heads: H, a divisor of D.
        angles: rotary angles, shape (T, D / H / 2); None leaves positions out.
        eps: of both norms.

    Returns:
        Shape (..., T, D).

    Raises:
        ValueError: the heads do not divide the features.

    Source: Xiong et al. 2020, table 1, with Zhang and Sennrich 2019, eq. 4.
    """
    normed = rms_norm(x, parameters.attention_gain, eps)
    x = x + causal_self_attention(normed, parameters, heads, angles)
    return x + feed_forward(rms_norm(x, parameters.feed_forward_gain, eps), parameters)
