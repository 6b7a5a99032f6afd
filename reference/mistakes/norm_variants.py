"""Honest ways of writing normalisation, its Jacobian and its place in a block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import jacrev, vmap

from reference.mistakes.catalogue import Variant

__all__ = ["VARIANTS"]

Map: TypeAlias = Callable[[Tensor], Tensor]


def _by_torch(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    return F.layer_norm(x, (x.shape[-1],), weight, bias, eps)


def _by_var(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    variance = x.var(-1, keepdim=True, unbiased=False)
    return (x - x.mean(-1, keepdim=True)) * torch.rsqrt(variance + eps) * weight + bias


def _by_moments(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    mean = x.mean(-1, keepdim=True)
    variance = (x * x).mean(-1, keepdim=True) - mean * mean
    return weight * (x - mean) / (variance + eps) ** 0.5 + bias


def _by_var_mean(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    variance, mean = torch.var_mean(x, dim=-1, correction=0, keepdim=True)
    return torch.addcmul(bias, weight, (x - mean).div_((variance + eps).sqrt_()))


def _by_loops(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    rows = []
    for row in x.reshape(-1, x.shape[-1]):
        mean = sum(row) / len(row)
        variance = sum((entry - mean) ** 2 for entry in row) / len(row)
        rows.append((row - mean) / (variance + eps) ** 0.5 * weight + bias)
    return torch.stack(rows).reshape(x.shape)


def _in_double(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    return _by_var(x.double(), weight.double(), bias.double(), eps)


def _rows(function: Map, x: Tensor) -> Tensor:
    jacobian = vmap(jacrev(function))(x.reshape(-1, x.shape[-1]))
    return torch.as_tensor(jacobian).reshape(*x.shape, x.shape[-1])


def _closed_form(x: Tensor, weight: Tensor, eps: float = 1e-5) -> Tensor:
    size = x.shape[-1]
    centring = torch.eye(size).to(x) - torch.full((size, size), 1 / size).to(x)
    centred = x @ centring
    root = (centred.square().mean(-1) + eps).sqrt()[..., None, None]
    outer = centred[..., :, None] * centred[..., None, :]
    return torch.diag(weight) @ (centring / root - outer / (size * root**3))


def _post(x: Tensor, sublayer: Map, norm: Map) -> Tensor:
    residual = x.clone()
    residual += sublayer(x)
    return norm(residual)


def _pre(x: Tensor, sublayer: Map, norm: Map) -> Tensor:
    branch = sublayer(norm(x))
    return branch + x


def _pre_by_steps(x: Tensor, sublayer: Map, norm: Map) -> Tensor:
    residual = x
    x = norm(x)
    x = sublayer(x)
    return torch.add(residual, x)


def _two_by_steps(x: Tensor, attention: Map, mlp: Map, norm_1: Map, norm_2: Map) -> Tensor:
    residual = x
    x = attention(norm_1(x))
    x = x + residual
    residual = x
    x = mlp(norm_2(x))
    return x + residual


def _two_in_place(x: Tensor, attention: Map, mlp: Map, norm_1: Map, norm_2: Map) -> Tensor:
    stream = x.clone()
    stream += attention(norm_1(stream))
    stream += mlp(norm_2(stream))
    return stream


def _two_named(x: Tensor, attention: Map, mlp: Map, norm_1: Map, norm_2: Map) -> Tensor:
    middle = x + attention(norm_1(x))
    return middle + mlp(norm_2(middle))


def _stack(x: Tensor, sublayers: Sequence[Map], norms: Sequence[Map], final_norm: Map) -> Tensor:
    for index in range(len(sublayers)):
        x = sublayers[index](norms[index](x)) + x
    return final_norm(x)


def _stack_in_place(
    x: Tensor, sublayers: Sequence[Map], norms: Sequence[Map], final_norm: Map
) -> Tensor:
    stream = torch.zeros_like(x) + x
    for sublayer, norm in zip(sublayers, norms, strict=True):
        stream += sublayer(norm(stream))
    return final_norm(stream)


def _stack_by_branches(
    x: Tensor, sublayers: Sequence[Map], norms: Sequence[Map], final_norm: Map
) -> Tensor:
    added: list[Tensor] = []
    for sublayer, norm in zip(sublayers, norms, strict=True):
        added.append(sublayer(norm(sum(added, x))))
    return final_norm(sum(added, x))


VARIANTS: tuple[Variant, ...] = (
    *(
        Variant(f"layer-norm/{name}", "layer_norm", code)
        for name, code in (
            ("torch", _by_torch),
            ("var", _by_var),
            ("moments", _by_moments),
            ("var-mean", _by_var_mean),
            ("loops", _by_loops),
            ("double", _in_double),
        )
    ),
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
        "rms-norm/einsum",
        "rms_norm",
        lambda x, weight, eps: torch.einsum(
            "...d,d,...->...d",
            x,
            weight,
            1 / (torch.einsum("...d,...d->...", x, x) / x.shape[-1] + eps) ** 0.5,
        ),
    ),
    Variant("jacobian/closed-form", "layer_norm_jacobian", _closed_form),
    Variant(
        "jacobian/autograd",
        "layer_norm_jacobian",
        lambda x, weight, eps: _rows(lambda row: _by_var(row, weight, 0 * weight, eps), x),
    ),
    Variant(
        "jacobian/autograd-of-moments",
        "layer_norm_jacobian",
        lambda x, weight, eps: _rows(lambda row: _by_moments(row, weight, 0 * weight, eps), x),
    ),
    Variant("post-norm/in-place", "post_norm", _post),
    Variant("post-norm/one-line", "post_norm", lambda x, sublayer, norm: norm(x + sublayer(x))),
    Variant("post-norm/branch-first", "post_norm", lambda x, sublayer, norm: norm(sublayer(x) + x)),
    Variant("pre-norm/branch-first", "pre_norm", _pre),
    Variant("pre-norm/one-line", "pre_norm", lambda x, sublayer, norm: x + sublayer(norm(x))),
    Variant("pre-norm/steps", "pre_norm", _pre_by_steps),
    Variant(
        "res-post-norm/add",
        "res_post_norm",
        lambda x, sublayer, norm: torch.add(norm(sublayer(x)), x),
    ),
    Variant(
        "res-post-norm/one-line", "res_post_norm", lambda x, sublayer, norm: x + norm(sublayer(x))
    ),
    Variant(
        "res-post-norm/sum",
        "res_post_norm",
        lambda x, sublayer, norm: torch.stack([x, norm(sublayer(x))]).sum(0),
    ),
    Variant("pre-norm-block/steps", "pre_norm_block", _two_by_steps),
    Variant("pre-norm-block/in-place", "pre_norm_block", _two_in_place),
    Variant("pre-norm-block/named", "pre_norm_block", _two_named),
    Variant("pre-norm-stack/indexed", "pre_norm_stack", _stack),
    Variant("pre-norm-stack/in-place", "pre_norm_stack", _stack_in_place),
    Variant("pre-norm-stack/branches", "pre_norm_stack", _stack_by_branches),
)
