"""Noise levels and Euler's method as students get them wrong, and as they get them right."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from reference.denoisers import Denoiser
from reference.mistakes.catalogue import Mistake, Variant

Sampler: TypeAlias = Callable[[Denoiser, Tensor, Tensor], Tensor]


def _levels(
    steps: int, first: float, last: float, rho: float, dtype: torch.dtype = torch.float64
) -> Tensor:
    ramp = torch.linspace(0, 1, steps, dtype=dtype)
    levels: Tensor = (first ** (1 / rho) + ramp * (last ** (1 / rho) - first ** (1 / rho))) ** rho
    return levels


def _ended(levels: Tensor) -> Tensor:
    return torch.cat([levels, levels.new_zeros(1)])


_LEVELS = (
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
        "levels/not-raised-again",
        "karras_sigmas",
        "Your first level is not the one that was asked for; what undoes the root?",
        lambda steps, sigma_min, sigma_max, rho=7.0: _ended(
            _levels(steps, sigma_max, sigma_min, rho) ** (1 / rho)
        ),
    ),
)


def _euler(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    slope: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda x, clean, sigma: (x - clean) / sigma,
    backwards: bool = False,
) -> Tensor:
    steps = list(pairwise(sigmas.to(x)))
    for sigma, following in reversed(steps) if backwards else steps:
        x = x + (following - sigma) * slope(x, denoise(x, sigma), sigma)
    return x


def _next_level(denoise: Denoiser, x: Tensor, sigmas: Tensor) -> Tensor:
    for sigma, following in pairwise(sigmas.to(x)):
        x = x + (following - sigma) * (x - denoise(x, following)) / sigma
    return x


def _first_slope_kept(denoise: Denoiser, x: Tensor, sigmas: Tensor) -> Tensor:
    slope = (x - denoise(x, sigmas[0].to(x))) / sigmas[0].to(x)
    return x + (sigmas[-1] - sigmas[0]).to(x) * slope


def _last_step_missing(sampler: Sampler) -> Sampler:
    return lambda denoise, x, sigmas: sampler(denoise, x, sigmas[:-1])


def _scaled_again(sampler: Sampler) -> Sampler:
    return lambda denoise, x, sigmas: sampler(denoise, sigmas[0].to(x) * x, sigmas)


def _told_the_variance(sampler: Sampler) -> Sampler:
    return lambda denoise, x, sigmas: sampler(
        lambda noised, sigma: denoise(noised, sigma**2), x, sigmas
    )


# What any deterministic sampler may get wrong, on top of another version of it.
SHARED: tuple[tuple[str, str, Callable[[Sampler], Sampler]], ...] = (
    (
        "last-step-missing",
        "How many steps lie between that many levels? Yours stops one early.",
        _last_step_missing,
    ),
    (
        "start-scaled-again",
        "The data that come in are noised already; what do you do to them first?",
        _scaled_again,
    ),
    (
        "variance-for-std",
        "In which units does the denoiser want its noise level?",
        _told_the_variance,
    ),
)

_EULER = (
    (
        "order-reversed",
        "In which order does sampling pass through the levels?",
        lambda denoise, x, sigmas: _euler(denoise, x, sigmas, backwards=True),
    ),
    (
        "wrong-direction",
        "After a step, is there more noise in your data, or less?",
        lambda denoise, x, sigmas: _euler(
            denoise, x, sigmas, lambda x, clean, sigma: (clean - x) / sigma
        ),
    ),
    (
        "slope-not-divided",
        "How much changes per unit of the noise level? Look at what your slope is made of.",
        lambda denoise, x, sigmas: _euler(denoise, x, sigmas, lambda x, clean, _: x - clean),
    ),
    (
        "slope-divided-twice",
        "The slope and the score differ by a power of the noise level; which one do you have?",
        lambda denoise, x, sigmas: _euler(
            denoise, x, sigmas, lambda x, clean, sigma: (x - clean) / sigma**2
        ),
    ),
    (
        "data-taken-for-noise",
        "What does the model predict: the noise, or the data without it?",
        lambda denoise, x, sigmas: _euler(denoise, x, sigmas, lambda *given: given[1]),
    ),
    (
        "level-of-the-next-step",
        "How much noise is in the data when your model sees them?",
        _next_level,
    ),
    (
        "first-slope-kept",
        "Does your answer depend on the number of steps?",
        _first_slope_kept,
    ),
)

MISTAKES: tuple[Mistake, ...] = (
    *_LEVELS,
    *(
        Mistake(f"euler/{name}", "euler", says, around(_euler), around=around)
        for name, says, around in SHARED
    ),
    *(Mistake(f"euler/{name}", "euler", says, code) for name, says, code in _EULER),
)


def _levels_one_by_one(steps: int, sigma_min: float, sigma_max: float, rho: float = 7.0) -> Tensor:
    high, low = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    inner = [(high + i * (low - high) / (steps - 1)) ** rho for i in range(steps)]
    return torch.tensor([*inner, 0.0])


def _levels_by_numpy(steps: int, sigma_min: float, sigma_max: float, rho: float = 7.0) -> Tensor:
    roots = np.linspace(sigma_max ** (1 / rho), sigma_min ** (1 / rho), steps)
    return torch.from_numpy(np.append(roots**rho, 0.0)).float()


def _euler_with_noise(denoise: Denoiser, x: Tensor, sigmas: Tensor) -> Tensor:
    for i in range(len(sigmas) - 1):
        clean = denoise(x, sigmas[i])
        noise = (x - clean) / sigmas[i]
        x = clean + sigmas[i + 1] * noise
    return x


def _euler_as_a_mixture(denoise: Denoiser, x: Tensor, sigmas: Tensor) -> Tensor:
    for sigma, following in pairwise(sigmas):
        kept = following / sigma
        x = kept * x + (1 - kept) * denoise(x, sigma)
    return x


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
    Variant("euler/slope", "euler", lambda denoise, x, sigmas: _euler(denoise, x, sigmas)),
    Variant("euler/noise", "euler", _euler_with_noise),
    Variant("euler/mixture", "euler", _euler_as_a_mixture),
)
