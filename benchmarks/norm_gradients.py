"""How gradients pass through blocks with the norm in three places, at several depths."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from reference.norm_depth import gradient_norms

PLACES = ("post", "pre", "res-post")
DEPTHS = (1, 5, 12)
SIZE = 64


def by_layer(seed: int) -> dict[str, Any]:
    """A run for `benchmarks.curves.store`: norms at the inputs of all layers, by place and depth.

    Sublayers are linear with entries of variance 1 / D, and stream and readout are standard normal:
    a stack as it is before training.
    """
    draw = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw, dtype=torch.float64)

    start, readout = normal(SIZE), normal(SIZE)
    weights = normal(max(DEPTHS), SIZE, SIZE) / SIZE**0.5
    norms = {
        f"{place}, {depth} layers": gradient_norms(place, start, weights[:depth], readout).tolist()
        for place in PLACES
        for depth in DEPTHS
    }
    return {"seed": seed, **norms}
