"""Gradients by autograd, and how far rounding may carry an honest answer from them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from assignments.gan_backprop.definitions import (
    Case,
    Network,
    expected,
    flat,
    logits,
    loss_of_generator,
    names_of,
    objective,
    wide,
    widened,
)
from grader.checks import Array, Expected


def reach(params: Network, size: Array) -> list[Array]:
    """Sums of absolute terms of what each layer reads, and last of what the network returns.

    No activation is steeper than one, and none but the sigmoid exceeds its argument, by one.

    Args:
        params: of L layers.
        size: of what the network reads, (B, inputs).
    """
    found = [size.astype(np.float64)]
    for weight, bias in params:
        found.append(found[-1] @ np.abs(weight.T.astype(np.float64)) + np.abs(bias) + 1.0)
    return found


def sizes_back(params: Network, read: Sequence[Array], delta: Array) -> tuple[list[Array], Array]:
    """Sums of absolute terms of the gradients of all parameters, and of the input.

    A slope g'(z) carries the rounding of z, hence the factor 1 + |z| at every layer.

    Args:
        params: of L layers.
        read: from `reach`.
        delta: size of the gradient with respect to the last pre-activation, (B, outputs).
    """
    found: list[Array] = []
    for index in reversed(range(len(params))):
        found = [delta.T @ read[index], delta.sum(axis=0), *found]
        delta = delta @ np.abs(params[index][0].astype(np.float64))
        if index > 0:
            delta = delta * (1 + read[index])
    return found, delta


def of_back_propagation(params: Network, x: Array, delta: Array, activation: str) -> list[Expected]:
    """Gradients of the parameters, and last that of x, from that of the output."""
    layers, leaf = wide(params, tracked=True), widened(x).requires_grad_()
    weighted = (logits(layers, leaf, activation) * widened(delta)).sum()
    found = torch.autograd.grad(weighted, [*flat(layers), leaf])
    sizes, of_input = sizes_back(params, reach(params, np.abs(x)), np.abs(delta))
    says = [f"the gradient of {name} by automatic differentiation" for name in names_of(params)]
    says.append("the gradient of x by automatic differentiation")
    return expected(found, [*sizes, of_input], says)


def of_discriminator(
    params: Network, x_real: Array, x_fake: Array, activation: str
) -> list[Expected]:
    """Gradients of the objective, W1, b1, W2, b2 and so on."""
    layers = wide(params, tracked=True)
    z_real, z_fake = (logits(layers, widened(x), activation) for x in (x_real, x_fake))
    found = torch.autograd.grad(objective(z_real, z_fake), flat(layers))
    real, fake = (_sizes_of_batch(params, np.abs(x)) for x in (x_real, x_fake))
    says = [f"the objective's gradient of {name}" for name in names_of(params)]
    return expected(found, [a + b for a, b in zip(real, fake, strict=True)], says)


def _sizes_of_batch(params: Network, size: Array) -> list[Array]:
    read = reach(params, size)
    return sizes_back(params, read, (1 + read[-1]) / len(size))[0]


def of_generator(
    generator: Network, discriminator: Network, latents: Array, activation: str, loss: str
) -> list[Expected]:
    """Gradients of the generator's loss, W1, b1, W2, b2 and so on."""
    layers = wide(generator, tracked=True)
    samples = logits(layers, widened(latents), activation)
    value = loss_of_generator(logits(wide(discriminator), samples, activation), loss)
    found = torch.autograd.grad(value, flat(layers))
    below = reach(generator, np.abs(latents))
    above = reach(discriminator, below[-1])
    _, delta = sizes_back(discriminator, above, (1 + above[-1]) / len(latents))
    sizes, _ = sizes_back(generator, below, delta)
    says = [f"the gradient of {name} of the generator" for name in names_of(generator)]
    return expected(found, sizes, says)


def moved(params: Network, gradients: Sequence[Expected], rate: float) -> tuple[Network, Array]:
    """Parameters after one step against the gradients, in float64, and the largest size met."""
    steps = [rate * each.value for each in gradients]
    parts = [part - step for part, step in zip(flat(params), steps, strict=True)]
    largest = max(float(np.max(each.scale)) for each in gradients if each.scale is not None)
    return list(zip(parts[::2], parts[1::2], strict=True)), np.asarray(abs(rate) * largest)


def of_training(
    case: Case, real: Sequence[Array], latents: Sequence[Array], rate: float
) -> tuple[list[Expected], list[Expected]]:
    """Generator and discriminator after a round for each pair of batches."""
    generator, discriminator = case.generator, case.discriminator
    growth = np.ones(())
    for x_real, z in zip(real, latents, strict=True):
        x_fake = outputs(generator, z, case.activation)
        ascent = of_discriminator(discriminator, x_real, x_fake, case.activation)
        discriminator, up = moved(discriminator, ascent, -rate)
        descent = of_generator(generator, discriminator, z, case.activation, "non-saturating")
        generator, down = moved(generator, descent, rate)
        # An error in the parameters moves the next gradient by no more than its own size.
        growth = growth * (1 + up + down)
    return (
        _after_training(generator, "generator", growth),
        _after_training(discriminator, "discriminator", growth),
    )


def _after_training(params: Network, whose: str, growth: Array) -> list[Expected]:
    return [
        Expected(part, growth * (1 + np.abs(part)), f"{name} of the {whose} after training")
        for name, part in zip(names_of(params), flat(params), strict=True)
    ]


def outputs(params: Network, x: Array, activation: str) -> Array:
    """What the network returns, in float64."""
    value: Tensor = logits(wide(params), widened(x), activation)
    return np.asarray(value.numpy())
