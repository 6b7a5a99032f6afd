"""Arithmetic on the layers of a network, shared by the catalogues of both players."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from reference.gan import Activation, Gradients, Layer, Params

FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}


def scaled(gradients: Params, factor: float) -> Gradients:
    """Every gradient times a factor."""
    return tuple(Layer(factor * weight, factor * bias) for weight, bias in gradients)


def added(first: Params, second: Params) -> Gradients:
    """Sums of the gradients of two batches."""
    return tuple(Layer(a[0] + b[0], a[1] + b[1]) for a, b in zip(first, second, strict=True))


def tracked(params: Params) -> Gradients:
    """Copies that autograd follows."""
    return tuple(
        Layer(weight.detach().clone().requires_grad_(), bias.detach().clone().requires_grad_())
        for weight, bias in params
    )


def flat(params: Params) -> list[Tensor]:
    """All tensors of a network, in the order of its layers."""
    return [tensor for layer in params for tensor in layer]


def paired(tensors: Sequence[Tensor]) -> Gradients:
    """Layers from a flat list."""
    return tuple(Layer(*tensors[index : index + 2]) for index in range(0, len(tensors), 2))


def logits(params: Params, x: Tensor, activation: Activation) -> Tensor:
    """The last pre-activation, in a way that autograd follows."""
    for index, (weight, bias) in enumerate(params):
        x = F.linear(FUNCTIONS[activation](x) if index else x, weight, bias)
    return x


def without_bias(gradients: Gradients) -> Gradients:
    """The same, with the gradients of the biases left at zero."""
    return tuple(layer._replace(bias=torch.zeros_like(layer.bias)) for layer in gradients)
