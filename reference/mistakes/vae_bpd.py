"""Bits per dimension as students get them wrong, and as they get them right."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from reference.mistakes.catalogue import Mistake, Variant

Conversion = Callable[[Tensor, Sequence[int]], Tensor]


def _dimensions(img_shape: Sequence[int]) -> int:
    return math.prod(img_shape[1:])


# One row for each mistake: name, what a TA would say, the wrong function.
_WRONG: tuple[tuple[str, str, Conversion], ...] = (
    (
        "nats",
        "The unit is bits; your figure is still in nats.",
        lambda elbo, img_shape: elbo / _dimensions(img_shape),
    ),
    (
        "multiplied-by-ln-2",
        "Is a nat more or less than a bit? Check the direction of the conversion.",
        lambda elbo, img_shape: elbo * math.log(2) / _dimensions(img_shape),
    ),
    (
        "decimal-digits",
        "Which base of the logarithm belongs to a bit?",
        lambda elbo, img_shape: elbo * math.log10(math.e) / _dimensions(img_shape),
    ),
    (
        "log-of-the-elbo",
        "The ELBO is a logarithm already; changing its base is not taking another one.",
        lambda elbo, img_shape: torch.log2(elbo) / _dimensions(img_shape),
    ),
    (
        "batch-counted",
        "The figure shrinks as the batch grows: which axes are dimensions of an image?",
        lambda elbo, img_shape: elbo * math.log2(math.e) / math.prod(img_shape),
    ),
    (
        "times-batch",
        "The figure grows with the batch: which axes are dimensions of an image?",
        lambda elbo, img_shape: elbo * math.log2(math.e) / _dimensions(img_shape) * img_shape[0],
    ),
    (
        "channels-forgotten",
        "How many numbers does an image with three channels hold?",
        lambda elbo, img_shape: elbo * math.log2(math.e) / math.prod(img_shape[2:]),
    ),
    (
        "one-side-only",
        "How many numbers does an image hold?",
        lambda elbo, img_shape: elbo * math.log2(math.e) / img_shape[-1],
    ),
    (
        "hard-coded-size",
        "Your figure ignores the shape that it is given.",
        lambda elbo, _: elbo * math.log2(math.e) / (28 * 28),
    ),
    (
        "divided-by-batch-only",
        "It says per dimension, not per image of the batch.",
        lambda elbo, img_shape: elbo * math.log2(math.e) / img_shape[0],
    ),
    (
        "not-divided",
        "It says per dimension: your figure is for the whole image.",
        lambda elbo, _: elbo * math.log2(math.e),
    ),
    (
        "multiplied-by-dims",
        "Per dimension: larger images should not cost more bits each.",
        lambda elbo, img_shape: elbo * math.log2(math.e) * _dimensions(img_shape),
    ),
    (
        "sign-flipped",
        "What you are given is the negative bound already: a code length is positive.",
        lambda elbo, img_shape: -elbo * math.log2(math.e) / _dimensions(img_shape),
    ),
    (
        "summed-over-batch",
        "One number came back for a whole batch; each image has its own.",
        lambda elbo, img_shape: elbo.sum() * math.log2(math.e) / _dimensions(img_shape),
    ),
    (
        "mean-over-batch",
        "One number came back for a whole batch; each image has its own.",
        lambda elbo, img_shape: elbo.mean() * math.log2(math.e) / _dimensions(img_shape),
    ),
)

_RIGHT: tuple[tuple[str, Conversion], ...] = (
    (
        "times-log2-e",
        lambda elbo, img_shape: elbo * math.log2(math.e) / _dimensions(img_shape),
    ),
    (
        "over-ln-2",
        lambda elbo, img_shape: elbo / math.log(2) / float(np.prod(img_shape[1:])),
    ),
    (
        "float32-throughout",
        lambda elbo, img_shape: (
            elbo
            * torch.log2(torch.exp(torch.tensor(1.0)))
            / torch.prod(torch.tensor(img_shape[1:]))
        ),
    ),
    (
        "image-by-image",
        lambda elbo, img_shape: torch.stack(
            [nats / math.log(2) / math.prod(img_shape[1:]) for nats in elbo]
        ),
    ),
    (
        "in-double-precision",
        lambda elbo, img_shape: elbo.double() / (np.log(2) * np.prod(img_shape[1:])),
    ),
    (
        "as-a-tensor-of-one",
        lambda elbo, img_shape: (
            elbo * torch.log2(torch.exp(torch.tensor([1.0]))) / float(np.prod(img_shape[1:]))
        ),
    ),
    (
        "axis-by-axis",
        lambda elbo, img_shape: (
            elbo / (img_shape[1] * img_shape[2] * img_shape[3]) * float(np.log2(np.e))
        ),
    ),
)

# The same mistakes on top of another one, so that two at once are recognised.
_AROUND: dict[str, Callable[[Conversion], Conversion]] = {
    "nats": lambda bpd: lambda elbo, img_shape: bpd(elbo, img_shape) * math.log(2),
    "sign-flipped": lambda bpd: lambda elbo, img_shape: -bpd(elbo, img_shape),
    "batch-counted": lambda bpd: lambda elbo, img_shape: bpd(elbo, img_shape) / img_shape[0],
    "summed-over-batch": lambda bpd: lambda elbo, img_shape: bpd(elbo, img_shape).sum(),
    "mean-over-batch": lambda bpd: lambda elbo, img_shape: bpd(elbo, img_shape).mean(),
}

MISTAKES = tuple(
    Mistake(
        id=f"bpd/{name}",
        function="elbo_to_bpd",
        says=says,
        code=code,
        killed_by=("bpd_is_bits_over_dimensions",),
        around=_AROUND.get(name),
    )
    for name, says, code in _WRONG
)

VARIANTS = tuple(Variant(f"bpd/{name}", "elbo_to_bpd", code) for name, code in _RIGHT)
