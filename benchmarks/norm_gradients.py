"""How gradients pass through blocks with the norm in three places, at several depths."""

from __future__ import annotations

from itertools import product
from typing import Any

import torch
from torch import Tensor

from benchmarks.notebook_training import execute
from grader.data import DataSet
from reference.norm_depth import gradient_norms

PLACES = ("post", "pre", "res-post")
DEPTHS = (1, 5, 12)
SIZE = 64
STEPS = 10  # whose mean is kept


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
        f"{place}, depth {depth}": gradient_norms(place, start, weights[:depth], readout).tolist()
        for place, depth in product(PLACES, DEPTHS)
    }
    return {"seed": seed, **norms}


def by_step(seed: int, files: DataSet) -> dict[str, Any]:
    """A run of the notebook's classifier: loss and first layer's gradient, every ten steps."""
    namespace: dict[str, Any] = {"__name__": "notebook"}
    execute("transformer_norm", files, namespace, {"seed": seed}, last="model")
    run: dict[str, Any] = {"seed": seed}
    for place, depth in product(PLACES, DEPTHS):
        losses, gradients = (torch.tensor(part) for part in namespace["train"](place, depth))
        run[f"{place}, depth {depth}, loss"] = _every_ten(losses).tolist()
        run[f"{place}, depth {depth}, gradient"] = _every_ten(gradients.log()).exp().tolist()
    return run


def _every_ten(values: Tensor) -> Tensor:
    return torch.stack([part.mean() for part in values.split(STEPS)])
