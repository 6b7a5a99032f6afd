"""What goes wrong in UvA's `RMSNorm`, as a function of x, its gain and epsilon.

Where epsilon stands is left open there.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from reference.mistakes import norm
from reference.mistakes.catalogue import Mistake, Variant

__all__ = ["MISTAKES", "VARIANTS"]


def _root_mean_square(x: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return length.div(x.shape[-1] ** 0.5)


MISTAKES: tuple[Mistake, ...] = (
    *(
        replace(mistake, function="RMSNorm")
        for mistake in norm.MISTAKES
        if mistake.function == "rms_norm" and mistake.id != "rms-norm/eps-outside-the-root"
    ),
)

VARIANTS: tuple[Variant, ...] = (
    *(
        replace(variant, function="RMSNorm")
        for variant in norm.VARIANTS
        if variant.function == "rms_norm"
    ),
    Variant(
        "rms-norm/eps-outside",
        "RMSNorm",
        lambda x, weight, eps: (
            x / (x.norm(dim=-1, keepdim=True) / x.shape[-1] ** 0.5 + eps) * weight
        ),
    ),
    Variant(
        "rms-norm/at-least-eps",
        "RMSNorm",
        lambda x, weight, eps: x / torch.clamp(_root_mean_square(x), min=eps) * weight,
    ),
)
