"""Ancestral sampling as students get it wrong, and as they get it right."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from reference.denoisers import Denoiser
from reference.mistakes.catalogue import Mistake, Variant

Pair: TypeAlias = tuple[Tensor, Tensor]
Split: TypeAlias = Callable[[Tensor, Tensor], Pair]


def _rest(following: Tensor, part: Tensor) -> Tensor:
    return (following**2 - part**2).clamp(min=0).sqrt()


def _split(sigma: Tensor, following: Tensor) -> Pair:
    up = following * (sigma**2 - following**2).sqrt() / sigma
    return _rest(following, up), up


def _square_missing(sigma: Tensor, following: Tensor) -> Pair:
    up = following * (1 - following / sigma).sqrt()
    return _rest(following, up), up


# One row for each mistake: name, what a TA would say, the wrong function.
_SPLITS: tuple[tuple[str, str, Split], ...] = (
    (
        "up-and-down-swapped",
        "Which part does the deterministic step reach, and which does fresh noise add?",
        lambda sigma, following: _split(sigma, following)[::-1],
    ),
    (
        "variance-as-std",
        "What scales a standard normal draw: the variance that you want, or something else?",
        lambda sigma, following: (_split(sigma, following)[0], _split(sigma, following)[1] ** 2),
    ),
    (
        "noise-on-top",
        "After your step there is more noise than the next level says; where does it come from?",
        lambda sigma, following: (following.clone(), _split(sigma, following)[1]),
    ),
    (
        "levels-subtracted",
        "Independent noises: do their standard deviations add, or something else?",
        lambda sigma, following: (
            _split(sigma, following)[0],
            following - _split(sigma, following)[0],
        ),
    ),
    (
        "square-missing",
        "The ancestral variance is made of squares; look at each ratio.",
        _square_missing,
    ),
    (
        "no-fresh-noise",
        "Every sample from one start is the same; what makes ancestral sampling random?",
        lambda sigma, following: (following.clone(), 0 * sigma),
    ),
    (
        "noise-lost",
        "After your step there is less noise than the next level says; what is missing?",
        lambda sigma, following: (_split(sigma, following)[0], 0 * sigma),
    ),
)


def _ancestral(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    generator: torch.Generator,
    split: Split = _split,
    draw: Callable[..., Tensor] = torch.randn,
    shared: bool = False,
) -> Tensor:
    for sigma, following in pairwise(sigmas.to(x)):
        down, up = split(sigma, following)
        slope = (x - denoise(x, sigma)) / sigma
        shape = x.shape[1:] if shared else x.shape
        fresh = draw(shape, generator=generator, device=x.device, dtype=x.dtype)
        x = x + (down - sigma) * slope + up * fresh
    return x


def _one_noise_for_all_steps(
    denoise: Denoiser, x: Tensor, sigmas: Tensor, generator: torch.Generator
) -> Tensor:
    once = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
    return _ancestral(denoise, x, sigmas, generator, draw=lambda *_, **__: once)


def _seeded_inside(
    denoise: Denoiser, x: Tensor, sigmas: Tensor, generator: torch.Generator
) -> Tensor:
    del generator
    return _ancestral(denoise, x, sigmas, torch.Generator().manual_seed(0))


def _generator_ignored(
    denoise: Denoiser, x: Tensor, sigmas: Tensor, generator: torch.Generator
) -> Tensor:
    del generator
    return _ancestral(denoise, x, sigmas, torch.default_generator)


_STEPS = (
    (
        "one-noise-for-all-steps",
        "Is the noise of your second step fresh, or the one of the first step again?",
        _one_noise_for_all_steps,
    ),
    (
        "seeded-inside",
        "Call it with two generators: does it notice which one it was given?",
        _seeded_inside,
    ),
    (
        "generator-ignored",
        "Where does your noise come from? You were given a generator to draw it from.",
        _generator_ignored,
    ),
    (
        "one-noise-for-the-batch",
        "Do two examples of one batch receive the same noise?",
        partial(_ancestral, shared=True),
    ),
    (
        "uniform-noise",
        "Can your fresh noise be negative? Which distribution should it have?",
        partial(_ancestral, draw=torch.rand),
    ),
    (
        "last-step-missing",
        "How many steps lie between that many levels? Yours stops one early.",
        lambda denoise, x, sigmas, generator: _ancestral(denoise, x, sigmas[:-1], generator),
    ),
)

MISTAKES: tuple[Mistake, ...] = (
    *(
        Mistake(f"ancestral-levels/{name}", "ancestral_sigmas", says, code)
        for name, says, code in _SPLITS
    ),
    *(
        Mistake(f"ancestral/{name}", "euler_ancestral", says, partial(_ancestral, split=split))
        for name, says, split in _SPLITS
    ),
    *(Mistake(f"ancestral/{name}", "euler_ancestral", says, code) for name, says, code in _STEPS),
)


def _down_first(sigma: Tensor, following: Tensor) -> Pair:
    down = following / sigma * following
    return down, ((following - down) * (following + down)).sqrt()


def _by_variances(sigma: Tensor, following: Tensor) -> Pair:
    variance = following**2 * (sigma**2 - following**2) / sigma**2
    return (following**4 / sigma**2).sqrt(), variance.sqrt()


def _by_angle(sigma: Tensor, following: Tensor) -> Pair:
    ratio = following / sigma
    return following * ratio, following * torch.sin(torch.acos(ratio))


def _clean_first(
    denoise: Denoiser, x: Tensor, sigmas: Tensor, generator: torch.Generator
) -> Tensor:
    for sigma, following in pairwise(sigmas):
        clean = denoise(x, sigma)
        down, up = _down_first(sigma, following)
        x = clean + down / sigma * (x - clean)
        if following > 0:
            x = x + up * torch.randn(x.shape, generator=generator)
    return x


def _up_first(sigma: Tensor, following: Tensor) -> Pair:
    up = torch.minimum(following, (following**2 * (sigma**2 - following**2) / sigma**2) ** 0.5)
    return (following**2 - up**2) ** 0.5, up


def _numpy_split(sigma: Tensor, following: Tensor) -> Pair:
    down = np.square(following.numpy()) / sigma.numpy()
    up = np.sqrt(np.square(following.numpy()) - np.square(down))
    return torch.as_tensor(down), torch.as_tensor(up)


def _renoised(denoise: Denoiser, x: Tensor, sigmas: Tensor, generator: torch.Generator) -> Tensor:
    ones = x.new_ones([x.shape[0]])
    for i in range(len(sigmas) - 1):
        denoised = denoise(x, sigmas[i] * ones)
        down, up = _up_first(sigmas[i], sigmas[i + 1])
        x = x + (x - denoised) / sigmas[i] * (down - sigmas[i])
        fresh = torch.empty_like(x).normal_(generator=generator)
        x = torch.addcmul(x, fresh, up) if sigmas[i + 1] > 0 else x
    return x


VARIANTS: tuple[Variant, ...] = (
    Variant("ancestral-levels/down-first", "ancestral_sigmas", _down_first),
    Variant("ancestral-levels/variances", "ancestral_sigmas", _by_variances),
    Variant("ancestral-levels/angle", "ancestral_sigmas", _by_angle),
    Variant("ancestral-levels/up-first", "ancestral_sigmas", _up_first),
    Variant("ancestral-levels/numpy", "ancestral_sigmas", _numpy_split),
    Variant("ancestral/slope", "euler_ancestral", _ancestral),
    Variant("ancestral/clean-first", "euler_ancestral", _clean_first),
    Variant("ancestral/renoised", "euler_ancestral", _renoised),
    Variant("ancestral/variances", "euler_ancestral", partial(_ancestral, split=_by_variances)),
)
