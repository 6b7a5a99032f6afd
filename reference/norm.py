"""Layer normalisation: the map, its Jacobian, where it stands in a residual block, and depth.

Features lie on the last axis. A block is one sublayer A with its normalisation LN.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

__all__ = [
    "Norm",
    "layer_norm",
    "layer_norm_jacobian",
    "post_norm",
    "post_norm_jacobian",
    "pre_norm",
    "pre_norm_branches",
    "pre_norm_jacobian",
    "res_post_norm",
    "res_post_norm_branches",
    "res_post_norm_jacobian",
    "rms_norm",
]

Sublayer: TypeAlias = Callable[[Tensor], Tensor]


class Norm(NamedTuple):
    """Parameters of one layer normalisation: gain and shift, each (D,), and epsilon."""

    weight: Tensor
    bias: Tensor
    eps: float = 1e-5


def layer_norm(x: Tensor, norm: Norm) -> Tensor:
    """Normalises the last axis to mean 0 and variance 1, then scales and shifts.

    Args:
        x: shape (..., D).
        norm: gain and shift of shape (D,); eps is added to the variance, inside the root.

    Returns:
        Shape (..., D).

    Source: Ba et al. 2016, eq. 3; the variance divides by D.
    """
    normalised, _ = _normalise(x, norm.eps)
    return normalised * norm.weight + norm.bias


def layer_norm_jacobian(x: Tensor, norm: Norm) -> Tensor:
    """Derivative of `layer_norm` with respect to x.

    With gain 1 and eps 0 its rows are orthogonal to the vector of ones and to the normalised x.

    Args:
        x: shape (..., D).
        norm: gain and shift of shape (D,), and epsilon.

    Returns:
        diag(gain) (I - 1 1^T / D - n n^T / D) / s for normalised x n and root s, (..., D, D).

    Source: Xiong et al. 2020, appendix, proof of lemma 3, with gain and epsilon.
    """
    normalised, root = _normalise(x, norm.eps)
    size = x.shape[-1]
    centred = torch.eye(size, dtype=x.dtype, device=x.device) - 1 / size
    outer = normalised.unsqueeze(-1) * normalised.unsqueeze(-2) / size
    jacobian: Tensor = norm.weight.unsqueeze(-1) * (centred - outer) / root.unsqueeze(-1)
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


def post_norm(x: Tensor, sublayer: Sublayer, norm: Norm) -> Tensor:
    """Residual block with the norm after the sum: LN(x + A(x)).

    Args:
        x: shape (..., D).
        sublayer: A, keeps the shape.
        norm: gain and shift of shape (D,), and epsilon.

    Returns:
        Shape (..., D).

    Source: Vaswani et al. 2017, section 3.1.
    """
    return layer_norm(x + sublayer(x), norm)


def pre_norm(x: Tensor, sublayer: Sublayer, norm: Norm) -> Tensor:
    """Residual block with the norm before the sublayer: x + A(LN(x)).

    Args:
        x: shape (..., D).
        sublayer: A, keeps the shape.
        norm: gain and shift of shape (D,), and epsilon.

    Returns:
        Shape (..., D).

    Source: Xiong et al. 2020, table 1.
    """
    return x + sublayer(layer_norm(x, norm))


def res_post_norm(x: Tensor, sublayer: Sublayer, norm: Norm) -> Tensor:
    """Residual block with the norm after the sublayer, inside the branch: x + LN(A(x)).

    Args:
        x: shape (..., D).
        sublayer: A, keeps the shape.
        norm: gain and shift of shape (D,), and epsilon.

    Returns:
        Shape (..., D).

    Source: Liu et al. 2022 (Swin V2), section 3.2.
    """
    return x + layer_norm(sublayer(x), norm)


def pre_norm_branches(x: Tensor, sublayers: Sequence[Sublayer], norms: Sequence[Norm]) -> Tensor:
    """What every pre-norm block adds to the stream: x_L = x_0 + the sum of A_l(LN_l(x_l)).

    Args:
        x: x_0, shape (..., D).
        sublayers: A_0 to A_{L-1}.
        norms: LN_0 to LN_{L-1}.

    Returns:
        Branches A_l(LN_l(x_l)), shape (L, ..., D).

    Raises:
        ValueError: there are not as many norms as sublayers.

    Source: He et al. 2016 (identity mappings), eq. 4, with the pre-norm branch.
    """
    branches = []
    for sublayer, norm in zip(sublayers, norms, strict=True):
        branches.append(sublayer(layer_norm(x, norm)))
        x = x + branches[-1]
    return torch.stack(branches)


def res_post_norm_branches(
    x: Tensor, sublayers: Sequence[Sublayer], norms: Sequence[Norm]
) -> Tensor:
    """What every residual-post-norm block adds: x_L = x_0 + the sum of LN_l(A_l(x_l)).

    Args:
        x: x_0, shape (..., D).
        sublayers: A_0 to A_{L-1}.
        norms: LN_0 to LN_{L-1}.

    Returns:
        Branches LN_l(A_l(x_l)), shape (L, ..., D).

    Raises:
        ValueError: there are not as many norms as sublayers.

    Source: He et al. 2016 (identity mappings), eq. 4, with the residual-post-norm branch.
    """
    branches = []
    for sublayer, norm in zip(sublayers, norms, strict=True):
        branches.append(layer_norm(sublayer(x), norm))
        x = x + branches[-1]
    return torch.stack(branches)


def post_norm_jacobian(norm_jacobians: Tensor, sublayer_jacobians: Tensor) -> Tensor:
    """dx_L/dx_0 of post-norm blocks: the product over layers of J_LN (I + J_A).

    Args:
        norm_jacobians: J_LN at x_l + A_l(x_l), first layer first, shape (L, D, D).
        sublayer_jacobians: J_A at x_l, shape (L, D, D).

    Returns:
        The product with the last layer on the left, shape (D, D).

    Source: the chain rule on Xiong et al. 2020, table 1.
    """
    return _product(norm_jacobians @ (_identity(norm_jacobians) + sublayer_jacobians))


def pre_norm_jacobian(norm_jacobians: Tensor, sublayer_jacobians: Tensor) -> Tensor:
    """dx_L/dx_0 of pre-norm blocks: the product over layers of I + J_A J_LN.

    Args:
        norm_jacobians: J_LN at x_l, first layer first, shape (L, D, D).
        sublayer_jacobians: J_A at LN_l(x_l), shape (L, D, D).

    Returns:
        The product with the last layer on the left, shape (D, D).

    Source: the chain rule on Xiong et al. 2020, table 1.
    """
    return _product(_identity(norm_jacobians) + sublayer_jacobians @ norm_jacobians)


def res_post_norm_jacobian(norm_jacobians: Tensor, sublayer_jacobians: Tensor) -> Tensor:
    """dx_L/dx_0 of residual-post-norm blocks: the product over layers of I + J_LN J_A.

    Args:
        norm_jacobians: J_LN at A_l(x_l), first layer first, shape (L, D, D).
        sublayer_jacobians: J_A at x_l, shape (L, D, D).

    Returns:
        The product with the last layer on the left, shape (D, D).

    Source: the chain rule on Liu et al. 2022, section 3.2.
    """
    return _product(_identity(norm_jacobians) + norm_jacobians @ sublayer_jacobians)


def _normalise(x: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    centred = x - x.mean(-1, keepdim=True)
    root = (centred.square().mean(-1, keepdim=True) + eps).sqrt()
    return centred / root, root


def _identity(like: Tensor) -> Tensor:
    return torch.eye(like.shape[-1], dtype=like.dtype, device=like.device)


def _product(factors: Tensor) -> Tensor:
    total = _identity(factors)
    for factor in factors:
        total = factor @ total
    return total
