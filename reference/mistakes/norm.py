"""Normalisation itself, its Jacobian and its place in a block, as students get them wrong."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from reference.mistakes import norm_blocks, norm_depth, norm_depth_variants, norm_variants
from reference.mistakes.catalogue import Mistake, Variant

__all__ = ["MISTAKES", "VARIANTS"]


def _centred(x: Tensor) -> tuple[Tensor, Tensor]:
    centred = x - x.mean(-1, keepdim=True)
    return centred, centred.square().mean(-1, keepdim=True)


def _over(
    x: Tensor, weight: Tensor, bias: Tensor, eps: float, axis: int | tuple[int, ...]
) -> Tensor:
    centred = x - x.mean(axis, keepdim=True)
    variance = centred.square().mean(axis, keepdim=True)
    return centred / (variance + eps).sqrt() * weight + bias


def _jacobian(
    x: Tensor, weight: Tensor, eps: float, ones: float = 1.0, outer: float = 1.0
) -> Tensor:
    return weight.unsqueeze(-1) * _core(x, eps, ones, outer)


def _core(x: Tensor, eps: float, ones: float = 1.0, outer: float = 1.0) -> Tensor:
    centred, variance = _centred(x)
    root = (variance + eps).sqrt()
    normalised, size = centred / root, x.shape[-1]
    core = torch.eye(size).to(x) - ones / size
    core = core - outer * normalised.unsqueeze(-1) * normalised.unsqueeze(-2) / size
    return core / root.unsqueeze(-1)


_LAYER_NORM = (
    Mistake(
        "layer-norm/eps-outside-the-root",
        "layer_norm",
        "Feed it values that hardly differ: where does epsilon do its work?",
        lambda x, weight, bias, eps: _centred(x)[0] / (_centred(x)[1].sqrt() + eps) * weight + bias,
    ),
    Mistake(
        "layer-norm/eps-missing",
        "layer_norm",
        "Feed it a vector of equal values: what does your division do?",
        lambda x, weight, bias, eps: _centred(x)[0] / _centred(x)[1].sqrt() * weight + bias,  # noqa: ARG005  the mistake
    ),
    Mistake(
        "layer-norm/n-minus-one",
        "layer_norm",
        "Your answer has a variance slightly below one; which divisor did the variance use?",
        lambda x, weight, bias, eps: (
            _centred(x)[0] / (x.var(-1, keepdim=True) + eps).sqrt() * weight + bias
        ),
    ),
    Mistake(
        "layer-norm/n-minus-one-and-eps-outside",
        "layer_norm",
        "Two things: which divisor did the variance use, and where does epsilon do its work?",
        lambda x, weight, bias, eps: (
            _centred(x)[0] / (x.std(-1, keepdim=True) + eps) * weight + bias
        ),
    ),
    Mistake(
        "layer-norm/over-the-batch",
        "layer_norm",
        "One example's answer changes with its neighbours: is that layer or batch norm?",
        lambda x, weight, bias, eps: _over(x, weight, bias, eps, 0),
    ),
    Mistake(
        "layer-norm/over-the-sequence",
        "layer_norm",
        "One position's answer changes with the others: which axis holds the features?",
        lambda x, weight, bias, eps: _over(x, weight, bias, eps, -2),
    ),
    Mistake(
        "layer-norm/over-sequence-and-features",
        "layer_norm",
        "One position's answer changes with the others: over how many axes is the mean?",
        lambda x, weight, bias, eps: _over(x, weight, bias, eps, (-2, -1)),
    ),
    Mistake(
        "layer-norm/gain-and-shift-missing",
        "layer_norm",
        "Two learned parameters never reach your answer.",
        lambda x, weight, bias, eps: _centred(x)[0] / (_centred(x)[1] + eps).sqrt(),  # noqa: ARG005  the mistake
    ),
    Mistake(
        "layer-norm/shift-missing",
        "layer_norm",
        "One learned parameter never reaches your answer.",
        lambda x, weight, bias, eps: _centred(x)[0] / (_centred(x)[1] + eps).sqrt() * weight,  # noqa: ARG005  the mistake
    ),
    Mistake(
        "layer-norm/not-centred",
        "layer_norm",
        "Add a constant to all features: should the answer change?",
        lambda x, weight, bias, eps: x / (_centred(x)[1] + eps).sqrt() * weight + bias,
    ),
    Mistake(
        "layer-norm/variance-for-std",
        "layer_norm",
        "Double all features: should the answer change?",
        lambda x, weight, bias, eps: _centred(x)[0] / (_centred(x)[1] + eps) * weight + bias,
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
        "rms-norm/eps-missing",
        "rms_norm",
        "Feed it a position of zeros: what does your division do?",
        lambda x, weight, eps: x / x.square().mean(-1, keepdim=True).sqrt() * weight,  # noqa: ARG005  the mistake
    ),
    Mistake(
        "rms-norm/over-the-sequence",
        "rms_norm",
        "One position's answer changes with the others: which axis holds the features?",
        lambda x, weight, eps: x * torch.rsqrt(x.square().mean(-2, keepdim=True) + eps) * weight,
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
        lambda x, weight, eps: _jacobian(x, weight, eps, ones=0.0),
    ),
    Mistake(
        "jacobian/std-held-fixed",
        "layer_norm_jacobian",
        "Stretch x along itself: the norm should not notice, yours does.",
        lambda x, weight, eps: _jacobian(x, weight, eps, outer=0.0),
    ),
    Mistake(
        "jacobian/outer-not-divided",
        "layer_norm_jacobian",
        "Count the features in the term that comes from the variance.",
        lambda x, weight, eps: _jacobian(x, weight, eps, outer=float(x.shape[-1])),
    ),
    Mistake(
        "jacobian/gain-missing",
        "layer_norm_jacobian",
        "One learned parameter never reaches your answer.",
        lambda x, weight, eps: _core(x, eps),  # noqa: ARG005  the mistake
    ),
    Mistake(
        "jacobian/gain-on-columns",
        "layer_norm_jacobian",
        "The gain scales outputs; does your matrix scale rows or columns?",
        lambda x, weight, eps: weight * _core(x, eps),
    ),
    Mistake(
        "jacobian/root-missing",
        "layer_norm_jacobian",
        "Double x: the map bends half as much. Does yours?",
        lambda x, weight, eps: (
            _jacobian(x, weight, eps) * (_centred(x)[1] + eps).sqrt().unsqueeze(-1)
        ),
    ),
)

MISTAKES: tuple[Mistake, ...] = (
    *_LAYER_NORM,
    *_RMS,
    *_JACOBIAN,
    *norm_blocks.MISTAKES,
    *norm_depth.MISTAKES,
)
VARIANTS: tuple[Variant, ...] = (*norm_variants.VARIANTS, *norm_depth_variants.VARIANTS)
