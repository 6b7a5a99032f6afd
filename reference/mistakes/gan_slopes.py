"""Slopes of activations as students get them wrong, and as they get them right."""

from __future__ import annotations

import torch
from torch import Tensor

from reference.gan import Activation, activation_derivative
from reference.mistakes.catalogue import Mistake, Variant
from reference.mistakes.gan_layers import FUNCTIONS


def slope_of_activated(z: Tensor, activation: Activation) -> Tensor:
    """The slope at what the activation returns, not at what it is given."""
    return activation_derivative(FUNCTIONS[activation](z), activation)


MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "slope/formula-of-the-output",
        "activation_derivative",
        "Your formula is for the activated value; which one are you given?",
        lambda z, activation: (
            1 - z**2
            if activation == "tanh"
            else z * (1 - z)
            if activation == "sigmoid"
            else activation_derivative(z, activation)
        ),
    ),
    Mistake(
        "slope/after-activation",
        "activation_derivative",
        "At which point is the slope taken: before the activation has acted, or after?",
        slope_of_activated,
    ),
    Mistake(
        "slope/activation-itself",
        "activation_derivative",
        "Do you return what the activation does, or how steep it is?",
        lambda z, activation: FUNCTIONS[activation](z),
    ),
    Mistake(
        "slope/another-leak",
        "activation_derivative",
        "How steep is the leaky activation of this sheet below zero?",
        lambda z, activation: (
            torch.where(z > 0, 1.0, 0.2).to(z)
            if activation == "leaky_relu"
            else activation_derivative(z, activation)
        ),
    ),
    Mistake(
        "slope/one-everywhere",
        "activation_derivative",
        "Is the activation as steep far from zero as it is at zero?",
        lambda z, activation: torch.ones_like(FUNCTIONS[activation](z)),
    ),
)


def _slope_by_autograd(z: Tensor, activation: Activation) -> Tensor:
    leaf = z.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(FUNCTIONS[activation](leaf).sum(), leaf)
    return slope


def slope_by_branches(z: Tensor, activation: Activation) -> Tensor:
    """A branch for each activation, with the flat side filled in."""
    if activation == "sigmoid":
        value = 1 / (1 + torch.exp(-z))
        return value * (1 - value)
    if activation == "tanh":
        return 1 - torch.tanh(z) ** 2
    slope = torch.ones_like(z)
    slope[z <= 0] = 0.01 if activation == "leaky_relu" else 0.0
    return slope


VARIANTS: tuple[Variant, ...] = (
    Variant("slope/formula", "activation_derivative", activation_derivative),
    Variant("slope/autograd", "activation_derivative", _slope_by_autograd),
    Variant("slope/branches", "activation_derivative", slope_by_branches),
    Variant(
        "slope/elsewhere",
        "activation_derivative",
        lambda z, activation: {
            "relu": (z > 0).float().to(z),
            "leaky_relu": (z > 0) * 1.0 + (z <= 0) * 0.01,
            "tanh": 1 / torch.cosh(z) ** 2,
            "sigmoid": torch.exp(-z) / (1 + torch.exp(-z)) ** 2,
        }[activation].to(z),
    ),
)
