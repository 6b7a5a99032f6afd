"""Depth: what a stack of residual blocks adds up, and how gradients pass through it.

A block is one sublayer A with its normalisation LN; Jacobians come as (L, D, D), first layer first.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from reference.norm import Map, layer_norm, post_norm, pre_norm, res_post_norm

__all__ = [
    "gradient_norms",
    "post_norm_jacobian",
    "pre_norm_branches",
    "pre_norm_jacobian",
    "res_post_norm_branches",
    "res_post_norm_jacobian",
]

_BLOCKS = {"post": post_norm, "pre": pre_norm, "res-post": res_post_norm}


def pre_norm_branches(x: Tensor, sublayers: Sequence[Map], norms: Sequence[Map]) -> Tensor:
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
        branches.append(sublayer(norm(x)))
        x = x + branches[-1]
    return torch.stack(branches)


def res_post_norm_branches(x: Tensor, sublayers: Sequence[Map], norms: Sequence[Map]) -> Tensor:
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
        branches.append(norm(sublayer(x)))
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


def gradient_norms(
    place: str, x: Tensor, weights: Tensor, readout: Tensor, eps: float = 1e-5
) -> Tensor:
    """Norms of the gradients of readout . x_L by x_0 to x_{L-1}, for linear sublayers W_l x.

    Args:
        place: "post", "pre" or "res-post"; the norms have gain 1 and shift 0.
        x: x_0, shape (D,).
        weights: W_0 to W_{L-1}, shape (L, D, D).
        readout: shape (D,).
        eps: of the norms.

    Returns:
        Euclidean norms, x_0 first, shape (L,).

    Raises:
        KeyError: there is no such place.

    Source: Xiong et al. 2020, section 3.3, measures the same on weights.
    """
    ones, block = torch.ones_like(x), _BLOCKS[place]
    streams = [x.detach().requires_grad_()]
    for weight in weights:
        streams.append(
            block(streams[-1], weight.matmul, lambda v: layer_norm(v, ones, 0 * ones, eps))
        )
    gradients = torch.autograd.grad(readout @ streams[-1], streams[:-1])
    return torch.stack([gradient.norm() for gradient in gradients])


def _identity(like: Tensor) -> Tensor:
    return torch.eye(like.shape[-1], dtype=like.dtype, device=like.device)


def _product(factors: Tensor) -> Tensor:
    total = _identity(factors)
    for factor in factors:
        total = factor @ total
    return total
