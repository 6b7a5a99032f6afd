"""Gradients at the discriminator's output as students get them wrong, and right."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from reference.gan_losses import (
    discriminator_objective,
    output_gradients,
    probability_gradients,
)
from reference.mistakes.catalogue import Mistake, Variant

Pair: TypeAlias = tuple[Tensor, Tensor]
Outputs: TypeAlias = Callable[[Tensor, Tensor], Pair]


def _times(real: float, fake: float) -> Callable[[Outputs], Outputs]:
    def around(outputs: Outputs) -> Outputs:
        def changed(*z: Tensor) -> Pair:
            of_real, of_fake = outputs(*z)
            return real * of_real, fake * of_fake

        return lambda z_real, z_fake: changed(z_real, z_fake)

    return around


_UNSIGNED, _SUMMED = (
    _times(-1.0, -1.0),
    "Your gradient grows with the batch; is the objective a mean?",
)

_PROBABILITY = (
    Mistake(
        "probability/sign",
        "probability_gradients",
        "D of a real example grows: does the objective grow, or fall?",
        lambda p_real, p_fake: _UNSIGNED(probability_gradients)(p_real, p_fake),
        around=lambda outputs: lambda p_real, p_fake: _UNSIGNED(outputs)(p_real, p_fake),
    ),
    Mistake(
        "probability/inner-derivative-forgotten",
        "probability_gradients",
        "What is the slope of 1 - D, by itself?",
        lambda p_real, p_fake: _times(1.0, -1.0)(probability_gradients)(p_real, p_fake),
        around=lambda outputs: lambda p_real, p_fake: _times(1.0, -1.0)(outputs)(p_real, p_fake),
    ),
    Mistake(
        "probability/batch-mean-forgotten",
        "probability_gradients",
        _SUMMED,
        lambda p_real, p_fake: (1 / p_real, -1 / (1 - p_fake)),
    ),
    Mistake(
        "probability/logarithm-left",
        "probability_gradients",
        "Do you return logarithms, or their slopes?",
        lambda p_real, p_fake: (
            torch.log(p_real) / len(p_real),
            torch.log(1 - p_fake) / len(p_fake),
        ),
    ),
    Mistake(
        "probability/fake-as-real",
        "probability_gradients",
        "What does the objective hold for generated examples: D, or one minus it?",
        lambda p_real, p_fake: (1 / (len(p_real) * p_real), -1 / (len(p_fake) * p_fake)),
    ),
)

_OUTPUT = (
    Mistake(
        "output/sign",
        "output_gradients",
        "The logit of a real example grows: does the objective grow, or fall?",
        lambda z_real, z_fake: _UNSIGNED(output_gradients)(z_real, z_fake),
        around=lambda outputs: lambda z_real, z_fake: _UNSIGNED(outputs)(z_real, z_fake),
    ),
    Mistake(
        "output/sigmoid-of-the-other-side",
        "output_gradients",
        "On which examples should the discriminator learn most: those it has right, or wrong?",
        lambda z_real, z_fake: (
            torch.sigmoid(z_real) / len(z_real),
            -torch.sigmoid(-z_fake) / len(z_fake),
        ),
        around=lambda outputs: lambda z_real, z_fake: outputs(-z_real, -z_fake),
    ),
    Mistake(
        "output/one-difference",
        "output_gradients",
        "Real and generated examples have logits of their own: is it one gradient, or two?",
        lambda z_real, z_fake: (
            (torch.sigmoid(-z_real) - torch.sigmoid(z_real)) / len(z_real),
            (torch.sigmoid(-z_fake) - torch.sigmoid(z_fake)) / len(z_fake),
        ),
    ),
    Mistake(
        "output/batch-mean-forgotten",
        "output_gradients",
        _SUMMED,
        lambda z_real, z_fake: (torch.sigmoid(-z_real), -torch.sigmoid(z_fake)),
    ),
    Mistake(
        "output/batch-mean-twice",
        "output_gradients",
        "Your gradient shrinks too fast as the batch grows; how often did you divide?",
        lambda z_real, z_fake: (
            torch.sigmoid(-z_real) / len(z_real) ** 2,
            -torch.sigmoid(z_fake) / len(z_fake) ** 2,
        ),
    ),
    Mistake(
        "output/mean-over-both-batches",
        "output_gradients",
        "The objective holds two expectations; over how many examples is each one?",
        lambda z_real, z_fake: (
            torch.sigmoid(-z_real) / (len(z_real) + len(z_fake)),
            -torch.sigmoid(z_fake) / (len(z_real) + len(z_fake)),
        ),
    ),
    Mistake(
        "output/of-the-probability",
        "output_gradients",
        "Between the logit and the probability stands one more function; where is its slope?",
        lambda z_real, z_fake: probability_gradients(torch.sigmoid(z_real), torch.sigmoid(z_fake)),
    ),
    Mistake(
        "output/sigmoid-slope-twice",
        "output_gradients",
        "The slope of the sigmoid has cancelled against the logarithm already; count it once.",
        lambda z_real, z_fake: (
            torch.sigmoid(-z_real) ** 2 * torch.sigmoid(z_real) / len(z_real),
            -(torch.sigmoid(z_fake) ** 2) * torch.sigmoid(-z_fake) / len(z_fake),
        ),
    ),
    Mistake(
        "output/logit-for-probability",
        "output_gradients",
        "The probability is not the logit itself; what lies between them?",
        lambda z_real, z_fake: ((1 - z_real) / len(z_real), -z_fake / len(z_fake)),
    ),
)

MISTAKES: tuple[Mistake, ...] = _PROBABILITY + _OUTPUT


def _probability_by_autograd(p_real: Tensor, p_fake: Tensor) -> Pair:
    real, fake = p_real.clone().requires_grad_(), p_fake.clone().requires_grad_()
    value = torch.log(real).mean() + torch.log(1 - fake).mean()
    found = torch.autograd.grad(value, (real, fake))
    return found[0], found[1]


def _output_by_autograd(z_real: Tensor, z_fake: Tensor) -> Pair:
    leaves = z_real.clone().requires_grad_(), z_fake.clone().requires_grad_()
    torch.autograd.backward(discriminator_objective(*leaves))
    grads = [leaf.grad for leaf in leaves if leaf.grad is not None]
    return grads[0], grads[1]


def _output_by_chain(z_real: Tensor, z_fake: Tensor) -> Pair:
    p_real, p_fake = torch.sigmoid(z_real), torch.sigmoid(z_fake)
    of_real, of_fake = probability_gradients(p_real, p_fake)
    return of_real * p_real * (1 - p_real), of_fake * p_fake * (1 - p_fake)


def _output_by_loop(z_real: Tensor, z_fake: Tensor) -> Pair:
    real = torch.stack([(1 - 1 / (1 + torch.exp(-z))) / len(z_real) for z in z_real])
    return real, torch.stack([-1 / (1 + torch.exp(-z)) / len(z_fake) for z in z_fake])


VARIANTS: tuple[Variant, ...] = (
    Variant("probability/formula", "probability_gradients", probability_gradients),
    Variant("probability/autograd", "probability_gradients", _probability_by_autograd),
    Variant(
        "probability/filled-in",
        "probability_gradients",
        lambda p_real, p_fake: (
            torch.ones_like(p_real).div(p_real) / p_real.numel(),
            torch.ones_like(p_fake).div(p_fake - 1) / p_fake.shape[0],
        ),
    ),
    Variant("output/formula", "output_gradients", output_gradients),
    Variant("output/autograd", "output_gradients", _output_by_autograd),
    Variant("output/chain", "output_gradients", _output_by_chain),
    Variant("output/loop", "output_gradients", _output_by_loop),
    Variant(
        "output/complement",
        "output_gradients",
        lambda z_real, z_fake: (
            (1 - torch.sigmoid(z_real)) / z_real.shape[0],
            (0 - torch.sigmoid(z_fake)) / z_fake.shape[0],
        ),
    ),
)
