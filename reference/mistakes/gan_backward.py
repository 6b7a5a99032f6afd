"""The way back through a network as students get it wrong, and as they get it right."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor

from reference.gan import (
    Activation,
    Gradients,
    Layer,
    Params,
    activation_derivative,
    back_propagate,
    forward,
)
from reference.mistakes.catalogue import Mistake, Variant
from reference.mistakes.gan_layers import (
    FUNCTIONS,
    flat,
    logits,
    paired,
    scaled,
    tracked,
    without_bias,
)
from reference.mistakes.gan_slopes import slope_by_branches, slope_of_activated

Backward: TypeAlias = Callable[[Params, Tensor, Tensor, Activation], tuple[Gradients, Tensor]]


def _chain(
    params: Params,
    x: Tensor,
    delta: Tensor,
    activation: Activation,
    slope: Callable[[Tensor, Activation], Tensor] = activation_derivative,
    down: Callable[[Tensor], Tensor] = lambda weight: weight,
) -> tuple[Gradients, Tensor]:
    cache = forward(params, x, activation)
    gradients: list[Layer] = []
    for index in reversed(range(len(params))):
        gradients.insert(0, Layer(delta.T @ cache.inputs[index], delta.sum(0)))
        delta = delta @ down(params[index][0])
        if index > 0:
            delta = delta * slope(cache.pre_activations[index - 1], activation)
    return tuple(gradients), delta


def _turned(weight: Tensor) -> Tensor:
    return weight.T if weight.shape[0] == weight.shape[1] else weight


def _slope_of_the_layer_above(
    params: Params, x: Tensor, delta: Tensor, activation: Activation
) -> tuple[Gradients, Tensor]:
    cache = forward(params, x, activation)
    gradients: list[Layer] = []
    for index in reversed(range(len(params))):
        gradients.insert(0, Layer(delta.T @ cache.inputs[index], delta.sum(0)))
        delta = delta * activation_derivative(cache.pre_activations[index], activation)
        delta = delta @ params[index][0]
    return tuple(gradients), delta


def _inputs_not_activated(
    params: Params, x: Tensor, delta: Tensor, activation: Activation
) -> tuple[Gradients, Tensor]:
    right, of_input = back_propagate(params, x, delta, activation)
    cache = forward(params, x, activation)
    deltas = [delta]
    for index in reversed(range(1, len(params))):
        slope = activation_derivative(cache.pre_activations[index - 1], activation)
        deltas.insert(0, deltas[0] @ params[index][0] * slope)
    read = (x, *cache.pre_activations)
    weights = [each.T @ below for each, below in zip(deltas, read, strict=False)]
    return tuple(Layer(w, layer.bias) for w, layer in zip(weights, right, strict=True)), of_input


PRIME_MISSING = partial(_chain, slope=lambda z, _: torch.ones_like(z))
PRIME_OF_ACTIVATED = partial(_chain, slope=slope_of_activated)
NOT_TRANSPOSED = partial(_chain, down=_turned)


def sigmoid_twice(
    params: Params, x: Tensor, delta: Tensor, activation: Activation
) -> tuple[Gradients, Tensor]:
    """Counts the slope of the output's sigmoid, which had cancelled, once more."""
    z = forward(params, x, activation).output
    again = torch.sigmoid(z) * torch.sigmoid(-z)
    return back_propagate(params, x, delta * again, activation)


def _changed(change: Callable[[Gradients, Tensor], tuple[Gradients, Tensor]]) -> Backward:
    return lambda params, x, delta, activation: change(
        *back_propagate(params, x, delta, activation)
    )


MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "backward/prime-missing",
        "back_propagate",
        "Your gradients are right for a network without activations; what does each one add?",
        PRIME_MISSING,
    ),
    Mistake(
        "backward/prime-after-activation",
        "back_propagate",
        "At which point is the activation's slope taken: before or after it has acted?",
        PRIME_OF_ACTIVATED,
    ),
    Mistake(
        "backward/prime-at-the-wrong-layer",
        "back_propagate",
        "Which pre-activation does a layer's slope belong to: the one above, or the one below?",
        _slope_of_the_layer_above,
    ),
    Mistake(
        "backward/weight-not-transposed",
        "back_propagate",
        "Going back through a layer, which index of its weights is summed over?",
        NOT_TRANSPOSED,
    ),
    Mistake(
        "backward/inputs-not-activated",
        "back_propagate",
        "What did the layer read: the pre-activation below it, or what came out of it?",
        _inputs_not_activated,
    ),
    Mistake(
        "backward/bias-forgotten",
        "back_propagate",
        "Every layer has two parameters; which of them never learns in yours?",
        _changed(lambda layers, of_input: (without_bias(layers), of_input)),
    ),
    Mistake(
        "backward/batch-mean-again",
        "back_propagate",
        "The mean over the batch is in what you are given already; do you take it again?",
        lambda params, x, delta, activation: (
            scaled(back_propagate(params, x, delta, activation)[0], 1 / len(x)),
            back_propagate(params, x, delta, activation)[1],
        ),
    ),
    Mistake(
        "backward/prime-at-the-input",
        "back_propagate",
        "Does an activation stand before the first layer?",
        lambda params, x, delta, activation: (
            back_propagate(params, x, delta, activation)[0],
            back_propagate(params, x, delta, activation)[1] * activation_derivative(x, activation),
        ),
    ),
    Mistake(
        "backward/last-layer-first",
        "back_propagate",
        "You walk from the last layer to the first; in which order do you return them?",
        _changed(lambda layers, of_input: (layers[::-1], of_input)),
    ),
    Mistake(
        "backward/gradient-transposed",
        "back_propagate",
        "Should a gradient have the shape of its weight, or that of its transpose?",
        _changed(
            lambda layers, of_input: (
                tuple(layer._replace(weight=layer.weight.T) for layer in layers),
                of_input,
            )
        ),
    ),
)


def _by_autograd(
    params: Params, x: Tensor, delta: Tensor, activation: Activation
) -> tuple[Gradients, Tensor]:
    layers, leaf = tracked(params), x.detach().clone().requires_grad_()
    output = logits(layers, leaf, activation)
    *found, of_input = torch.autograd.grad(output, [*flat(layers), leaf], delta)
    return paired(found), of_input


def _by_recursion(
    params: Params, x: Tensor, delta: Tensor, activation: Activation
) -> tuple[list[tuple[Tensor, Tensor]], Tensor]:
    (weight, bias), *rest = params
    if rest:
        z = x @ weight.T + bias
        above, of_output = _by_recursion(rest, FUNCTIONS[activation](z), delta, activation)
        delta = of_output * slope_by_branches(z, activation)
    else:
        above = []
    of_weight = torch.einsum("bo,bi->oi", delta, x)
    return [(of_weight, delta.sum(dim=0)), *above], delta @ weight


def _example_by_example(
    params: Params, x: Tensor, delta: Tensor, activation: Activation
) -> tuple[list[list[Tensor]], Tensor]:
    total = [[torch.zeros_like(weight), torch.zeros_like(bias)] for weight, bias in params]
    rows = []
    for example, slope in zip(x, delta, strict=True):
        read, zs, column = [example], [], slope
        for weight, bias in params:
            zs.append(weight @ read[-1] + bias)
            read.append(FUNCTIONS[activation](zs[-1]))
        for index in range(len(params) - 1, -1, -1):
            total[index][0] += torch.outer(column, read[index])
            total[index][1] += column
            column = params[index][0].T @ column
            if index:
                column = column * activation_derivative(zs[index - 1], activation)
        rows.append(column)
    return total, torch.stack(rows)


VARIANTS: tuple[Variant, ...] = (
    Variant("backward/two-loops", "back_propagate", back_propagate),
    Variant("backward/autograd", "back_propagate", _by_autograd),
    Variant("backward/recursion", "back_propagate", _by_recursion),
    Variant("backward/example-by-example", "back_propagate", _example_by_example),
)
