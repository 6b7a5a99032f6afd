"""Ancestral sampling as students get it wrong, and as they get it right.

The decoder maps latents (n, 20) to logits (n, 16, H, W); samples are levels (n, 1, H, W).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Categorical

from reference.mistakes.catalogue import Mistake, Variant

Decoder = Callable[[Tensor], Tensor]
Sample = Callable[[Decoder, int], Tensor]

LATENT_SIZE = 20


def _drawn(logits: Tensor) -> Tensor:
    flat = logits.softmax(dim=1).permute(0, 2, 3, 1).reshape(-1, logits.shape[1])
    return torch.multinomial(flat, 1).reshape(len(logits), 1, *logits.shape[2:])


def _mean_level(logits: Tensor) -> Tensor:
    levels = torch.arange(logits.shape[1]).reshape(1, -1, 1, 1)
    return (logits.softmax(dim=1) * levels).sum(dim=1, keepdim=True)


def _drawn_across_pixels(logits: Tensor) -> Tensor:
    flat = logits.softmax(dim=1).reshape(-1, logits.shape[1])
    return torch.multinomial(flat, 1).reshape(len(logits), 1, *logits.shape[2:])


def _of_uniform_levels(logits: Tensor) -> Tensor:
    return torch.randint(0, logits.shape[1], (len(logits), 1, *logits.shape[2:]))


def _sample(
    draw: Callable[[Tensor], Tensor] = _drawn, prior: Callable[[int, int], Tensor] = torch.randn
) -> Sample:
    @torch.no_grad()
    def sample(decoder: Decoder, n: int) -> Tensor:
        return draw(decoder(prior(n, LATENT_SIZE)))

    return sample


_LEVELS, _LAW = ("samples_are_levels",), ("pixels_are_drawn_from_their_distributions",)
_PRIOR = ("latents_are_draws_of_the_prior",)
_WRONG: tuple[tuple[str, str, Sample, tuple[str, ...]], ...] = (
    (
        "most-likely-level",
        "The most likely level of a pixel is no sample: two calls would agree everywhere.",
        _sample(lambda logits: logits.argmax(dim=1, keepdim=True)),
        _LAW,
    ),
    (
        "mean-level",
        "The expected level of a pixel is no sample of it.",
        _sample(lambda logits: _mean_level(logits).round().long()),
        _LAW,
    ),
    (
        "threshold",
        "A pixel has 16 levels; yours has two.",
        _sample(lambda logits: 15 * (_mean_level(logits) > 7.5).long()),
        _LAW,
    ),
    (
        "reshaped-not-permuted",
        "Levels of different pixels got mixed before you drew: check the axes.",
        _sample(_drawn_across_pixels),
        _LAW,
    ),
    (
        "sigmoid-for-softmax",
        "A pixel takes one of 16 levels: which function makes one distribution of 16 logits?",
        _sample(lambda logits: _drawn(logits.sigmoid().log())),
        _LAW,
    ),
    (
        "logits-ignored",
        "Your images do not depend on what the decoder returns.",
        _sample(_of_uniform_levels),
        _LAW,
    ),
    (
        "probabilities",
        "Sixteen planes came back for each image: draw one level for each pixel.",
        _sample(lambda logits: logits.softmax(dim=1)),
        _LEVELS,
    ),
    ("means-not-levels", "A sample is made of whole levels.", _sample(_mean_level), _LEVELS),
    (
        "scaled-to-one",
        "Levels are whole numbers from 0 to 15; scaling them is for whoever shows them.",
        _sample(lambda logits: _drawn(logits) / 15),
        _LEVELS,
    ),
    (
        "channel-missing",
        "An image has a channel axis, also where there is one channel.",
        _sample(lambda logits: _drawn(logits)[:, 0]),
        _LEVELS,
    ),
    (
        "one-image",
        "One image came back where several were asked for.",
        _sample(lambda logits: _drawn(logits)[:1]),
        _LEVELS,
    ),
    (
        "uniform-latents",
        "Your latents are never negative: which distribution is the prior?",
        _sample(prior=torch.rand),
        _PRIOR,
    ),
    (
        "one-latent",
        "All your images begin with one and the same latent.",
        _sample(prior=lambda n, size: torch.randn(1, size).repeat(n, 1)),
        _PRIOR,
    ),
    (
        "latents-at-zero",
        "Your latents do not vary: where is the sampling?",
        _sample(prior=torch.zeros),
        _PRIOR,
    ),
)


def _of_torch(logits: Tensor) -> Tensor:
    law: Any = Categorical(logits=logits.movedim(1, -1))
    levels: Tensor = law.sample()
    return levels.unsqueeze(1)


def _by_gumbel(logits: Tensor) -> Tensor:
    noise = -torch.log(-torch.log(torch.rand_like(logits, dtype=torch.float64)))
    return (logits + noise).argmax(dim=1, keepdim=True)


def _by_inversion(logits: Tensor) -> Tensor:
    passed = logits.double().softmax(dim=1).cumsum(dim=1)
    place = torch.rand(len(logits), 1, *logits.shape[2:], dtype=torch.float64)
    return (passed < place).sum(dim=1, keepdim=True).clamp(max=logits.shape[1] - 1)


def _image_by_image(decoder: Decoder, n: int) -> Tensor:
    return torch.cat([_of_torch(decoder(torch.randn(1, LATENT_SIZE))) for _ in range(n)])


_RIGHT: tuple[tuple[str, Sample], ...] = (
    ("multinomial", _sample()),
    ("categorical", _sample(_of_torch)),
    ("gumbel", _sample(_by_gumbel)),
    ("inversion", _sample(_by_inversion)),
    ("image-by-image", _image_by_image),
    ("levels-as-floats", _sample(lambda logits: _drawn(logits).float())),
)

MISTAKES = tuple(
    Mistake(f"ancestral/{name}", "sample", says, code, killed_by)
    for name, says, code, killed_by in _WRONG
)

VARIANTS = tuple(Variant(f"ancestral/{name}", "sample", code) for name, code in _RIGHT)
