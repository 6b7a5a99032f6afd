"""Wrong ways back through a network, shared by the catalogues of both players."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor

from reference.gan import Cache, Layer, Perceptron, activation_derivative, back_propagate, forward

Gradients: TypeAlias = tuple[Layer, ...]
Backward: TypeAlias = Callable[[Perceptron, Cache, Tensor], tuple[Gradients, Tensor]]


def scaled(gradients: Gradients, factor: float) -> Gradients:
    """Every gradient times a factor."""
    return tuple(Layer(factor * layer.weight, factor * layer.bias) for layer in gradients)


def added(first: Gradients, second: Gradients) -> Gradients:
    """Sums of the gradients of two batches."""
    return tuple(
        Layer(a.weight + b.weight, a.bias + b.bias) for a, b in zip(first, second, strict=True)
    )


def _chain(
    network: Perceptron,
    cache: Cache,
    delta: Tensor,
    slope: Callable[[Perceptron, Tensor], Tensor],
    down: Callable[[Tensor], Tensor] = lambda weight: weight,
) -> tuple[Gradients, Tensor]:
    gradients: list[Layer] = []
    for index in reversed(range(len(network.layers))):
        gradients.insert(0, Layer(delta.T @ cache.inputs[index], delta.sum(0)))
        delta = delta @ down(network.layers[index].weight)
        if index > 0:
            delta = delta * slope(network, cache.pre_activations[index - 1])
    return tuple(gradients), delta


def _slope(network: Perceptron, z: Tensor) -> Tensor:
    return activation_derivative(network.activation, z)


def _no_slope(_: Perceptron, z: Tensor) -> Tensor:
    return torch.ones_like(z)


def _slope_of_activated(network: Perceptron, z: Tensor) -> Tensor:
    identity = Layer(torch.eye(z.shape[1]).to(z), torch.zeros(z.shape[1]).to(z))
    activated = forward(Perceptron((identity, identity), network.activation), z).inputs[1]
    return activation_derivative(network.activation, activated)


def _turned(weight: Tensor) -> Tensor:
    return weight.T if weight.shape[0] == weight.shape[1] else weight


def sigmoid_twice(network: Perceptron, cache: Cache, delta: Tensor) -> tuple[Gradients, Tensor]:
    """Counts the slope of the output's sigmoid, which had cancelled, once more."""
    again = torch.sigmoid(cache.output) * torch.sigmoid(-cache.output)
    return back_propagate(network, cache, delta * again)


PRIME_MISSING = partial(_chain, slope=_no_slope)
PRIME_OF_ACTIVATED = partial(_chain, slope=_slope_of_activated)
NOT_TRANSPOSED = partial(_chain, slope=_slope, down=_turned)
