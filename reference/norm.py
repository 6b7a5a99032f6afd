"""Layer normalisation: the map, its Jacobian, and where it stands in a residual block.

Features lie on the last axis. A block is one sublayer A with its normalisation LN; both are any
callables that keep the shape, so that a block says nothing but how the two are put together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

__all__ = [
    "layer_norm",
    "layer_norm_jacobian",
    "post_norm",
    "pre_norm",
    "pre_norm_block",
    "pre_norm_stack",
    "res_post_norm",
    "rms_norm",
]

Map: TypeAlias = Callable[[Tensor], Tensor]


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    """Normalises the last axis to mean 0 and variance 1, then scales and shifts.

    Args:
        x: shape (..., D).
        weight: gain, shape (D,).
        bias: shift, shape (D,).
        eps: added to the variance, inside the root.

    Returns:
        Shape (..., D).

    Source: Ba et al. 2016, eq. 3; the variance divides by D.
    """
    normalised, _ = _normalise(x, eps)
    return normalised * weight + bias


def layer_norm_jacobian(x: Tensor, weight: Tensor, eps: float = 1e-5) -> Tensor:
    """Derivative of `layer_norm` with respect to x; the shift has no part in it.

    With gain 1 and eps 0 its rows are orthogonal to the vector of ones and to the normalised x.

    Args:
        x: shape (..., D).
        weight: gain, shape (D,).
        eps: added to the variance, inside the root.

    Returns:
        diag(gain) (I - 1 1^T / D - n n^T / D) / s for normalised x n and root s, (..., D, D).

    Source: Xiong et al. 2020, appendix, proof of lemma 3, with gain and epsilon.
    """
    normalised, root = _normalise(x, eps)
    size = x.shape[-1]
    centred = torch.eye(size, dtype=x.dtype, device=x.device) - 1 / size
    outer = normalised.unsqueeze(-1) * normalised.unsqueeze(-2) / size
    jacobian: Tensor = weight.unsqueeze(-1) * (centred - outer) / root.unsqueeze(-1)
    return jacobian


def rms_norm(x: Tensor, weight: Tensor, eps: float = 1e-6) -> Tensor:
    """Divides the last axis by its root mean square, then scales.

    Args:
        x: shape (..., D).
        weight: gain, shape (D,).
        eps: added to the mean square, inside the root.

    Returns:
        Shape (..., D).

    Source: Zhang and Sennrich 2019, eq. 4.
    """
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps) * weight


def post_norm(x: Tensor, sublayer: Map, norm: Map) -> Tensor:
    """Residual block with the norm after the sum: LN(x + A(x)).

    Args:
        x: shape (..., D).
        sublayer: A.
        norm: LN.

    Returns:
        Shape (..., D).

    Source: Vaswani et al. 2017, section 3.1.
    """
    return norm(x + sublayer(x))


def pre_norm(x: Tensor, sublayer: Map, norm: Map) -> Tensor:
    """Residual block with the norm before the sublayer: x + A(LN(x)).

    Args:
        x: shape (..., D).
        sublayer: A.
        norm: LN.

    Returns:
        Shape (..., D).

    Source: Xiong et al. 2020, table 1.
    """
    return x + sublayer(norm(x))


def res_post_norm(x: Tensor, sublayer: Map, norm: Map) -> Tensor:
    """Residual block with the norm after the sublayer, inside the branch: x + LN(A(x)).

    Args:
        x: shape (..., D).
        sublayer: A.
        norm: LN.

    Returns:
        Shape (..., D).

    Source: Liu et al. 2022 (Swin V2), section 3.2.
    """
    return x + norm(sublayer(x))


def pre_norm_block(x: Tensor, attention: Map, mlp: Map, norm_1: Map, norm_2: Map) -> Tensor:
    """A transformer's block with pre-norm: attention, then the MLP, each on a branch of its own.

    Args:
        x: shape (..., D).
        attention: the first sublayer.
        mlp: the second one.
        norm_1: before attention.
        norm_2: before the MLP.

    Returns:
        Shape (..., D).

    Source: Xiong et al. 2020, table 1.
    """
    return pre_norm(pre_norm(x, attention, norm_1), mlp, norm_2)


def pre_norm_stack(
    x: Tensor, sublayers: Sequence[Map], norms: Sequence[Map], final_norm: Map
) -> Tensor:
    """Pre-norm blocks one after the other, and the norm that ends such a stack.

    Args:
        x: shape (..., D).
        sublayers: A_0 to A_{L-1}.
        norms: LN_0 to LN_{L-1}.
        final_norm: after the last block.

    Returns:
        Shape (..., D).

    Raises:
        ValueError: there are not as many norms as sublayers.

    Source: Xiong et al. 2020, table 1, last row.
    """
    for sublayer, norm in zip(sublayers, norms, strict=True):
        x = pre_norm(x, sublayer, norm)
    return final_norm(x)


def _normalise(x: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    centred = x - x.mean(-1, keepdim=True)
    root = (centred.square().mean(-1, keepdim=True) + eps).sqrt()
    return centred / root, root
