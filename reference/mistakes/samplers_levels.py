"""Noise levels as students get them wrong, and as they get them right."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from reference.mistakes.catalogue import Mistake, Variant


def _levels(
    steps: int, first: float, last: float, rho: float, dtype: torch.dtype = torch.float64
) -> Tensor:
    ramp = torch.linspace(0, 1, steps, dtype=dtype)
    levels: Tensor = (first ** (1 / rho) + ramp * (last ** (1 / rho) - first ** (1 / rho))) ** rho
    return levels


def _ended(levels: Tensor) -> Tensor:
    return torch.cat([levels, levels.new_zeros(1)])


MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "levels/reversed",
        "karras_sigmas",
        "Where does sampling start: at the noise or at the data?",
        lambda steps, sigma_min, sigma_max, rho=7.0: _ended(
            _levels(steps, sigma_max, sigma_min, rho)
        ).flip(0),
        around=lambda levels: (
            lambda steps, sigma_min, sigma_max, rho=7.0: levels(
                steps, sigma_min, sigma_max, rho
            ).flip(0)
        ),
    ),
    Mistake(
        "levels/zero-missing",
        "karras_sigmas",
        "After your last step some noise is left; look at the last level.",
        lambda steps, sigma_min, sigma_max, rho=7.0: _levels(steps, sigma_max, sigma_min, rho),
        around=lambda levels: (
            lambda steps, sigma_min, sigma_max, rho=7.0: levels(steps, sigma_min, sigma_max, rho)[
                :-1
            ]
        ),
    ),
    Mistake(
        "levels/power-for-root",
        "karras_sigmas",
        "Are your levels denser towards zero, or towards the noise?",
        lambda steps, sigma_min, sigma_max, rho=7.0: _ended(
            _levels(steps, sigma_max, sigma_min, 1 / rho)
        ),
        around=lambda levels: (
            lambda steps, sigma_min, sigma_max, rho=7.0: levels(
                steps, sigma_min, sigma_max, 1 / rho
            )
        ),
    ),
    Mistake(
        "levels/uniform",
        "karras_sigmas",
        "Change how dense the levels shall be: do yours notice?",
        lambda steps, sigma_min, sigma_max, rho=7.0: _ended(
            _levels(steps, sigma_max, sigma_min, rho / rho)
        ),
    ),
    Mistake(
        "levels/smallest-never-reached",
        "karras_sigmas",
        "Is the smallest level that was asked for among yours? Count points and gaps.",
        lambda steps, sigma_min, sigma_max, rho=7.0: _ended(
            _levels(steps + 1, sigma_max, sigma_min, rho)[:-1]
        ),
    ),
    Mistake(
        "levels/one-step-short",
        "karras_sigmas",
        "How many levels does it take to make that many steps?",
        lambda steps, sigma_min, sigma_max, rho=7.0: _ended(
            _levels(steps - 1, sigma_max, sigma_min, rho)
        ),
        around=lambda levels: (
            lambda steps, sigma_min, sigma_max, rho=7.0: levels(
                steps - 1, sigma_min, sigma_max, rho
            )
        ),
    ),
    Mistake(
        "levels/not-raised-again",
        "karras_sigmas",
        "Your first level is not the one that was asked for; what undoes the root?",
        lambda steps, sigma_min, sigma_max, rho=7.0: _ended(
            _levels(steps, sigma_max, sigma_min, rho) ** (1 / rho)
        ),
    ),
)


def _levels_one_by_one(steps: int, sigma_min: float, sigma_max: float, rho: float = 7.0) -> Tensor:
    high, low = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    inner = [(high + i * (low - high) / (steps - 1)) ** rho for i in range(steps)]
    return torch.tensor([*inner, 0.0])


def _levels_by_numpy(steps: int, sigma_min: float, sigma_max: float, rho: float = 7.0) -> Tensor:
    roots = np.linspace(sigma_max ** (1 / rho), sigma_min ** (1 / rho), steps)
    return torch.from_numpy(np.append(roots**rho, 0.0)).float()


VARIANTS: tuple[Variant, ...] = (
    Variant(
        "levels/ramp",
        "karras_sigmas",
        lambda steps, sigma_min, sigma_max, rho=7.0: _ended(
            _levels(steps, sigma_max, sigma_min, rho, torch.float32)
        ),
    ),
    Variant("levels/one-by-one", "karras_sigmas", _levels_one_by_one),
    Variant("levels/numpy", "karras_sigmas", _levels_by_numpy),
)
