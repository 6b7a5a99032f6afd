"""Normalisation, its Jacobian and its place in a block, as students get them wrong."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from reference import norm as right
from reference.mistakes.catalogue import Mistake
from reference.mistakes.norm_variants import VARIANTS
from reference.norm import Norm

__all__ = ["MISTAKES", "VARIANTS"]

Factors: TypeAlias = Callable[[Tensor, Tensor], Tensor]


def _scaled(centred: Tensor, root: Tensor, norm: Norm) -> Tensor:
    return centred / root * norm.weight + norm.bias


def _over(x: Tensor, norm: Norm, axis: int) -> Tensor:
    centred = x - x.mean(axis, keepdim=True)
    variance = centred.square().mean(axis, keepdim=True)
    return _scaled(centred, (variance + norm.eps).sqrt(), norm)


def _centred(x: Tensor) -> tuple[Tensor, Tensor]:
    centred = x - x.mean(-1, keepdim=True)
    return centred, centred.square().mean(-1, keepdim=True)


def _jacobian(
    x: Tensor, norm: Norm, ones: float = 1.0, outer: float = 1.0, gain: Tensor | None = None
) -> Tensor:
    centred, variance = _centred(x)
    root = (variance + norm.eps).sqrt()
    normalised, size = centred / root, x.shape[-1]
    core = torch.eye(size).to(x) - ones / size
    core = core - outer * normalised.unsqueeze(-1) * normalised.unsqueeze(-2) / size
    scale = norm.weight.unsqueeze(-1) if gain is None else gain
    return scale * core / root.unsqueeze(-1)


def _eye(like: Tensor) -> Tensor:
    return torch.eye(like.shape[-1]).to(like)


def _product(factors: Tensor) -> Tensor:
    total = _eye(factors)
    for factor in factors:
        total = factor @ total
    return total


def _post(of_norm: Tensor, of_sublayer: Tensor) -> Tensor:
    return of_norm @ (_eye(of_norm) + of_sublayer)


def _pre(of_norm: Tensor, of_sublayer: Tensor) -> Tensor:
    return _eye(of_norm) + of_sublayer @ of_norm


def _res_post(of_norm: Tensor, of_sublayer: Tensor) -> Tensor:
    return _eye(of_norm) + of_norm @ of_sublayer


def _summed(norm_jacobians: Tensor, sublayer_jacobians: Tensor, factors: Factors) -> Tensor:
    return factors(norm_jacobians, sublayer_jacobians).sum(0)


def _reversed(norm_jacobians: Tensor, sublayer_jacobians: Tensor, factors: Factors) -> Tensor:
    return _product(factors(norm_jacobians, sublayer_jacobians).flip(0))


def _last(norm_jacobians: Tensor, sublayer_jacobians: Tensor, factors: Factors) -> Tensor:
    return factors(norm_jacobians, sublayer_jacobians)[-1]


_LAYER_NORM = (
    Mistake(
        "layer-norm/eps-outside-the-root",
        "layer_norm",
        "Feed it values that hardly differ: where does epsilon do its work?",
        lambda x, norm: _scaled(_centred(x)[0], _centred(x)[1].sqrt() + norm.eps, norm),
    ),
    Mistake(
        "layer-norm/n-minus-one",
        "layer_norm",
        "Your answer has a variance slightly below one; which divisor did the variance use?",
        lambda x, norm: _scaled(
            _centred(x)[0], (x.var(-1, keepdim=True, unbiased=True) + norm.eps).sqrt(), norm
        ),
    ),
    Mistake(
        "layer-norm/over-the-batch",
        "layer_norm",
        "One example's answer changes with its neighbours: is that layer or batch norm?",
        partial(_over, axis=0),
    ),
    Mistake(
        "layer-norm/over-the-sequence",
        "layer_norm",
        "One position's answer changes with the others: which axis holds the features?",
        partial(_over, axis=-2),
    ),
    Mistake(
        "layer-norm/gain-and-shift-missing",
        "layer_norm",
        "Two learned parameters never reach your answer.",
        lambda x, norm: _centred(x)[0] / (_centred(x)[1] + norm.eps).sqrt(),
    ),
    Mistake(
        "layer-norm/shift-missing",
        "layer_norm",
        "One learned parameter never reaches your answer.",
        lambda x, norm: (
            _scaled(_centred(x)[0], (_centred(x)[1] + norm.eps).sqrt(), norm) - norm.bias
        ),
    ),
    Mistake(
        "layer-norm/not-centred",
        "layer_norm",
        "Add a constant to all features: should the answer change?",
        lambda x, norm: _scaled(x, (_centred(x)[1] + norm.eps).sqrt(), norm),
    ),
    Mistake(
        "layer-norm/variance-for-std",
        "layer_norm",
        "Double all features: should the answer change?",
        lambda x, norm: _scaled(_centred(x)[0], _centred(x)[1] + norm.eps, norm),
    ),
)

_RMS = (
    Mistake(
        "rms-norm/centred",
        "rms_norm",
        "What does this norm leave out, compared with layer norm?",
        lambda x, weight, eps: F.rms_norm(_centred(x)[0], (x.shape[-1],), weight, eps),
    ),
    Mistake(
        "rms-norm/sum-for-mean",
        "rms_norm",
        "Your answer shrinks with the number of features; what does the M stand for?",
        lambda x, weight, eps: x * torch.rsqrt(x.square().sum(-1, keepdim=True) + eps) * weight,
    ),
    Mistake(
        "rms-norm/root-missing",
        "rms_norm",
        "Double all features: should the answer change?",
        lambda x, weight, eps: x / (x.square().mean(-1, keepdim=True) + eps) * weight,
    ),
    Mistake(
        "rms-norm/eps-outside-the-root",
        "rms_norm",
        "Feed it values near zero: where does epsilon do its work?",
        lambda x, weight, eps: x / (x.square().mean(-1, keepdim=True).sqrt() + eps) * weight,
    ),
    Mistake(
        "rms-norm/gain-missing",
        "rms_norm",
        "One learned parameter never reaches your answer.",
        lambda x, weight, eps: F.rms_norm(x, (x.shape[-1],), torch.ones_like(weight), eps),
    ),
)

_JACOBIAN = (
    Mistake(
        "jacobian/mean-held-fixed",
        "layer_norm_jacobian",
        "Do all rows sum to zero? The mean moves with x as well.",
        partial(_jacobian, ones=0.0),
    ),
    Mistake(
        "jacobian/std-held-fixed",
        "layer_norm_jacobian",
        "Stretch x along itself: the norm should not notice, yours does.",
        partial(_jacobian, outer=0.0),
    ),
    Mistake(
        "jacobian/outer-not-divided",
        "layer_norm_jacobian",
        "Count the features in the term that comes from the variance.",
        lambda x, norm: _jacobian(x, norm, outer=float(x.shape[-1])),
    ),
    Mistake(
        "jacobian/gain-missing",
        "layer_norm_jacobian",
        "One learned parameter never reaches your answer.",
        lambda x, norm: _jacobian(x, norm, gain=torch.ones_like(x).unsqueeze(-1)),
    ),
    Mistake(
        "jacobian/gain-on-columns",
        "layer_norm_jacobian",
        "The gain scales outputs; does your matrix scale rows or columns?",
        lambda x, norm: _jacobian(x, norm, gain=norm.weight),
    ),
)

_PLACES = {"post": right.post_norm, "pre": right.pre_norm, "res-post": right.res_post_norm}

_BLOCKS = (
    *(
        Mistake(
            f"{asked}-norm/is-{built}-norm",
            f"{asked.replace('-', '_')}_norm",
            "The norm stands in another place than the name says; draw the block and compare.",
            code,
        )
        for asked in _PLACES
        for built, code in _PLACES.items()
        if asked != built
    ),
    Mistake(
        "post-norm/residual-missing",
        "post_norm",
        "Let the sublayer return zero: what is left of x?",
        lambda x, sublayer, norm: right.layer_norm(sublayer(x), norm),
    ),
    Mistake(
        "pre-norm/residual-missing",
        "pre_norm",
        "Let the sublayer return zero: what is left of x?",
        lambda x, sublayer, norm: sublayer(right.layer_norm(x, norm)),
    ),
    Mistake(
        "pre-norm/residual-from-the-normed-stream",
        "pre_norm",
        "Let the sublayer return zero: is the answer x itself?",
        lambda x, sublayer, norm: right.layer_norm(x, norm) + sublayer(right.layer_norm(x, norm)),
    ),
    Mistake(
        "res-post-norm/residual-missing",
        "res_post_norm",
        "Let the sublayer return zero: what is left of x?",
        lambda x, sublayer, norm: right.layer_norm(sublayer(x), norm),
    ),
)

_DEPTH = (
    *(
        Mistake(f"depth/{place.replace('_', '-')}-{name}", f"{place}_norm_jacobian", says, code)
        for place, factors in (("post", _post), ("pre", _pre), ("res_post", _res_post))
        for name, says, code in (
            (
                "sum-for-product",
                "Two layers: how does a small change pass through one after the other?",
                partial(_summed, factors=factors),
            ),
            (
                "order-reversed",
                "Which layer's Jacobian acts first on a change of the input?",
                partial(_reversed, factors=factors),
            ),
            (
                "last-layer-only",
                "Your answer does not depend on the lower layers; where did they go?",
                partial(_last, factors=factors),
            ),
        )
    ),
    Mistake(
        "depth/post-identity-missing",
        "post_norm_jacobian",
        "A change reaches the sum along two ways; yours knows one.",
        lambda norm_jacobians, sublayer_jacobians: _product(norm_jacobians @ sublayer_jacobians),
    ),
    Mistake(
        "depth/pre-norm-outside",
        "pre_norm_jacobian",
        "Inside one block, does the norm or the sublayer act first?",
        lambda norm_jacobians, sublayer_jacobians: _product(
            _res_post(norm_jacobians, sublayer_jacobians)
        ),
    ),
    Mistake(
        "depth/res-post-norm-first",
        "res_post_norm_jacobian",
        "Inside one block, does the norm or the sublayer act first?",
        lambda norm_jacobians, sublayer_jacobians: _product(
            _pre(norm_jacobians, sublayer_jacobians)
        ),
    ),
)

MISTAKES: tuple[Mistake, ...] = _LAYER_NORM + _RMS + _JACOBIAN + _BLOCKS + _DEPTH
