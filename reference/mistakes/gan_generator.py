"""The generator's gradients and a step as students get them wrong, and as they get them right."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from reference.gan import (
    GeneratorLoss,
    Layer,
    Perceptron,
    back_propagate,
    forward,
    generator_gradients,
    generator_loss,
)
from reference.mistakes.catalogue import Mistake, Variant
from reference.mistakes.gan_backward import (
    NOT_TRANSPOSED,
    PRIME_MISSING,
    Backward,
    Gradients,
    added,
    scaled,
    sigmoid_twice,
)


def _generator(
    generator: Perceptron,
    discriminator: Perceptron,
    latents: Tensor,
    loss: GeneratorLoss,
    backward: Backward = back_propagate,
    label: float = 1.0,
    always: GeneratorLoss | None = None,
) -> Gradients:
    generated = forward(generator, latents)
    judged = forward(discriminator, generated.output)
    slope = torch.sigmoid(judged.output if (always or loss) == "saturating" else -judged.output)
    delta = -label * slope / len(latents)
    _, of_input = backward(discriminator, judged, delta)
    return backward(generator, generated, of_input)[0]


def _moved(
    network: Perceptron,
    gradients: Gradients,
    learning_rate: float,
    of_bias: float = 1.0,
    of_rate: float = 1.0,
) -> Perceptron:
    length = learning_rate**of_rate
    layers = tuple(
        Layer(layer.weight - length * slope.weight, layer.bias - of_bias * length * slope.bias)
        for layer, slope in zip(network.layers, gradients, strict=True)
    )
    return network._replace(layers=layers)


def _through_sigmoid_twice(
    generator: Perceptron, discriminator: Perceptron, latents: Tensor, loss: GeneratorLoss
) -> Tensor:
    judged = forward(discriminator, forward(generator, latents).output)
    slope = torch.sigmoid(judged.output if loss == "saturating" else -judged.output)
    return sigmoid_twice(discriminator, judged, -slope / len(latents))[1]


_GENERATOR = (
    Mistake(
        "generator/sign",
        "generator_gradients",
        "Take a small step against your gradient: is the discriminator fooled more, or less?",
        partial(_generator, label=-1.0),
    ),
    Mistake(
        "generator/always-saturating",
        "generator_gradients",
        "Look at samples that the discriminator rejects with certainty: do they still teach?",
        partial(_generator, always="saturating"),
    ),
    Mistake(
        "generator/always-non-saturating",
        "generator_gradients",
        "Compare your gradient with the minimax objective itself, not with its substitute.",
        partial(_generator, always="non-saturating"),
    ),
    Mistake(
        "generator/batch-mean-forgotten",
        "generator_gradients",
        "Your gradient grows with the batch; is the loss a sum or a mean?",
        lambda generator, discriminator, latents, loss: scaled(
            generator_gradients(generator, discriminator, latents, loss), float(len(latents))
        ),
    ),
    Mistake(
        "generator/batch-mean-twice",
        "generator_gradients",
        "Your gradient shrinks as the batch grows; how often did you divide?",
        lambda generator, discriminator, latents, loss: scaled(
            generator_gradients(generator, discriminator, latents, loss), 1 / len(latents)
        ),
    ),
    Mistake(
        "generator/prime-missing",
        "generator_gradients",
        "Your gradients are right for networks without activations; what does each one add?",
        partial(_generator, backward=PRIME_MISSING),
    ),
    Mistake(
        "generator/weight-not-transposed",
        "generator_gradients",
        "Going back through a layer, which index of its weights is summed over?",
        partial(_generator, backward=NOT_TRANSPOSED),
    ),
    Mistake(
        "generator/sigmoid-slope-twice",
        "generator_gradients",
        "The slope of the sigmoid has cancelled against the logarithm already; count it once.",
        lambda generator, discriminator, latents, loss: back_propagate(
            generator,
            forward(generator, latents),
            _through_sigmoid_twice(generator, discriminator, latents, loss),
        )[0],
    ),
)

_STEP = (
    Mistake(
        "step/ascends",
        "sgd_step",
        "After your step the loss is higher: which way does the gradient point?",
        lambda network, gradients, learning_rate: _moved(network, gradients, -learning_rate),
    ),
    Mistake(
        "step/bias-left",
        "sgd_step",
        "Every layer has two parameters; which of them never moves in yours?",
        partial(_moved, of_bias=0.0),
    ),
    Mistake(
        "step/rate-ignored",
        "sgd_step",
        "Halve the learning rate: does your step get shorter?",
        partial(_moved, of_rate=0.0),
    ),
)

MISTAKES: tuple[Mistake, ...] = _GENERATOR + _STEP


def _by_autograd(
    generator: Perceptron, discriminator: Perceptron, latents: Tensor, loss: GeneratorLoss
) -> Gradients:
    layers = tuple(
        Layer(layer.weight.detach().requires_grad_(), layer.bias.detach().requires_grad_())
        for layer in generator.layers
    )
    value = generator_loss(generator._replace(layers=layers), discriminator, latents, loss)
    flat = torch.autograd.grad(value, [tensor for layer in layers for tensor in layer])
    return tuple(Layer(*flat[index : index + 2]) for index in range(0, len(flat), 2))


def _example_by_example(
    generator: Perceptron, discriminator: Perceptron, latents: Tensor, loss: GeneratorLoss
) -> Gradients:
    total = scaled(generator.layers, 0.0)
    for latent in latents:
        total = added(total, _generator(generator, discriminator, latent.unsqueeze(0), loss))
    return scaled(total, 1 / len(latents))


def _step_by_torch(network: Perceptron, gradients: Gradients, learning_rate: float) -> Perceptron:
    parameters = [
        torch.nn.Parameter(tensor.clone()) for layer in network.layers for tensor in layer
    ]
    for parameter, gradient in zip(
        parameters, [tensor for layer in gradients for tensor in layer], strict=True
    ):
        parameter.grad = gradient
    torch.optim.SGD(parameters, lr=learning_rate).step()
    layers = tuple(
        Layer(parameters[index].detach(), parameters[index + 1].detach())
        for index in range(0, len(parameters), 2)
    )
    return network._replace(layers=layers)


def _step_by_adding(network: Perceptron, gradients: Gradients, learning_rate: float) -> Perceptron:
    return network._replace(layers=added(network.layers, scaled(gradients, -learning_rate)))


VARIANTS: tuple[Variant, ...] = (
    Variant("generator/autograd", "generator_gradients", _by_autograd),
    Variant("generator/loop", "generator_gradients", _example_by_example),
    Variant("generator/chain", "generator_gradients", _generator),
    Variant("step/torch", "sgd_step", _step_by_torch),
    Variant("step/added", "sgd_step", _step_by_adding),
    Variant("step/layer-by-layer", "sgd_step", _moved),
)
