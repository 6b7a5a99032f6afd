"""Adversarial training of two multilayer perceptrons, differentiated by hand.

A network is plain data: its layers, (weight, bias) each, with an activation between them and a
linear last layer. The recursion is that of back-propagation, delta^l = (W^{l+1})^T delta^{l+1} *
g'(z^l) with delta^l = dL/dz^l. Nothing here uses automatic differentiation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from reference.gan_losses import GeneratorLoss, output_gradients

__all__ = [
    "Cache",
    "Layer",
    "activation_derivative",
    "back_propagate",
    "discriminator_gradients",
    "forward",
    "generator_gradients",
    "sgd_step",
    "train",
]

Activation: TypeAlias = Literal["relu", "leaky_relu", "tanh", "sigmoid"]
Params: TypeAlias = Sequence[tuple[Tensor, Tensor]]
Gradients: TypeAlias = tuple["Layer", ...]

_LEAK = 0.01  # torch.nn.LeakyReLU's default slope


class Layer(NamedTuple):
    """An affine map: weight (outputs, inputs) and bias (outputs,); or the gradients of both."""

    weight: Tensor
    bias: Tensor


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


def forward(params: Params, x: Tensor, activation: Activation) -> Cache:
    """Runs a network and keeps what back-propagation needs.

    Args:
        params: weight (outputs, inputs) and bias (outputs,) of each layer.
        x: shape (B, inputs).
        activation: between the layers.

    Returns:
        Inputs and pre-activations of all layers.

    Source: Rumelhart et al. 1986, eq. 1 and 2.
    """
    inputs, pre_activations = [], []
    for weight, bias in params:
        inputs.append(x)
        pre_activations.append(x @ weight.T + bias)
        x = _FUNCTIONS[activation](pre_activations[-1])
    return Cache(tuple(inputs), tuple(pre_activations))


def activation_derivative(z: Tensor, activation: Activation) -> Tensor:
    """Slope g'(z) of an activation; zero at the kink of relu.

    Args:
        z: pre-activations, any shape.
        activation: its name.

    Returns:
        Of the shape of z.

    Source: Rumelhart et al. 1986, eq. 5, for any activation.
    """
    return _DERIVATIVES[activation](z)


def back_propagate(
    params: Params, x: Tensor, delta: Tensor, activation: Activation
) -> tuple[Gradients, Tensor]:
    """Gradients of a scalar from its gradient with respect to the last pre-activation.

    Args:
        params: weight (outputs, inputs) and bias (outputs,) of each layer.
        x: what the network read, shape (B, inputs).
        delta: gradient with respect to the last pre-activation, shape (B, outputs).
        activation: between the layers.

    Returns:
        The gradients of every layer, summed over the batch, and of x, shape (B, inputs).

    Source: Rumelhart et al. 1986, eq. 4 to 7.
    """
    cache = forward(params, x, activation)
    gradients: list[Layer] = []
    for index in reversed(range(len(params))):
        gradients.insert(0, Layer(delta.T @ cache.inputs[index], delta.sum(0)))
        delta = delta @ params[index][0]
        if index > 0:
            delta = delta * activation_derivative(cache.pre_activations[index - 1], activation)
    return tuple(gradients), delta


def discriminator_gradients(
    params: Params, x_real: Tensor, x_fake: Tensor, activation: Activation
) -> Gradients:
    """Gradients of the objective that the discriminator maximises.

    Args:
        params: of a discriminator with one output.
        x_real: data, shape (B, inputs).
        x_fake: generated, shape (B', inputs); a constant, so that no gradient reaches a generator.
        activation: between the layers.

    Returns:
        Gradients in the shapes of the layers, to be ascended.

    Source: Goodfellow et al. 2014, algorithm 1, first gradient.
    """
    logits = (forward(params, x, activation).output for x in (x_real, x_fake))
    delta_real, delta_fake = output_gradients(*logits)
    of_real, _ = back_propagate(params, x_real, delta_real, activation)
    of_fake, _ = back_propagate(params, x_fake, delta_fake, activation)
    return tuple(
        Layer(a.weight + b.weight, a.bias + b.bias) for a, b in zip(of_real, of_fake, strict=True)
    )


def generator_gradients(
    generator: Params,
    discriminator: Params,
    latents: Tensor,
    activation: Activation,
    loss: GeneratorLoss,
) -> Gradients:
    """Gradients of the loss that the generator minimises, through the discriminator's input.

    Args:
        generator: from latents to the discriminator's inputs.
        discriminator: with one output; it gets no gradient.
        latents: shape (B, latents).
        activation: between the layers of both.
        loss: "saturating" or "non-saturating", as in `gan_losses.generator_loss`.

    Returns:
        Gradients in the shapes of the generator's layers, to be descended.

    Source: Goodfellow et al. 2014, algorithm 1, second gradient, and section 3.
    """
    generated = forward(generator, latents, activation).output
    logits = forward(discriminator, generated, activation).output
    slope = torch.sigmoid(logits if loss == "saturating" else -logits)
    _, of_input = back_propagate(discriminator, generated, -slope / len(latents), activation)
    gradients, _ = back_propagate(generator, latents, of_input, activation)
    return gradients


def sgd_step(params: Params, gradients: Params, learning_rate: float) -> Gradients:
    """One step against the gradients; a negative learning rate ascends.

    Args:
        params: left as they are.
        gradients: in the shapes of the layers.
        learning_rate: step length; positive for the generator, negative for the discriminator.

    Returns:
        The moved parameters.

    Raises:
        ValueError: there are not as many gradients as layers.

    Source: Goodfellow et al. 2014, algorithm 1.
    """
    return tuple(
        Layer(weight - learning_rate * of_weight, bias - learning_rate * of_bias)
        for (weight, bias), (of_weight, of_bias) in zip(params, gradients, strict=True)
    )


def train(
    generator: Params,
    discriminator: Params,
    real_batches: Sequence[Tensor],
    latent_batches: Sequence[Tensor],
    activation: Activation,
    learning_rate: float,
) -> tuple[Params, Params]:
    """For each pair of batches one ascent step of D, then one descent step of G against the new D.

    Args:
        generator: from latents to the discriminator's inputs.
        discriminator: with one output.
        real_batches: data, each of shape (B, inputs).
        latent_batches: as many, each of shape (B', latents); both steps use the same latents.
        activation: between the layers of both.
        learning_rate: step length of both, positive.

    Returns:
        Generator and discriminator; the generator's loss is the non-saturating one.

    Raises:
        ValueError: there are not as many batches of one kind as of the other.

    Source: Goodfellow et al. 2014, algorithm 1 with k = 1, and section 3.
    """
    for x_real, latents in zip(real_batches, latent_batches, strict=True):
        x_fake = forward(generator, latents, activation).output
        ascent = discriminator_gradients(discriminator, x_real, x_fake, activation)
        discriminator = sgd_step(discriminator, ascent, -learning_rate)
        descent = generator_gradients(
            generator, discriminator, latents, activation, "non-saturating"
        )
        generator = sgd_step(generator, descent, learning_rate)
    return generator, discriminator


def _tanh_derivative(z: Tensor) -> Tensor:
    return 1 - torch.tanh(z).square()


def _sigmoid_derivative(z: Tensor) -> Tensor:
    return torch.sigmoid(z) * torch.sigmoid(-z)


_FUNCTIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "leaky_relu": lambda z: torch.where(z > 0, z, _LEAK * z),
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}
_DERIVATIVES: dict[Activation, Callable[[Tensor], Tensor]] = {
    "relu": lambda z: (z > 0).to(z),
    "leaky_relu": lambda z: torch.where(z > 0, torch.ones_like(z), torch.full_like(z, _LEAK)),
    "tanh": _tanh_derivative,
    "sigmoid": _sigmoid_derivative,
}
