"""Honest ways of writing normalisation, its Jacobian and its place in a block."""

from __future__ import annotations

from functools import reduce

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


def _rows(function: object, x: Tensor) -> Tensor:
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
    return reduce(lambda total, factor: factor @ total, factors)


def _chained(factors: Tensor) -> Tensor:
    return torch.linalg.multi_dot([*factors.flip(0), _identity(factors)])


def _by_columns(factors: Tensor) -> Tensor:
    columns = _identity(factors)
    for factor in factors:
        columns = torch.stack([factor @ column for column in columns.T], dim=1)
    return columns


_DEPTH = tuple(
    Variant(f"depth/{place.replace('_', '-')}-{name}", f"{place}_norm_jacobian", code)
    for name, product in (("reduce", _left_to_right), ("chain", _chained), ("columns", _by_columns))
    for place, code in (
        ("post", lambda a, b, p=product: p(a @ b + a)),
        ("pre", lambda a, b, p=product: p(_identity(a) + b @ a)),
        ("res_post", lambda a, b, p=product: p(_identity(a) + a @ b)),
    )
)

VARIANTS: tuple[Variant, ...] = (
    Variant("layer-norm/torch", "layer_norm", _by_torch),
    Variant("layer-norm/var", "layer_norm", _by_var),
    Variant("layer-norm/moments", "layer_norm", _by_moments),
    Variant("rms-norm/torch", "rms_norm", lambda x, w, eps: F.rms_norm(x, (x.shape[-1],), w, eps)),
    Variant(
        "rms-norm/quotient",
        "rms_norm",
        lambda x, w, eps: w * x / (x.pow(2).mean(-1, keepdim=True) + eps).sqrt(),
    ),
    Variant(
        "rms-norm/norm",
        "rms_norm",
        lambda x, w, eps: w * x / (x.norm(dim=-1, keepdim=True) ** 2 / x.shape[-1] + eps) ** 0.5,
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
    Variant("post-norm/var", "post_norm", lambda x, a, norm: _by_var(x + a(x), norm)),
    Variant("post-norm/moments", "post_norm", lambda x, a, norm: _by_moments(a(x) + x, norm)),
    Variant("pre-norm/branch-first", "pre_norm", _pre),
    Variant("pre-norm/var", "pre_norm", lambda x, a, norm: x + a(_by_var(x, norm))),
    Variant("pre-norm/moments", "pre_norm", lambda x, a, norm: x + a(_by_moments(x, norm))),
    Variant("res-post-norm/add", "res_post_norm", _res_post),
    Variant("res-post-norm/var", "res_post_norm", lambda x, a, norm: x + _by_var(a(x), norm)),
    Variant(
        "res-post-norm/moments", "res_post_norm", lambda x, a, norm: x + _by_moments(a(x), norm)
    ),
    *_DEPTH,
)
