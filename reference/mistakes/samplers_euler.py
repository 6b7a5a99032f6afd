"""Euler's method as students get it wrong, and as they get it right."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TypeAlias

import torch
from torch import Tensor

from reference.denoisers import Denoiser
from reference.mistakes.catalogue import Mistake, Variant

Sampler: TypeAlias = Callable[[Denoiser, Tensor, Tensor], Tensor]


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


def _index_for_level(denoise: Denoiser, x: Tensor, sigmas: Tensor) -> Tensor:
    for step, (sigma, following) in enumerate(pairwise(sigmas.to(x))):
        x = x + (following - sigma) * (x - denoise(x, torch.tensor(step).to(x))) / sigma
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


def _noise_added(sampler: Sampler) -> Sampler:
    def sample(denoise: Denoiser, x: Tensor, sigmas: Tensor) -> Tensor:
        answer = sampler(denoise, x, sigmas)
        return answer + 0.5 * sigmas[-2].to(x) * torch.randn_like(answer)

    return sample


def _start_drawn_afresh(sampler: Sampler) -> Sampler:
    return lambda denoise, x, sigmas: sampler(
        denoise, sigmas[0].to(x) * torch.randn_like(x), sigmas
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
    (
        "noise-added",
        "Start twice from the same data: where does the difference come from?",
        _noise_added,
    ),
    (
        "start-drawn-afresh",
        "Does your answer depend on the data that come in?",
        _start_drawn_afresh,
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
        "index-for-level",
        "What does the denoiser ask for: a noise level, or the number of a step?",
        _index_for_level,
    ),
    (
        "first-slope-kept",
        "Does your answer depend on the number of steps?",
        _first_slope_kept,
    ),
)

MISTAKES: tuple[Mistake, ...] = (
    *(
        Mistake(f"euler/{name}", "euler", says, around(_euler), around=around)
        for name, says, around in SHARED
    ),
    *(Mistake(f"euler/{name}", "euler", says, code) for name, says, code in _EULER),
)


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


@torch.no_grad()
def _euler_for_each_example(denoise: Denoiser, x: Tensor, sigmas: Tensor) -> Tensor:
    ones = x.new_ones([x.shape[0]])
    for i in range(len(sigmas) - 1):
        denoised = denoise(x, sigmas[i] * ones)
        slope = (x - denoised) / sigmas[i].view(1, *[1] * (x.dim() - 1))
        x = x + slope * (sigmas[i + 1] - sigmas[i])
    return x


def _euler_with_numbers(denoise: Denoiser, x: Tensor, sigmas: Tensor) -> Tensor:
    levels = sigmas.tolist()
    x = x.clone()
    for sigma, following in pairwise(levels):
        score = (denoise(x, torch.tensor([sigma])) - x) / sigma**2
        x += (sigma - following) * sigma * score
    return x


def _euler_in_float64(denoise: Denoiser, x: Tensor, sigmas: Tensor) -> Tensor:
    wide, levels = x.double(), sigmas.double()
    for i in range(levels.shape[0] - 1):
        slope = (wide - denoise(wide, levels[i])) / levels[i]
        wide = torch.add(wide, slope, alpha=float(levels[i + 1] - levels[i]))
    return wide.to(x.dtype)


VARIANTS: tuple[Variant, ...] = (
    Variant("euler/slope", "euler", lambda denoise, x, sigmas: _euler(denoise, x, sigmas)),
    Variant("euler/noise", "euler", _euler_with_noise),
    Variant("euler/mixture", "euler", _euler_as_a_mixture),
    Variant("euler/for-each-example", "euler", _euler_for_each_example),
    Variant("euler/numbers", "euler", _euler_with_numbers),
    Variant("euler/float64", "euler", _euler_in_float64),
)
