"""Honest ways of writing what depth does: products, sums of branches, gradients by layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import jacrev

from reference.mistakes.catalogue import Variant

__all__ = ["VARIANTS"]

Map: TypeAlias = Callable[[Tensor], Tensor]


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


_PRODUCTS = tuple(
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


def _normed_first(x: Tensor, sublayer: Map, norm: Map) -> Tensor:
    return sublayer(norm(x))


def _normed_last(x: Tensor, sublayer: Map, norm: Map) -> Tensor:
    return norm(sublayer(x))


def _running(
    x: Tensor, sublayers: Sequence[Map], norms: Sequence[Map], branch: Callable[..., Tensor]
) -> Tensor:
    stream, added = x.clone(), []
    for sublayer, norm in zip(sublayers, norms, strict=True):
        added.append(branch(stream, sublayer, norm))
        stream += added[-1]
    return torch.stack(added)


def _summed(
    x: Tensor, sublayers: Sequence[Map], norms: Sequence[Map], branch: Callable[..., Tensor]
) -> Tensor:
    added: list[Tensor] = []
    for sublayer, norm in zip(sublayers, norms, strict=True):
        added.append(branch(sum(added, x), sublayer, norm))
    return torch.stack(added)


def _differences(
    x: Tensor, sublayers: Sequence[Map], norms: Sequence[Map], branch: Callable[..., Tensor]
) -> Tensor:
    streams = [x]
    for sublayer, norm in zip(sublayers, norms, strict=True):
        streams.append(streams[-1] + branch(streams[-1], sublayer, norm))
    return torch.stack(streams).diff(dim=0)


_SUMS = tuple(
    Variant(
        f"{place.replace('_', '-')}-branches/{name}",
        f"{place}_norm_branches",
        partial(code, branch=branch),
    )
    for name, code in (("running", _running), ("summed", _summed), ("differences", _differences))
    for place, branch in (("pre", _normed_first), ("res_post", _normed_last))
)


def _block(place: str, weight: Tensor) -> Map:
    def normed(x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape)

    blocks: dict[str, Map] = {
        "post": lambda x: normed(x + weight @ x),
        "pre": lambda x: x + weight @ normed(x),
        "res-post": lambda x: x + normed(weight @ x),
    }
    return blocks[place]


def _retained(place: str, x: Tensor, weights: Tensor, readout: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    streams = []
    for weight in weights:
        x.retain_grad()
        streams.append(x)
        x = _block(place, weight)(x)
    torch.autograd.backward((readout * x).sum())
    return torch.stack([stream.grad.norm() for stream in streams if stream.grad is not None])


def _by_jacobians(place: str, x: Tensor, weights: Tensor, readout: Tensor) -> Tensor:
    jacobians = []
    for weight in weights:
        jacobians.append(jacrev(_block(place, weight))(x))
        x = _block(place, weight)(x)
    norms = []
    for jacobian in reversed(jacobians):
        readout = jacobian.T @ readout
        norms.append(torch.linalg.norm(readout))
    return torch.stack(norms[::-1])


def _one_tail_at_a_time(place: str, x: Tensor, weights: Tensor, readout: Tensor) -> Tensor:
    norms = []
    for layer in range(len(weights)):
        start = x.detach().requires_grad_()
        end = start
        for weight in weights[layer:]:
            end = _block(place, weight)(end)
        (gradient,) = torch.autograd.grad(torch.dot(readout, end), start)
        norms.append(gradient.square().sum().sqrt())
        x = _block(place, weights[layer])(x)
    return torch.stack(norms)


_GRADIENTS = (
    Variant("gradient-norms/retained", "gradient_norms", _retained),
    Variant("gradient-norms/jacobians", "gradient_norms", _by_jacobians),
    Variant("gradient-norms/tails", "gradient_norms", _one_tail_at_a_time),
)

VARIANTS: tuple[Variant, ...] = (*_PRODUCTS, *_SUMS, *_GRADIENTS)
