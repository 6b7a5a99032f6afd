"""Adversarial training of two multilayer perceptrons, differentiated by hand.

The recursion is that of back-propagation: delta^l = (W^{l+1})^T delta^{l+1} * g'(z^l), with
delta^l = dL/dz^l. Nothing here uses automatic differentiation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    "Cache",
    "Layer",
    "Perceptron",
    "activation_derivative",
    "back_propagate",
    "discriminate",
    "discriminator_gradients",
    "discriminator_objective",
    "forward",
    "generator_gradients",
    "generator_loss",
    "sgd_step",
]

Activation: TypeAlias = Literal["relu", "leaky_relu", "tanh", "sigmoid", "softplus"]
GeneratorLoss: TypeAlias = Literal["saturating", "non-saturating"]

_LEAK = 0.01  # torch.nn.LeakyReLU's default slope


class Layer(NamedTuple):
    """An affine map: weight (outputs, inputs) and bias (outputs,); or the gradients of both."""

    weight: Tensor
    bias: Tensor


class Perceptron(NamedTuple):
    """Affine layers with an activation between them; the last layer is linear."""

    layers: tuple[Layer, ...]
    activation: Activation


class Cache(NamedTuple):
    """What back-propagation needs of one forward pass, a tensor for each layer.

    Attributes:
        inputs: what each layer read, (B, inputs).
        pre_activations: what each layer returned before its activation, (B, outputs).
    """

    inputs: tuple[Tensor, ...]
    pre_activations: tuple[Tensor, ...]

    @property
    def output(self) -> Tensor:
        """The last pre-activation: logits of a discriminator, samples of a generator."""
        return self.pre_activations[-1]


def forward(network: Perceptron, x: Tensor) -> Cache:
    """Runs the network and keeps what back-propagation needs.

    Args:
        network: L layers.
        x: shape (B, inputs).

    Returns:
        Inputs and pre-activations of all layers.

    Source: Rumelhart et al. 1986, eq. 1 and 2.
    """
    inputs, pre_activations = [], []
    for layer in network.layers:
        inputs.append(x)
        pre_activations.append(x @ layer.weight.T + layer.bias)
        x = _FUNCTIONS[network.activation](pre_activations[-1])
    return Cache(tuple(inputs), tuple(pre_activations))


def activation_derivative(activation: Activation, z: Tensor) -> Tensor:
    """Slope g'(z) of an activation; zero at the kink of relu.

    Args:
        activation: its name.
        z: pre-activations, any shape.

    Returns:
        Of the shape of z.

    Source: Rumelhart et al. 1986, eq. 5, for any activation.
    """
    return _DERIVATIVES[activation](z)


def discriminate(discriminator: Perceptron, x: Tensor) -> Tensor:
    """The probability that each example is real: the sigmoid of the last pre-activation.

    Args:
        discriminator: with one output.
        x: shape (B, inputs).

    Returns:
        Probabilities, shape (B, 1).

    Source: Goodfellow et al. 2014, section 3.
    """
    return torch.sigmoid(forward(discriminator, x).output)


def back_propagate(
    network: Perceptron, cache: Cache, delta: Tensor
) -> tuple[tuple[Layer, ...], Tensor]:
    """Gradients of a scalar from its gradient with respect to the last pre-activation.

    Args:
        network: the one that filled the cache.
        cache: of one forward pass on B examples.
        delta: gradient with respect to the last pre-activation, shape (B, outputs).

    Returns:
        The gradients of every layer, summed over the batch, and of the input, (B, inputs).

    Source: Rumelhart et al. 1986, eq. 4 to 7.
    """
    gradients: list[Layer] = []
    for index in reversed(range(len(network.layers))):
        gradients.insert(0, Layer(delta.T @ cache.inputs[index], delta.sum(0)))
        delta = delta @ network.layers[index].weight
        if index > 0:
            below = cache.pre_activations[index - 1]
            delta = delta * activation_derivative(network.activation, below)
    return tuple(gradients), delta


def discriminator_objective(discriminator: Perceptron, x_real: Tensor, x_fake: Tensor) -> Tensor:
    """What the discriminator maximises: mean log D(x) + mean log(1 - D(G(z))).

    Args:
        discriminator: with one output.
        x_real: data, shape (B, inputs).
        x_fake: generated, shape (B', inputs).

    Returns:
        Nats, shape ().

    Source: Goodfellow et al. 2014, eq. 1.
    """
    on_real = F.logsigmoid(forward(discriminator, x_real).output).mean()
    return on_real + F.logsigmoid(-forward(discriminator, x_fake).output).mean()


def generator_loss(
    generator: Perceptron, discriminator: Perceptron, latents: Tensor, loss: GeneratorLoss
) -> Tensor:
    """What the generator minimises.

    Args:
        generator: from latents to the discriminator's inputs.
        discriminator: with one output.
        latents: shape (B, latents).
        loss: "saturating", mean log(1 - D(G(z))), or "non-saturating", -mean log D(G(z)).

    Returns:
        Nats, shape ().

    Source: Goodfellow et al. 2014, eq. 1 and section 3.
    """
    logits = forward(discriminator, forward(generator, latents).output).output
    if loss == "saturating":
        return F.logsigmoid(-logits).mean()
    return -F.logsigmoid(logits).mean()


def discriminator_gradients(
    discriminator: Perceptron, x_real: Tensor, x_fake: Tensor
) -> tuple[Layer, ...]:
    """Gradients of the objective that the discriminator maximises.

    The gradients with respect to the last pre-activation are two: sigmoid(-z) / B on real and
    -sigmoid(z) / B' on generated examples.

    Args:
        discriminator: with one output.
        x_real: data, shape (B, inputs).
        x_fake: generated, shape (B', inputs); a constant, so that no gradient reaches a generator.

    Returns:
        Gradients in the shapes of the layers, to be ascended.

    Source: Goodfellow et al. 2014, algorithm 1, first gradient.
    """
    real, fake = forward(discriminator, x_real), forward(discriminator, x_fake)
    delta_real = torch.sigmoid(-real.output) / len(x_real)
    delta_fake = -torch.sigmoid(fake.output) / len(x_fake)
    of_real, _ = back_propagate(discriminator, real, delta_real)
    of_fake, _ = back_propagate(discriminator, fake, delta_fake)
    return tuple(
        Layer(a.weight + b.weight, a.bias + b.bias) for a, b in zip(of_real, of_fake, strict=True)
    )


def generator_gradients(
    generator: Perceptron, discriminator: Perceptron, latents: Tensor, loss: GeneratorLoss
) -> tuple[Layer, ...]:
    """Gradients of the loss that the generator minimises, through the discriminator's input.

    Args:
        generator: from latents to the discriminator's inputs.
        discriminator: with one output; it gets no gradient.
        latents: shape (B, latents).
        loss: "saturating" or "non-saturating", as in `generator_loss`.

    Returns:
        Gradients in the shapes of the generator's layers, to be descended.

    Source: Goodfellow et al. 2014, algorithm 1, second gradient, and section 3.
    """
    generated = forward(generator, latents)
    judged = forward(discriminator, generated.output)
    slope = torch.sigmoid(judged.output if loss == "saturating" else -judged.output)
    _, of_input = back_propagate(discriminator, judged, -slope / len(latents))
    gradients, _ = back_propagate(generator, generated, of_input)
    return gradients


def sgd_step(network: Perceptron, gradients: tuple[Layer, ...], learning_rate: float) -> Perceptron:
    """One step against the gradients; a negative learning rate ascends.

    Args:
        network: left as it is.
        gradients: in the shapes of its layers.
        learning_rate: step length; positive for the generator, negative for the discriminator.

    Returns:
        A network with the moved parameters.

    Raises:
        ValueError: there are not as many gradients as layers.

    Source: Goodfellow et al. 2014, algorithm 1.
    """
    moved = tuple(
        Layer(
            layer.weight - learning_rate * gradient.weight,
            layer.bias - learning_rate * gradient.bias,
        )
        for layer, gradient in zip(network.layers, gradients, strict=True)
    )
    return Perceptron(moved, network.activation)


def _tanh_derivative(z: Tensor) -> Tensor:
    return 1 - torch.tanh(z).square()


def _sigmoid_derivative(z: Tensor) -> Tensor:
    return torch.sigmoid(z) * torch.sigmoid(-z)


_FUNCTIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "leaky_relu": lambda z: torch.where(z > 0, z, _LEAK * z),
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softplus": F.softplus,
}
_DERIVATIVES: dict[Activation, Callable[[Tensor], Tensor]] = {
    "relu": lambda z: (z > 0).to(z),
    "leaky_relu": lambda z: torch.where(z > 0, 1.0, _LEAK).to(z),
    "tanh": _tanh_derivative,
    "sigmoid": _sigmoid_derivative,
    "softplus": torch.sigmoid,
}
