"""The discriminator's gradients as students get them wrong, and as they get them right."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from reference.gan import (
    Layer,
    Perceptron,
    back_propagate,
    discriminator_gradients,
    forward,
)
from reference.mistakes.catalogue import Mistake, Variant
from reference.mistakes.gan_backward import (
    NOT_TRANSPOSED,
    PRIME_MISSING,
    PRIME_OF_ACTIVATED,
    Backward,
    Gradients,
    added,
    scaled,
    sigmoid_twice,
)


def _discriminator(
    discriminator: Perceptron,
    x_real: Tensor,
    x_fake: Tensor,
    backward: Backward = back_propagate,
    halves: tuple[float, float] = (1.0, 1.0),
) -> Gradients:
    real, fake = forward(discriminator, x_real), forward(discriminator, x_fake)
    delta_real = halves[0] * torch.sigmoid(-real.output) / len(x_real)
    delta_fake = -halves[1] * torch.sigmoid(fake.output) / len(x_fake)
    of_real, _ = backward(discriminator, real, delta_real)
    of_fake, _ = backward(discriminator, fake, delta_fake)
    return added(of_real, of_fake)


def _one_cache(discriminator: Perceptron, x_real: Tensor, x_fake: Tensor) -> Gradients:
    real, fake = forward(discriminator, x_real), forward(discriminator, x_fake)
    delta = torch.sigmoid(-real.output) - torch.sigmoid(fake.output)
    return back_propagate(discriminator, fake, delta / len(x_fake))[0]


def _without_bias(discriminator: Perceptron, x_real: Tensor, x_fake: Tensor) -> Gradients:
    right = discriminator_gradients(discriminator, x_real, x_fake)
    return tuple(layer._replace(bias=torch.zeros_like(layer.bias)) for layer in right)


MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "discriminator/sign",
        "discriminator_gradients",
        "Take a small step along your gradient: does the objective go the way you want?",
        partial(_discriminator, halves=(-1.0, -1.0)),
    ),
    Mistake(
        "discriminator/real-and-fake-swapped",
        "discriminator_gradients",
        "Which of the two batches should the discriminator learn to call real?",
        lambda discriminator, x_real, x_fake: discriminator_gradients(
            discriminator, x_fake, x_real
        ),
    ),
    Mistake(
        "discriminator/prime-missing",
        "discriminator_gradients",
        "Your gradients are right for a network without activations; what does each one add?",
        partial(_discriminator, backward=PRIME_MISSING),
    ),
    Mistake(
        "discriminator/prime-after-activation",
        "discriminator_gradients",
        "At which point is the activation's slope taken: before or after it has acted?",
        partial(_discriminator, backward=PRIME_OF_ACTIVATED),
    ),
    Mistake(
        "discriminator/weight-not-transposed",
        "discriminator_gradients",
        "Going back through a layer, which index of its weights is summed over?",
        partial(_discriminator, backward=NOT_TRANSPOSED),
    ),
    Mistake(
        "discriminator/batch-mean-forgotten",
        "discriminator_gradients",
        "Your gradient grows with the batch; is the objective a sum or a mean?",
        lambda discriminator, x_real, x_fake: _discriminator(
            discriminator, x_real, x_fake, halves=(float(len(x_real)), float(len(x_fake)))
        ),
    ),
    Mistake(
        "discriminator/mean-over-both-batches",
        "discriminator_gradients",
        "The objective holds two expectations; over how many examples is each one?",
        lambda discriminator, x_real, x_fake: _discriminator(
            discriminator,
            x_real,
            x_fake,
            halves=(
                len(x_real) / (len(x_real) + len(x_fake)),
                len(x_fake) / (len(x_real) + len(x_fake)),
            ),
        ),
    ),
    Mistake(
        "discriminator/bias-forgotten",
        "discriminator_gradients",
        "Every layer has two parameters; which of them never learns in yours?",
        _without_bias,
    ),
    Mistake(
        "discriminator/fake-half-only",
        "discriminator_gradients",
        "Change the real batch: does your gradient notice?",
        partial(_discriminator, halves=(0.0, 1.0)),
    ),
    Mistake(
        "discriminator/real-half-only",
        "discriminator_gradients",
        "Change the generated batch: does your gradient notice?",
        partial(_discriminator, halves=(1.0, 0.0)),
    ),
    Mistake(
        "discriminator/sigmoid-slope-twice",
        "discriminator_gradients",
        "The slope of the sigmoid has cancelled against the logarithm already; count it once.",
        partial(_discriminator, backward=sigmoid_twice),
    ),
    Mistake(
        "discriminator/one-cache",
        "discriminator_gradients",
        "The second forward pass has overwritten something that the first still needs.",
        _one_cache,
    ),
)


def _logits(layers: Gradients, activation: str, x: Tensor) -> Tensor:
    functions: dict[str, Callable[[Tensor], Tensor]] = {
        "relu": F.relu,
        "leaky_relu": F.leaky_relu,
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
        "softplus": F.softplus,
    }
    for index, layer in enumerate(layers):
        x = F.linear(functions[activation](x) if index else x, layer.weight, layer.bias)
    return x


def _by_autograd(discriminator: Perceptron, x_real: Tensor, x_fake: Tensor) -> Gradients:
    layers = tuple(
        Layer(layer.weight.detach().requires_grad_(), layer.bias.detach().requires_grad_())
        for layer in discriminator.layers
    )
    real = _logits(layers, discriminator.activation, x_real)
    fake = _logits(layers, discriminator.activation, x_fake)
    loss = F.binary_cross_entropy_with_logits(real, torch.ones_like(real))
    loss = loss + F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
    flat = torch.autograd.grad(-loss, [tensor for layer in layers for tensor in layer])
    return tuple(Layer(*flat[index : index + 2]) for index in range(0, len(flat), 2))


def _in_one_batch(discriminator: Perceptron, x_real: Tensor, x_fake: Tensor) -> Gradients:
    cache = forward(discriminator, torch.cat([x_real, x_fake]))
    real, fake = cache.output[: len(x_real)], cache.output[len(x_real) :]
    probability_real, probability_fake = torch.sigmoid(real), torch.sigmoid(fake)
    delta = torch.cat([(1 - probability_real) / len(x_real), -probability_fake / len(x_fake)])
    return back_propagate(discriminator, cache, delta)[0]


def _example_by_example(discriminator: Perceptron, x_real: Tensor, x_fake: Tensor) -> Gradients:
    total = scaled(discriminator.layers, 0.0)
    for x, label in [(x, 1) for x in x_real] + [(x, 0) for x in x_fake]:
        cache = forward(discriminator, x.unsqueeze(0))
        delta = label - torch.sigmoid(cache.output)
        gradients, _ = back_propagate(discriminator, cache, delta)
        total = added(total, scaled(gradients, 1 / len(x_real if label else x_fake)))
    return total


VARIANTS: tuple[Variant, ...] = (
    Variant("discriminator/autograd", "discriminator_gradients", _by_autograd),
    Variant("discriminator/one-batch", "discriminator_gradients", _in_one_batch),
    Variant("discriminator/loop", "discriminator_gradients", _example_by_example),
    Variant("discriminator/two-passes", "discriminator_gradients", _discriminator),
)
