"""Ways in which students write the GAN's functions, right ones and wrong ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from grader.checks.verdict import Outcome
from reference import gan, gan_losses
from tests.assignments.test_gan_backprop import checks_of, judged

DERIVATIVE: Any = gan.activation_derivative


def slope_as_truth_values(z: Tensor, activation: str) -> Tensor:
    """True has the slope one."""
    return z > 0 if activation == "relu" else DERIVATIVE(z, activation)


def slope_as_whole_numbers(z: Tensor, activation: str) -> Tensor:
    return (z > 0) * 1 if activation == "relu" else DERIVATIVE(z, activation)


def slope_by_exponentials(z: Tensor, activation: str) -> Tensor:
    if activation == "sigmoid":
        return torch.exp(-z.abs()) / (1 + torch.exp(-z.abs())) ** 2
    return 1 / torch.cosh(z) ** 2 if activation == "tanh" else DERIVATIVE(z, activation)


def outputs_by_two_slopes(z_real: Tensor, z_fake: Tensor) -> tuple[Tensor, ...]:
    """Through D and through the slope of the sigmoid, whose roundings do not cancel."""
    slopes = gan_losses.probability_gradients(torch.sigmoid(z_real), torch.sigmoid(z_fake))
    return tuple(
        slope * slope_by_exponentials(z, "sigmoid")
        for slope, z in zip(slopes, (z_real, z_fake), strict=True)
    )


def outputs_in_arrays(z_real: Tensor, z_fake: Tensor) -> list[Any]:
    real, fake = gan_losses.output_gradients(z_real, z_fake)
    return [np.asarray(real), np.asarray(fake)]


def example_by_example(
    params: Any, x: Tensor, delta: Tensor, activation: str
) -> tuple[list[list[Tensor]], Tensor]:
    """Lists for pairs, sums in a loop."""
    total = [[torch.zeros_like(part) for part in layer] for layer in params]
    rows = []
    for row, slope in zip(x, delta, strict=True):
        layers, of_row = gan.back_propagate(params, row[None], slope[None], activation)
        rows.append(of_row[0])
        for sums, parts in zip(total, layers, strict=True):
            for one, part in zip(sums, parts, strict=True):
                one += part
    return total, torch.stack(rows)


RIGHT: list[tuple[str, Callable[..., Any]]] = [
    ("activation_derivative", slope_as_truth_values),
    ("activation_derivative", slope_as_whole_numbers),
    ("activation_derivative", slope_by_exponentials),
    ("output_gradients", outputs_by_two_slopes),
    ("output_gradients", outputs_in_arrays),
    ("back_propagate", example_by_example),
]


@pytest.mark.parametrize(
    ("function", "code"), RIGHT, ids=lambda part: getattr(part, "__name__", part)
)
def test_right_ways_of_writing_pass(function: str, code: Callable[..., Any]) -> None:
    for check in checks_of(function):
        verdict = judged(check, {function: code})
        assert verdict.verdict is Outcome.PASSED, verdict.message


def columns_for_biases(params: Any, x: Tensor, delta: Tensor, activation: str) -> Any:
    """sum(0, keepdim=True): sums that are rows, where biases have one axis."""
    layers, of_input = gan.back_propagate(params, x, delta, activation)
    return [(weight, bias[None]) for weight, bias in layers], of_input


def test_a_bias_with_an_axis_too_many_costs_its_points_once() -> None:
    own = {"back_propagate": columns_for_biases}

    def discriminator(params: Any, x_real: Tensor, x_fake: Tensor, activation: str) -> Any:
        right = gan.discriminator_gradients(params, x_real, x_fake, activation)
        return [(weight, bias[None]) for weight, bias in right]

    replaced = own | {"discriminator_gradients": discriminator}
    assert any(judged(c, own).verdict is not Outcome.PASSED for c in checks_of("back_propagate"))
    for check in checks_of("discriminator_gradients"):
        verdict = judged(check, replaced)
        assert verdict.verdict is Outcome.PASSED, verdict.message


def unit_step(params: Any, gradients: Any, learning_rate: float) -> Any:
    """Moves by the learning rate, however long the gradient is."""
    return [
        tuple(p - learning_rate * g / (g.norm() + 1e-8) for p, g in zip(layer, slopes, strict=True))
        for layer, slopes in zip(params, gradients, strict=True)
    ]


def trained_by_unit_steps(
    generator: Any, discriminator: Any, real: Any, latents: Any, activation: str, rate: float
) -> Any:
    found: Any = gan
    for x_real, z in zip(real, latents, strict=True):
        x_fake = found.forward(generator, z, activation)[1][-1]
        ascent = found.discriminator_gradients(discriminator, x_real, x_fake, activation)
        discriminator = unit_step(discriminator, ascent, -rate)
        descent = found.generator_gradients(
            generator, discriminator, z, activation, "non-saturating"
        )
        generator = unit_step(generator, descent, rate)
    return generator, discriminator


def test_a_wrong_step_costs_nothing_in_the_training_that_is_built_of_it() -> None:
    replaced = {"sgd_step": unit_step, "train": trained_by_unit_steps}
    assert any(judged(c, replaced).verdict is not Outcome.PASSED for c in checks_of("sgd_step"))
    for check in checks_of("train"):
        verdict = judged(check, replaced)
        assert verdict.verdict is Outcome.PASSED, verdict.message


def surest_loses_its_sign(z_real: Tensor, z_fake: Tensor) -> tuple[Tensor, Tensor]:
    return torch.sigmoid(-z_real) / len(z_real), torch.sigmoid(z_fake) / len(z_fake)


def of_the_probability(z_real: Tensor, z_fake: Tensor) -> tuple[Tensor, Tensor]:
    real, fake = torch.sigmoid(z_real), torch.sigmoid(z_fake)
    return 1 / real / len(real), -1 / (1 - fake) / len(fake)


@pytest.mark.parametrize("code", [surest_loses_its_sign, of_the_probability])
def test_wrong_slopes_in_the_logits_fail_every_check(code: Callable[..., Any]) -> None:
    for check in checks_of("output_gradients"):
        assert judged(check, {"output_gradients": code}).verdict is Outcome.FAILED
