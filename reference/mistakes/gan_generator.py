"""The generator's gradients as students get them wrong, and as they get them right."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor

from reference.gan import (
    Activation,
    Gradients,
    Params,
    activation_derivative,
    back_propagate,
    forward,
    generator_gradients,
)
from reference.gan_losses import GeneratorLoss, generator_loss
from reference.mistakes.catalogue import Mistake, Variant
from reference.mistakes.gan_backward import (
    NOT_TRANSPOSED,
    PRIME_MISSING,
    Backward,
    sigmoid_twice,
)
from reference.mistakes.gan_layers import added, flat, logits, paired, scaled, tracked, without_bias

Answer: TypeAlias = Callable[[Params, Params, Tensor, Activation, GeneratorLoss], Gradients]


def _generator(
    generator: Params,
    discriminator: Params,
    latents: Tensor,
    activation: Activation,
    loss: GeneratorLoss,
    backward: Backward = back_propagate,
    outer: Backward | None = None,
    label: tuple[float, float] = (1.0, 1.0),
) -> Gradients:
    """`label` holds the factor of the gradient and the side of the sigmoid that it is taken on."""
    generated = forward(generator, latents, activation).output
    judged = label[1] * forward(discriminator, generated, activation).output
    slope = torch.sigmoid(judged if loss == "saturating" else -judged)
    delta = -label[0] * slope / len(latents)
    _, of_input = (outer or backward)(discriminator, generated, delta, activation)
    return backward(generator, latents, of_input, activation)[0]


def _always(always: GeneratorLoss) -> Answer:
    kinds: dict[GeneratorLoss, GeneratorLoss] = {"saturating": always, "non-saturating": always}
    return lambda generator, discriminator, latents, activation, loss: _generator(
        generator, discriminator, latents, activation, kinds[loss]
    )


def _after(change: Callable[[Gradients, int], Gradients]) -> Answer:
    return lambda generator, discriminator, latents, activation, loss: change(
        generator_gradients(generator, discriminator, latents, activation, loss), len(latents)
    )


def _slope_at_the_samples(
    params: Params, x: Tensor, delta: Tensor, activation: Activation
) -> tuple[Gradients, Tensor]:
    gradients, of_input = back_propagate(params, x, delta, activation)
    return gradients, of_input * activation_derivative(x, activation)


MISTAKES: tuple[Mistake, ...] = tuple(
    Mistake(f"generator/{name}", "generator_gradients", says, code)
    for name, says, code in (
        (
            "sign",
            "Take a small step against your gradient: is the discriminator fooled more, or less?",
            partial(_generator, label=(-1.0, 1.0)),
        ),
        (
            "target-flipped",
            "You train the generator towards the discriminator's own target; what should it call "
            "real?",
            partial(_generator, label=(-1.0, -1.0)),
        ),
        (
            "always-saturating",
            "Look at samples that the discriminator rejects with certainty: do they still teach?",
            _always("saturating"),
        ),
        (
            "always-non-saturating",
            "Compare your gradient with the minimax objective itself, not with its substitute.",
            _always("non-saturating"),
        ),
        (
            "batch-mean-forgotten",
            "Your gradient grows with the batch; is the loss a sum or a mean?",
            _after(lambda found, batch: scaled(found, float(batch))),
        ),
        (
            "batch-mean-twice",
            "Your gradient shrinks as the batch grows; how often did you divide?",
            _after(lambda found, batch: scaled(found, 1 / batch)),
        ),
        (
            "bias-forgotten",
            "Every layer has two parameters; which of them never learns in yours?",
            _after(lambda found, _: without_bias(found)),
        ),
        (
            "prime-missing",
            "Your gradients are right for networks without activations; what does each one add?",
            partial(_generator, backward=PRIME_MISSING),
        ),
        (
            "weight-not-transposed",
            "Going back through a layer, which index of its weights is summed over?",
            partial(_generator, backward=NOT_TRANSPOSED),
        ),
        (
            "sigmoid-slope-twice",
            "The slope of the sigmoid has cancelled against the logarithm already; count it once.",
            partial(_generator, outer=sigmoid_twice),
        ),
        (
            "prime-at-the-samples",
            "Does an activation stand between the generator's output and the discriminator?",
            partial(_generator, outer=_slope_at_the_samples),
        ),
    )
)


def _by_autograd(
    generator: Params,
    discriminator: Params,
    latents: Tensor,
    activation: Activation,
    loss: GeneratorLoss,
) -> Gradients:
    layers = tracked(generator)
    judged = logits(discriminator, logits(layers, latents, activation), activation)
    return paired(torch.autograd.grad(generator_loss(judged, loss), flat(layers)))


def _example_by_example(
    generator: Params,
    discriminator: Params,
    latents: Tensor,
    activation: Activation,
    loss: GeneratorLoss,
) -> Gradients:
    total = scaled(generator, 0.0)
    for latent in latents:
        alone = latent.unsqueeze(0)
        total = added(total, _generator(generator, discriminator, alone, activation, loss))
    return scaled(total, 1 / len(latents))


def _as_one_network(
    generator: Params,
    discriminator: Params,
    latents: Tensor,
    activation: Activation,
    loss: GeneratorLoss,
) -> list[tuple[Tensor, Tensor]]:
    """Both networks multiplied out where they meet: no activation stands there."""
    (of_samples, shift), (first, bias) = generator[-1], discriminator[0]
    joined = (first @ of_samples, first @ shift + bias)
    whole = [*generator[:-1], joined, *discriminator[1:]]
    z = forward(whole, latents, activation)
    p = torch.sigmoid(z.output)
    delta = (-p if loss == "saturating" else p - 1) / len(p)
    found, _ = back_propagate(whole, latents, delta, activation)
    meeting = found[len(generator) - 1]
    # z = W_d (W_g a + b_g) + b_d, so dL/db_g = W_d^T dL/dz, and dL/dW_g likewise.
    last = (first.T @ meeting.weight, first.T @ meeting.bias)
    return [*found[: len(generator) - 1], last]


def _discriminator_tracked_too(
    generator: Params,
    discriminator: Params,
    latents: Tensor,
    activation: Activation,
    loss: GeneratorLoss,
) -> list[list[Tensor | None]]:
    layers = tracked(generator)
    judged = logits(tracked(discriminator), logits(layers, latents, activation), activation)
    torch.autograd.backward(generator_loss(judged, loss))
    return [[weight.grad, bias.grad] for weight, bias in layers]


VARIANTS: tuple[Variant, ...] = (
    Variant("generator/chain", "generator_gradients", _generator),
    Variant("generator/autograd", "generator_gradients", _by_autograd),
    Variant("generator/loop", "generator_gradients", _example_by_example),
    Variant("generator/one-network", "generator_gradients", _as_one_network),
    Variant(
        "generator/discriminator-tracked-too", "generator_gradients", _discriminator_tracked_too
    ),
)
