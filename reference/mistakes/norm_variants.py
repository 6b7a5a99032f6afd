"""Honest ways of writing normalisation, its Jacobian and its place in a block."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import jacrev, vmap

from reference.mistakes.catalogue import Variant
from reference.norm import Norm, Sublayer


def _by_torch(x: Tensor, norm: Norm) -> Tensor:
    return F.layer_norm(x, (x.shape[-1],), norm.weight, norm.bias, norm.eps)


def _by_var(x: Tensor, norm: Norm) -> Tensor:
    variance = x.var(-1, keepdim=True, unbiased=False)
    return (x - x.mean(-1, keepdim=True)) * torch.rsqrt(
        variance + norm.eps
    ) * norm.weight + norm.bias


def _by_moments(x: Tensor, norm: Norm) -> Tensor:
    mean = x.mean(-1, keepdim=True)
    variance = (x * x).mean(-1, keepdim=True) - mean * mean
    return norm.weight * (x - mean) / (variance + norm.eps) ** 0.5 + norm.bias


def _rows(function: Sublayer, x: Tensor) -> Tensor:
    jacobian = vmap(jacrev(function))(x.reshape(-1, x.shape[-1]))
    return torch.as_tensor(jacobian).reshape(*x.shape, x.shape[-1])


def _closed_form(x: Tensor, norm: Norm) -> Tensor:
    size = x.shape[-1]
    centring = torch.eye(size).to(x) - torch.full((size, size), 1 / size).to(x)
    centred = x @ centring
    root = (centred.square().mean(-1) + norm.eps).sqrt()[..., None, None]
    outer = centred[..., :, None] * centred[..., None, :]
    return torch.diag(norm.weight) @ (centring / root - outer / (size * root**3))


def _post(x: Tensor, sublayer: Sublayer, norm: Norm) -> Tensor:
    residual = x.clone()
    residual += sublayer(x)
    return _by_torch(residual, norm)


def _pre(x: Tensor, sublayer: Sublayer, norm: Norm) -> Tensor:
    branch = sublayer(_by_torch(x, norm))
    return branch + x


def _res_post(x: Tensor, sublayer: Sublayer, norm: Norm) -> Tensor:
    return torch.add(_by_torch(sublayer(x), norm), x)


def _identity(like: Tensor) -> Tensor:
    return torch.eye(like.shape[-1]).to(like)


def _left_to_right(factors: Tensor) -> Tensor:
    total: Tensor = reduce(lambda total, factor: factor @ total, factors)
    return total


def _chained(factors: Tensor) -> Tensor:
    total: Tensor = torch.linalg.multi_dot([*factors.flip(0), _identity(factors)])
    return total


def _by_columns(factors: Tensor) -> Tensor:
    columns = _identity(factors)
    for factor in factors:
        columns = torch.stack([factor @ column for column in columns.T], dim=1)
    return columns


def _post_factors(of_norm: Tensor, of_sublayer: Tensor) -> Tensor:
    return of_norm @ of_sublayer + of_norm


def _pre_factors(of_norm: Tensor, of_sublayer: Tensor) -> Tensor:
    return _identity(of_norm) + of_sublayer @ of_norm


def _res_post_factors(of_norm: Tensor, of_sublayer: Tensor) -> Tensor:
    return _identity(of_norm) + of_norm @ of_sublayer


def _through(
    norm_jacobians: Tensor,
    sublayer_jacobians: Tensor,
    factors: Callable[[Tensor, Tensor], Tensor],
    product: Callable[[Tensor], Tensor],
) -> Tensor:
    return product(factors(norm_jacobians, sublayer_jacobians))


_DEPTH = tuple(
    Variant(
        f"depth/{place.replace('_', '-')}-{name}",
        f"{place}_norm_jacobian",
        partial(_through, factors=factors, product=product),
    )
    for name, product in (("reduce", _left_to_right), ("chain", _chained), ("columns", _by_columns))
    for place, factors in (
        ("post", _post_factors),
        ("pre", _pre_factors),
        ("res_post", _res_post_factors),
    )
)

VARIANTS: tuple[Variant, ...] = (
    Variant("layer-norm/torch", "layer_norm", _by_torch),
    Variant("layer-norm/var", "layer_norm", _by_var),
    Variant("layer-norm/moments", "layer_norm", _by_moments),
    Variant(
        "rms-norm/torch",
        "rms_norm",
        lambda x, weight, eps: F.rms_norm(x, (x.shape[-1],), weight, eps),
    ),
    Variant(
        "rms-norm/quotient",
        "rms_norm",
        lambda x, weight, eps: weight * x / (x.pow(2).mean(-1, keepdim=True) + eps).sqrt(),
    ),
    Variant(
        "rms-norm/norm",
        "rms_norm",
        lambda x, weight, eps: (
            weight * x / (x.norm(dim=-1, keepdim=True) ** 2 / x.shape[-1] + eps) ** 0.5
        ),
    ),
    Variant(
        "jacobian/autograd",
        "layer_norm_jacobian",
        lambda x, norm: _rows(lambda row: _by_var(row, norm), x),
    ),
    Variant(
        "jacobian/autograd-of-moments",
        "layer_norm_jacobian",
        lambda x, norm: _rows(lambda row: _by_moments(row, norm), x),
    ),
    Variant("jacobian/closed-form", "layer_norm_jacobian", _closed_form),
    Variant("post-norm/in-place", "post_norm", _post),
    Variant("post-norm/var", "post_norm", lambda x, sublayer, norm: _by_var(x + sublayer(x), norm)),
    Variant(
        "post-norm/moments",
        "post_norm",
        lambda x, sublayer, norm: _by_moments(sublayer(x) + x, norm),
    ),
    Variant("pre-norm/branch-first", "pre_norm", _pre),
    Variant("pre-norm/var", "pre_norm", lambda x, sublayer, norm: x + sublayer(_by_var(x, norm))),
    Variant(
        "pre-norm/moments", "pre_norm", lambda x, sublayer, norm: x + sublayer(_by_moments(x, norm))
    ),
    Variant("res-post-norm/add", "res_post_norm", _res_post),
    Variant(
        "res-post-norm/var",
        "res_post_norm",
        lambda x, sublayer, norm: x + _by_var(sublayer(x), norm),
    ),
    Variant(
        "res-post-norm/moments",
        "res_post_norm",
        lambda x, sublayer, norm: x + _by_moments(sublayer(x), norm),
    ),
    *_DEPTH,
)
