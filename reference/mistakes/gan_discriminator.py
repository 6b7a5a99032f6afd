"""The discriminator's gradients as students get them wrong, and as they get them right."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from reference.gan import (
    Activation,
    Gradients,
    Layer,
    Params,
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
    sigmoid_twice,
)
from reference.mistakes.gan_layers import added, flat, logits, paired, scaled, tracked, without_bias


def _discriminator(
    params: Params,
    x_real: Tensor,
    x_fake: Tensor,
    activation: Activation,
    backward: Backward = back_propagate,
    halves: tuple[float, float] = (1.0, 1.0),
) -> Gradients:
    of_real = halves[0] * torch.sigmoid(-forward(params, x_real, activation).output)
    of_fake = -halves[1] * torch.sigmoid(forward(params, x_fake, activation).output)
    return added(
        backward(params, x_real, of_real / len(x_real), activation)[0],
        backward(params, x_fake, of_fake / len(x_fake), activation)[0],
    )


def _one_cache(params: Params, x_real: Tensor, x_fake: Tensor, activation: Activation) -> Gradients:
    real, fake = (forward(params, x, activation).output for x in (x_real, x_fake))
    delta = torch.sigmoid(-real) - torch.sigmoid(fake)
    return back_propagate(params, x_fake, delta / len(x_fake), activation)[0]


def _logit_for_probability(
    params: Params, x_real: Tensor, x_fake: Tensor, activation: Activation
) -> Gradients:
    real, fake = (forward(params, x, activation).output for x in (x_real, x_fake))
    return added(
        back_propagate(params, x_real, (1 - real) / len(real), activation)[0],
        back_propagate(params, x_fake, -fake / len(fake), activation)[0],
    )


def _weighted(
    params: Params, x_real: Tensor, x_fake: Tensor, activation: Activation, power: float
) -> Gradients:
    halves = (float(len(x_real)) ** power, float(len(x_fake)) ** power)
    return _discriminator(params, x_real, x_fake, activation, halves=halves)


MISTAKES: tuple[Mistake, ...] = tuple(
    Mistake(f"discriminator/{name}", "discriminator_gradients", says, code)
    for name, says, code in (
        (
            "sign",
            "Take a small step along your gradient: does the objective go the way you want?",
            partial(_discriminator, halves=(-1.0, -1.0)),
        ),
        (
            "real-and-fake-swapped",
            "Which of the two batches should the discriminator learn to call real?",
            lambda params, x_real, x_fake, activation: discriminator_gradients(
                params, x_fake, x_real, activation
            ),
        ),
        (
            "one-target-for-both",
            "With your targets, can the discriminator win by calling everything real?",
            lambda params, x_real, x_fake, activation: added(
                _discriminator(params, x_real, x_real, activation, halves=(1.0, 0.0)),
                _discriminator(params, x_fake, x_fake, activation, halves=(1.0, 0.0)),
            ),
        ),
        (
            "prime-missing",
            "Your gradients are right for a network without activations; what does each one add?",
            partial(_discriminator, backward=PRIME_MISSING),
        ),
        (
            "prime-after-activation",
            "At which point is the activation's slope taken: before or after it has acted?",
            partial(_discriminator, backward=PRIME_OF_ACTIVATED),
        ),
        (
            "weight-not-transposed",
            "Going back through a layer, which index of its weights is summed over?",
            partial(_discriminator, backward=NOT_TRANSPOSED),
        ),
        (
            "batch-mean-forgotten",
            "Your gradient grows with the batch; is the objective a sum or a mean?",
            partial(_weighted, power=1.0),
        ),
        (
            "batch-mean-twice",
            "Your gradient shrinks too fast as the batch grows; how often did you divide?",
            partial(_weighted, power=-1.0),
        ),
        (
            "mean-over-both-batches",
            "The objective holds two expectations; over how many examples is each one?",
            lambda params, x_real, x_fake, activation: _discriminator(
                params,
                x_real,
                x_fake,
                activation,
                halves=(
                    len(x_real) / (len(x_real) + len(x_fake)),
                    len(x_fake) / (len(x_real) + len(x_fake)),
                ),
            ),
        ),
        (
            "bias-forgotten",
            "Every layer has two parameters; which of them never learns in yours?",
            lambda params, x_real, x_fake, activation: without_bias(
                discriminator_gradients(params, x_real, x_fake, activation)
            ),
        ),
        (
            "fake-half-only",
            "Change the real batch: does your gradient notice?",
            partial(_discriminator, halves=(0.0, 1.0)),
        ),
        (
            "real-half-only",
            "Change the generated batch: does your gradient notice?",
            partial(_discriminator, halves=(1.0, 0.0)),
        ),
        (
            "sigmoid-slope-twice",
            "The slope of the sigmoid has cancelled against the logarithm already; count it once.",
            partial(_discriminator, backward=sigmoid_twice),
        ),
        (
            "logit-for-probability",
            "The probability is not the logit itself; what lies between them?",
            _logit_for_probability,
        ),
        (
            "one-cache",
            "The second forward pass has overwritten something that the first still needs.",
            _one_cache,
        ),
    )
)


def _by_autograd(
    params: Params, x_real: Tensor, x_fake: Tensor, activation: Activation
) -> Gradients:
    layers = tracked(params)
    real, fake = logits(layers, x_real, activation), logits(layers, x_fake, activation)
    loss = F.binary_cross_entropy_with_logits(real, torch.ones_like(real))
    loss = loss + F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
    return paired(torch.autograd.grad(-loss, flat(layers)))


def _in_one_batch(
    params: Params, x_real: Tensor, x_fake: Tensor, activation: Activation
) -> Gradients:
    x = torch.cat([x_real, x_fake])
    output = forward(params, x, activation).output
    real, fake = (torch.sigmoid(z) for z in (output[: len(x_real)], output[len(x_real) :]))
    delta = torch.cat([(1 - real) / len(x_real), -fake / len(x_fake)])
    return back_propagate(params, x, delta, activation)[0]


def _example_by_example(
    params: Params, x_real: Tensor, x_fake: Tensor, activation: Activation
) -> Gradients:
    total = scaled(params, 0.0)
    for x, label in [(x, 1) for x in x_real] + [(x, 0) for x in x_fake]:
        output = forward(params, x.unsqueeze(0), activation).output
        delta = label - torch.sigmoid(output)
        gradients, _ = back_propagate(params, x.unsqueeze(0), delta, activation)
        total = added(total, scaled(gradients, 1 / len(x_real if label else x_fake)))
    return total


def _as_lists(
    params: Params, x_real: Tensor, x_fake: Tensor, activation: Activation
) -> list[list[Tensor]]:
    total = [[torch.zeros_like(weight), torch.zeros_like(bias)] for weight, bias in params]
    for x, label in ((x_real, 1.0), (x_fake, 0.0)):
        cache = forward(params, x, activation)
        delta = (label - torch.sigmoid(cache.output)) / x.shape[0]
        found, _ = back_propagate(params, x, delta, activation)
        for entry, layer in zip(total, found, strict=True):
            entry[0] += layer.weight
            entry[1] += layer.bias
    return total


def _by_backward_twice(
    params: Params, x_real: Tensor, x_fake: Tensor, activation: Activation
) -> Gradients:
    layers = tracked(params)
    p_real, p_fake = (torch.sigmoid(logits(layers, x, activation)) for x in (x_real, x_fake))
    torch.autograd.backward(torch.log(p_real).mean())
    torch.autograd.backward(torch.log(1 - p_fake).mean())
    return tuple(
        Layer(weight.grad, bias.grad)
        for weight, bias in layers
        if weight.grad is not None and bias.grad is not None
    )


VARIANTS: tuple[Variant, ...] = (
    Variant("discriminator/two-passes", "discriminator_gradients", _discriminator),
    Variant("discriminator/autograd", "discriminator_gradients", _by_autograd),
    Variant("discriminator/backward-twice", "discriminator_gradients", _by_backward_twice),
    Variant("discriminator/one-batch", "discriminator_gradients", _in_one_batch),
    Variant("discriminator/loop", "discriminator_gradients", _example_by_example),
    Variant("discriminator/lists", "discriminator_gradients", _as_lists),
)
