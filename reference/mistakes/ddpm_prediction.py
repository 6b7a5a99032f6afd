"""x_0 and the mean of a step from predicted noise, as students get them wrong and right."""

from __future__ import annotations

from typing import TypeAlias

import torch
from torch import Tensor

from reference.mistakes.catalogue import Mistake, Variant

Pair: TypeAlias = tuple[Tensor, Tensor]


def entry(values: Tensor, t: Tensor, like: Tensor) -> Tensor:
    """What each example's own t picks of one value for each t, over all axes of `like`."""
    return values[t - 1].to(like).reshape(-1, *[1] * (like.ndim - 1))


def left_and_before(betas: Tensor) -> Pair:
    """The product of alphas up to each t, and that before it."""
    left = torch.cumprod(1 - betas, 0)
    return left, torch.cat([left.new_ones(1), left[:-1]])


def coefficients(betas: Tensor) -> Pair:
    """Of x_0 and of x_t in the mean of the posterior (Ho et al. 2020, eq. 7)."""
    left, before = left_and_before(betas)
    of_x_t = (1 - betas).sqrt() * (1 - before) / (1 - left)
    return before.sqrt() * betas / (1 - left), of_x_t


def _combined(x0: Tensor, x_t: Tensor, t: Tensor, weights: Pair) -> Tensor:
    return entry(weights[0], t, x0) * x0 + entry(weights[1], t, x0) * x_t


def _mean(x_t: Tensor, noise: Tensor, t: Tensor, scale: Tensor, divisor: Tensor) -> Tensor:
    return (x_t - entry(scale, t, x_t) * noise) / entry(divisor, t, x_t)


def right_mean(x_t: Tensor, noise: Tensor, t: Tensor, betas: Tensor) -> Tensor:
    """The right mean of x_{t-1}."""
    left, _ = left_and_before(betas)
    return _mean(x_t, noise, t, betas / (1 - left).sqrt(), (1 - betas).sqrt())


def _clean(x_t: Tensor, noise: Tensor, t: Tensor, alphas_cumprod: Tensor) -> Tensor:
    return _mean(x_t, noise, t, (1 - alphas_cumprod).sqrt(), alphas_cumprod.sqrt())


def mean_through_x0(x_t: Tensor, noise: Tensor, t: Tensor, betas: Tensor) -> Tensor:
    """The same by the posterior of the x_0 that the noise leads to."""
    return _combined(_clean(x_t, noise, t, left_and_before(betas)[0]), x_t, t, coefficients(betas))


MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "x0/clipped",
        "x0_from_noise",
        "Your answer never leaves [-1, 1]; the formula knows no such bound.",
        lambda x_t, noise, t, alphas_cumprod: _clean(x_t, noise, t, alphas_cumprod).clamp(-1, 1),
    ),
    Mistake(
        "x0/variance-as-std",
        "x0_from_noise",
        "Noise an image yourself and go back: by what was the noise scaled?",
        lambda x_t, noise, t, alphas_cumprod: _mean(
            x_t, noise, t, 1 - alphas_cumprod, alphas_cumprod.sqrt()
        ),
    ),
    Mistake(
        "x0/signal-without-root",
        "x0_from_noise",
        "Noise an image yourself and go back: by what was the signal scaled?",
        lambda x_t, noise, t, alphas_cumprod: _mean(
            x_t, noise, t, (1 - alphas_cumprod).sqrt(), alphas_cumprod
        ),
    ),
    Mistake(
        "x0/noise-added",
        "x0_from_noise",
        "Going back, is the noise put in or taken out?",
        lambda x_t, noise, t, alphas_cumprod: _clean(x_t, -noise, t, alphas_cumprod),
    ),
    Mistake(
        "mean/wrong-root",
        "mean_from_noise",
        "The noise is in units of its standard deviation; is the divisor under it in the same?",
        lambda x_t, noise, t, betas: _mean(
            x_t, noise, t, betas / (1 - left_and_before(betas)[0]), (1 - betas).sqrt()
        ),
    ),
    Mistake(
        "mean/alpha-bar-for-alpha",
        "mean_from_noise",
        "One step back undoes the scaling of one step; yours undoes more.",
        lambda x_t, noise, t, betas: _mean(
            x_t,
            noise,
            t,
            betas / (1 - left_and_before(betas)[0]).sqrt(),
            left_and_before(betas)[0].sqrt(),
        ),
    ),
    Mistake(
        "mean/signal-without-root",
        "mean_from_noise",
        "By what did one forward step scale the signal? Undo that and no more.",
        lambda x_t, noise, t, betas: _mean(
            x_t, noise, t, betas / (1 - left_and_before(betas)[0]).sqrt(), 1 - betas
        ),
    ),
    Mistake(
        "mean/noise-added",
        "mean_from_noise",
        "Going back, is the noise put in or taken out?",
        lambda x_t, noise, t, betas: right_mean(x_t, -noise, t, betas),
    ),
    Mistake(
        "mean/all-noise-at-once",
        "mean_from_noise",
        "A single step takes out a single step's share of the noise.",
        lambda x_t, noise, t, betas: _mean(
            x_t, noise, t, (1 - left_and_before(betas)[0]).sqrt(), (1 - betas).sqrt()
        ),
    ),
)

VARIANTS: tuple[Variant, ...] = (
    Variant("x0/quotient", "x0_from_noise", _clean),
    Variant(
        "x0/reciprocal-roots",
        "x0_from_noise",
        lambda x_t, noise, t, alphas_cumprod: (
            entry(alphas_cumprod.rsqrt(), t, x_t) * x_t
            - entry((1 / alphas_cumprod - 1).sqrt(), t, x_t) * noise
        ),
    ),
    Variant(
        "x0/split",
        "x0_from_noise",
        lambda x_t, noise, t, alphas_cumprod: (
            x_t / entry(alphas_cumprod, t, x_t).sqrt()
            - noise * entry((1 - alphas_cumprod) / alphas_cumprod, t, x_t).sqrt()
        ),
    ),
    Variant("mean/quotient", "mean_from_noise", right_mean),
    Variant("mean/through-x0", "mean_from_noise", mean_through_x0),
    Variant(
        "mean/reciprocal-root",
        "mean_from_noise",
        lambda x_t, noise, t, betas: (
            entry((1 - betas).rsqrt(), t, x_t)
            * (x_t - entry(betas * (1 - left_and_before(betas)[0]).rsqrt(), t, x_t) * noise)
        ),
    ),
)
