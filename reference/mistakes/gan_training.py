"""Steps and their order as students get them wrong, and as they get them right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

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
    generator_gradients,
    sgd_step,
)
from reference.gan_losses import GeneratorLoss, output_gradients
from reference.mistakes.catalogue import Mistake, Variant
from reference.mistakes.gan_layers import added, flat, logits, paired, scaled, tracked

Training: TypeAlias = Callable[
    [Params, Params, Sequence[Tensor], Sequence[Tensor], Activation, float], tuple[Params, Params]
]


def _moved(
    params: Params,
    gradients: Params,
    learning_rate: float,
    of_bias: float = 1.0,
    of_rate: float = 1.0,
) -> Gradients:
    length = learning_rate**of_rate
    return tuple(
        Layer(weight - length * of_weight, bias - of_bias * length * slope)
        for (weight, bias), (of_weight, slope) in zip(params, gradients, strict=True)
    )


_STEP = (
    Mistake(
        "step/ascends",
        "sgd_step",
        "After your step the loss is higher: which way does the gradient point?",
        lambda params, gradients, learning_rate: _moved(params, gradients, -learning_rate),
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
    Mistake(
        "step/only-the-change",
        "sgd_step",
        "Do you return the parameters after the step, or the step?",
        lambda params, gradients, learning_rate: _moved(
            scaled(params, 0.0), gradients, learning_rate
        ),
    ),
)


@dataclass(frozen=True)
class _Way:
    """How one training differs from another; the defaults are right.

    Attributes:
        ascends: whether the discriminator goes up.
        loss: of the generator.
        generator_first: whether its step comes first.
        at_once: whether both gradients are taken before either step.
        keeps: whether gradients stay where they are from one round to the next.
        moves_discriminator: whether the generator's step moves the discriminator, too.
        moves_generator: whether the discriminator's step moves the generator, too.
        leaves: whether the generator's pass leaves its gradient in the discriminator.
        rounds: batches after which it returns; 0 for all.
    """

    ascends: bool = True
    loss: GeneratorLoss = "non-saturating"
    generator_first: bool = False
    at_once: bool = False
    keeps: bool = False
    moves_discriminator: bool = False
    moves_generator: bool = False
    leaves: bool = False
    rounds: int = 0


_RIGHT = _Way()


def _through_discriminator(
    generator: Params, discriminator: Params, latents: Tensor, activation: Activation
) -> tuple[Gradients, Gradients]:
    """Gradients of the generator's loss in the discriminator; of D's objective in the generator."""
    generated = forward(generator, latents, activation).output
    z = forward(discriminator, generated, activation).output
    of_loss, _ = back_propagate(discriminator, generated, -torch.sigmoid(-z) / len(z), activation)
    _, delta = output_gradients(z, z)
    _, of_input = back_propagate(discriminator, generated, delta, activation)
    return of_loss, back_propagate(generator, latents, of_input, activation)[0]


def _train(
    generator: Params,
    discriminator: Params,
    real_batches: Sequence[Tensor],
    latent_batches: Sequence[Tensor],
    activation: Activation,
    learning_rate: float,
    way: _Way = _RIGHT,
) -> tuple[Params, Params]:
    kept_d, kept_g = scaled(discriminator, 0.0), scaled(generator, 0.0)
    pairs = list(zip(real_batches, latent_batches, strict=True))
    for x_real, latents in pairs[: way.rounds or None]:
        if way.generator_first:
            first = generator_gradients(generator, discriminator, latents, activation, way.loss)
            generator = sgd_step(generator, first, learning_rate)
        x_fake = forward(generator, latents, activation).output
        ascent = discriminator_gradients(discriminator, x_real, x_fake, activation)
        ascent = added(ascent, kept_d)
        judge = discriminator
        rate = -learning_rate if way.ascends else learning_rate
        discriminator = sgd_step(discriminator, ascent, rate)
        if way.moves_generator:
            _, of_objective = _through_discriminator(generator, judge, latents, activation)
            generator = sgd_step(generator, of_objective, -learning_rate)
        if not way.at_once:
            judge = discriminator
        of_loss, _ = _through_discriminator(generator, judge, latents, activation)
        if not way.generator_first:
            descent = generator_gradients(generator, judge, latents, activation, way.loss)
            descent = added(descent, kept_g)
            generator = sgd_step(generator, descent, learning_rate)
            kept_g = descent if way.keeps else kept_g
        if way.moves_discriminator:
            discriminator = sgd_step(discriminator, of_loss, learning_rate)
        if way.leaves:
            kept_d = scaled(of_loss, -1.0)
        if way.keeps:
            kept_d = ascent
    return generator, discriminator


_TRAINING = tuple(
    Mistake(f"train/{name}", "train", says, partial(_train, way=way))
    for name, says, way in (
        (
            "discriminator-descends",
            "After a round, does the discriminator tell the two batches apart better, or worse?",
            replace(_RIGHT, ascends=False),
        ),
        (
            "saturating",
            "Which of its two losses should the generator be trained with?",
            replace(_RIGHT, loss="saturating"),
        ),
        (
            "generator-first",
            "Who goes first in each round?",
            replace(_RIGHT, generator_first=True),
        ),
        (
            "both-gradients-before-a-step",
            "Against which discriminator does the generator learn: before its step, or after?",
            replace(_RIGHT, at_once=True),
        ),
        (
            "gradients-kept",
            "What is left of the first batch's gradients when the second one comes?",
            replace(_RIGHT, keeps=True),
        ),
        (
            "discriminator-moved-by-the-generators-step",
            "In the generator's step, who is allowed to move?",
            replace(_RIGHT, moves_discriminator=True),
        ),
        (
            "generator-moved-by-the-discriminators-step",
            "In the discriminator's step, are generated examples constants to you?",
            replace(_RIGHT, moves_generator=True),
        ),
        (
            "generators-gradient-left-in-the-discriminator",
            "The generator's loss reaches the discriminator's weights on its way; who clears that?",
            replace(_RIGHT, leaves=True),
        ),
        (
            "first-batch-only",
            "You are given several batches; how many does your training see?",
            replace(_RIGHT, rounds=1),
        ),
    )
)


def _networks_swapped(
    generator: Params,
    discriminator: Params,
    real_batches: Sequence[Tensor],
    latent_batches: Sequence[Tensor],
    activation: Activation,
    learning_rate: float,
) -> tuple[Params, Params]:
    return _train(
        generator, discriminator, real_batches, latent_batches, activation, learning_rate
    )[::-1]


MISTAKES: tuple[Mistake, ...] = (
    *_STEP,
    *_TRAINING,
    Mistake(
        "train/networks-swapped",
        "train",
        "In which order are the two networks asked for?",
        _networks_swapped,
    ),
)


def _step_by_torch(params: Params, gradients: Params, learning_rate: float) -> Gradients:
    parameters = [torch.nn.Parameter(tensor.clone()) for tensor in flat(params)]
    for parameter, gradient in zip(parameters, flat(gradients), strict=True):
        parameter.grad = gradient.clone()
    torch.optim.SGD(parameters, lr=abs(learning_rate), maximize=learning_rate < 0).step()
    return paired([parameter.detach() for parameter in parameters])


def _step_in_place(
    params: Params, gradients: Params, learning_rate: float
) -> list[tuple[Tensor, Tensor]]:
    copies = [(weight.clone(), bias.clone()) for weight, bias in params]
    for (weight, bias), (of_weight, of_bias) in zip(copies, gradients, strict=True):
        weight -= learning_rate * of_weight
        bias -= learning_rate * of_bias
    return copies


def _by_optimizers(
    generator: Params,
    discriminator: Params,
    real_batches: Sequence[Tensor],
    latent_batches: Sequence[Tensor],
    activation: Activation,
    learning_rate: float,
    detached: bool = True,
) -> tuple[Params, Params]:
    """Without the detaching the generator gets gradients that are cleared before its own step."""
    own_g, own_d = tracked(generator), tracked(discriminator)
    of_g, of_d = (torch.optim.SGD(flat(own), lr=learning_rate) for own in (own_g, own_d))
    bce = F.binary_cross_entropy_with_logits
    for x_real, latents in zip(real_batches, latent_batches, strict=True):
        x_fake = logits(own_g, latents, activation)
        real = logits(own_d, x_real, activation)
        fake = logits(own_d, x_fake.detach() if detached else x_fake, activation)
        of_d.zero_grad()
        loss = bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))
        torch.autograd.backward(loss)
        of_d.step()
        of_g.zero_grad()
        judged = logits(own_d, logits(own_g, latents, activation), activation)
        torch.autograd.backward(bce(judged, torch.ones_like(judged)))
        of_g.step()
    return paired([t.detach() for t in flat(own_g)]), paired([t.detach() for t in flat(own_d)])


VARIANTS: tuple[Variant, ...] = (
    Variant("step/layer-by-layer", "sgd_step", _moved),
    Variant("step/torch", "sgd_step", _step_by_torch),
    Variant("step/in-place", "sgd_step", _step_in_place),
    Variant(
        "step/added",
        "sgd_step",
        lambda params, gradients, learning_rate: added(params, scaled(gradients, -learning_rate)),
    ),
    Variant("train/by-hand", "train", _train),
    Variant("train/optimizers", "train", _by_optimizers),
    Variant("train/not-detached-but-cleared", "train", partial(_by_optimizers, detached=False)),
)
