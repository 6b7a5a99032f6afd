"""One step of DDIM as students get it wrong, and as they get it right."""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from reference.mistakes.catalogue import Mistake, Variant


def _variance(left: Tensor, left_next: Tensor, eta: float) -> Tensor:
    return eta**2 * (1 - left_next) / (1 - left) * (1 - left / left_next)


_VARIANCE = (
    Mistake(
        "ddim-variance/eta-not-squared",
        "ddim_variance",
        "Eta scales the standard deviation; by what does it scale the variance?",
        lambda left, left_next, eta: _variance(left, left_next, math.sqrt(eta)),
        around=lambda variance: (
            lambda left, left_next, eta: variance(left, left_next, math.sqrt(eta))
        ),
    ),
    Mistake(
        "ddim-variance/root-taken",
        "ddim_variance",
        "Which of the two is asked for: the variance, or the standard deviation?",
        lambda left, left_next, eta: _variance(left, left_next, eta).sqrt(),
        around=lambda variance: lambda left, left_next, eta: variance(left, left_next, eta).sqrt(),
    ),
    Mistake(
        "ddim-variance/forward-step",
        "ddim_variance",
        "Your variance is that of a step forward; what narrows it on the way back?",
        lambda left, left_next, eta: eta**2 * (1 - left / left_next),
    ),
    Mistake(
        "ddim-variance/ratio-inverted",
        "ddim_variance",
        "The last step ends at the data: how much fresh noise may it add?",
        lambda left, left_next, eta: eta**2 * (1 - left) / (1 - left_next) * (1 - left / left_next),
    ),
    Mistake(
        "ddim-variance/steps-exchanged",
        "ddim_variance",
        "A variance is never negative; which of the two timesteps is the noisier one?",
        lambda left, left_next, eta: _variance(left_next, left, eta),
        around=lambda variance: lambda left, left_next, eta: variance(left_next, left, eta),
    ),
    Mistake(
        "ddim-variance/eta-ignored",
        "ddim_variance",
        "Set eta to zero: is your step free of fresh noise?",
        lambda left, left_next, eta: _variance(left, left_next, eta**0),
    ),
)


class _Powers(NamedTuple):
    """Of the square root in each place where a student may lose or add one."""

    divisor: float = 0.5
    taken_out: float = 0.5
    signal: float = 0.5
    fresh: float = 0.5


_RIGHT = _Powers()


def _step(
    x_t: Tensor,
    noise: Tensor,
    left: Tensor,
    left_next: Tensor,
    eta: float,
    fresh: Tensor,
    powers: _Powers = _RIGHT,
    narrowed: float = 1.0,
) -> Tensor:
    variance = _variance(left, left_next, eta)
    x0 = (x_t - (1 - left) ** powers.taken_out * noise) / left**powers.divisor
    direction = (1 - left_next - narrowed * variance).clamp(min=0).sqrt() * noise
    return left_next**powers.signal * x0 + direction + variance**powers.fresh * fresh


_STEP = (
    Mistake(
        "ddim-step/timesteps-reversed",
        "ddim_step",
        "Is there less noise after your step than before it?",
        lambda x_t, noise, left, left_next, eta, fresh: _step(
            x_t, noise, left_next, left, eta, fresh
        ),
        around=lambda step: (
            lambda x_t, noise, left, left_next, eta, fresh: step(
                x_t, noise, left_next, left, eta, fresh
            )
        ),
    ),
    Mistake(
        "ddim-step/x0-without-root",
        "ddim_step",
        "Noise an image yourself and go back: by what was the signal scaled?",
        partial(_step, powers=_Powers(divisor=1.0)),
    ),
    Mistake(
        "ddim-step/variance-as-std",
        "ddim_step",
        "Noise an image yourself and go back: by what was the noise scaled?",
        partial(_step, powers=_Powers(taken_out=1.0)),
    ),
    Mistake(
        "ddim-step/signal-without-root",
        "ddim_step",
        "By what is the image scaled at the next timestep?",
        partial(_step, powers=_Powers(signal=1.0)),
    ),
    Mistake(
        "ddim-step/fresh-variance-as-std",
        "ddim_step",
        "What scales a standard normal draw: the variance that you want, or something else?",
        partial(_step, powers=_Powers(fresh=1.0)),
    ),
    Mistake(
        "ddim-step/noise-on-top",
        "ddim_step",
        "With fresh noise added, is there as much noise as the next timestep allows, or more?",
        partial(_step, narrowed=0.0),
    ),
    Mistake(
        "ddim-step/fresh-noise-missing",
        "ddim_step",
        "Change the fresh noise: does your step notice when eta is not zero?",
        lambda x_t, noise, left, left_next, eta, fresh: _step(
            x_t, noise, left, left_next, eta, 0 * fresh
        ),
        around=lambda step: (
            lambda x_t, noise, left, left_next, eta, fresh: step(
                x_t, noise, left, left_next, eta, 0 * fresh
            )
        ),
    ),
    Mistake(
        "ddim-step/noise-added",
        "ddim_step",
        "Going back, is the noise put in or taken out?",
        lambda x_t, noise, left, left_next, eta, fresh: (
            _step(x_t, noise, left, left_next, eta, fresh)
            + 2 * (left_next * (1 - left) / left).sqrt() * noise
        ),
    ),
    Mistake(
        "ddim-step/always-deterministic",
        "ddim_step",
        "Does your step depend on eta?",
        lambda x_t, noise, left, left_next, eta, fresh: _step(
            x_t, noise, left, left_next, 0 * eta, fresh
        ),
        around=lambda step: (
            lambda x_t, noise, left, left_next, eta, fresh: step(
                x_t, noise, left, left_next, 0 * eta, fresh
            )
        ),
    ),
)


MISTAKES: tuple[Mistake, ...] = _VARIANCE + _STEP


def _variance_as_squared_std(left: Tensor, left_next: Tensor, eta: float) -> Tensor:
    std = eta * ((1 - left_next) / (1 - left)).sqrt() * (1 - left / left_next).sqrt()
    return std**2


def step_by_terms(
    x_t: Tensor, noise: Tensor, left: Tensor, left_next: Tensor, eta: float, fresh: Tensor
) -> Tensor:
    """The answer as a sum of three terms: data, predicted noise and fresh noise."""
    std = _variance_as_squared_std(left, left_next, eta) ** 0.5
    kept = torch.sqrt(torch.relu(1 - left_next - std**2))
    scale = torch.sqrt(left_next / left)
    return scale * x_t + (kept - scale * torch.sqrt(1 - left)) * noise + std * fresh


def step_in_two_cases(
    x_t: Tensor, noise: Tensor, left: Tensor, left_next: Tensor, eta: float, fresh: Tensor
) -> Tensor:
    """Without fresh noise where eta is zero."""
    x0 = x_t / left.sqrt() - (1 / left - 1).sqrt() * noise
    if eta == 0:
        return left_next.sqrt() * x0 + (1 - left_next).sqrt() * noise
    variance = _variance(left, left_next, eta)
    kept = torch.maximum(1 - left_next - variance, torch.zeros_like(variance)).sqrt()
    return left_next.sqrt() * x0 + kept * noise + torch.sqrt(variance) * fresh


VARIANTS: tuple[Variant, ...] = (
    Variant("ddim-variance/formula", "ddim_variance", _variance),
    Variant("ddim-variance/squared-std", "ddim_variance", _variance_as_squared_std),
    Variant(
        "ddim-variance/one-fraction",
        "ddim_variance",
        lambda left, left_next, eta: (
            eta * eta * (1 - left_next) * (left_next - left) / ((1 - left) * left_next)
        ),
    ),
    Variant("ddim-step/formula", "ddim_step", _step),
    Variant("ddim-step/terms", "ddim_step", step_by_terms),
    Variant("ddim-step/two-cases", "ddim_step", step_in_two_cases),
)
