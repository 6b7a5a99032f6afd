"""The forward process as students get them wrong, and as they get them right."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from reference.mistakes.catalogue import Mistake, Variant

Pair = tuple[Tensor, Tensor]


def _entry(values: Tensor, index: Tensor, like: Tensor) -> Tensor:
    kept = index.clamp(0, len(values) - 1)
    return values[kept].to(like).reshape(-1, *[1] * (like.ndim - 1))


def _alphas(left: Tensor) -> Tensor:
    return left / torch.cat([left.new_ones(1), left[:-1]])


def _moments(x0: Tensor, t: Tensor, alphas_cumprod: Tensor, shift: int = -1) -> Pair:
    share = _entry(alphas_cumprod, t + shift, x0)
    return share.sqrt() * x0, 1 - share


def _mixed(x0: Tensor, t: Tensor, noise: Tensor, alphas_cumprod: Tensor, shift: int = -1) -> Tensor:
    mean, variance = _moments(x0, t, alphas_cumprod, shift)
    return mean + variance.sqrt() * noise


def _step(x_prev: Tensor, t: Tensor, noise: Tensor, betas: Tensor, shift: int = -1) -> Tensor:
    beta = _entry(betas, t + shift, x_prev)
    return (1 - beta).sqrt() * x_prev + beta.sqrt() * noise


_MOMENTS = (
    Mistake(
        "moments/mean-without-root",
        "q_mean_variance",
        "Square the factor of the mean and add the variance: what should unit data give?",
        lambda x0, t, alphas_cumprod: (
            _entry(alphas_cumprod, t - 1, x0) * x0,
            1 - _entry(alphas_cumprod, t - 1, x0),
        ),
    ),
    Mistake(
        "moments/std-for-variance",
        "q_mean_variance",
        "The second answer has the unit of a standard deviation; which was asked for?",
        lambda x0, t, alphas_cumprod: (
            _moments(x0, t, alphas_cumprod)[0],
            (1 - _entry(alphas_cumprod, t - 1, x0)).sqrt(),
        ),
    ),
    Mistake(
        "moments/alpha-for-alpha-bar",
        "q_mean_variance",
        "Yours describes one step only; this question skips from x_0 to x_t.",
        lambda x0, t, alphas_cumprod: _moments(x0, t, _alphas(alphas_cumprod)),
    ),
    Mistake(
        "moments/index-late",
        "q_mean_variance",
        "Your answers belong to the neighbouring timestep: where does t start counting?",
        lambda x0, t, alphas_cumprod: _moments(x0, t, alphas_cumprod, 0),
    ),
    Mistake(
        "moments/index-early",
        "q_mean_variance",
        "Your answers belong to the neighbouring timestep: where does t start counting?",
        lambda x0, t, alphas_cumprod: _moments(x0, t, alphas_cumprod, -2),
    ),
    Mistake(
        "moments/signal-and-noise-swapped",
        "q_mean_variance",
        "Does your variance grow or shrink as t grows?",
        lambda x0, t, alphas_cumprod: (
            _moments(x0, t, 1 - alphas_cumprod)[0],
            _entry(alphas_cumprod, t - 1, x0),
        ),
    ),
    Mistake(
        "moments/one-t-for-the-batch",
        "q_mean_variance",
        "Each example brings its own t; yours seem to share one.",
        lambda x0, t, alphas_cumprod: _moments(x0, t[:1].expand_as(t), alphas_cumprod),
    ),
)

_SAMPLE = (
    Mistake(
        "q-sample/signal-without-root",
        "q_sample",
        "Give it data and noise of variance one: is the variance of the answer still one?",
        lambda x0, t, noise, alphas_cumprod: (
            _entry(alphas_cumprod, t - 1, x0) * x0
            + (1 - _entry(alphas_cumprod, t - 1, x0)).sqrt() * noise
        ),
    ),
    Mistake(
        "q-sample/variance-as-std",
        "q_sample",
        "What scales a standard normal draw: the variance that you want, or something else?",
        lambda x0, t, noise, alphas_cumprod: (
            _entry(alphas_cumprod, t - 1, x0).sqrt() * x0
            + (1 - _entry(alphas_cumprod, t - 1, x0)) * noise
        ),
    ),
    Mistake(
        "q-sample/alpha-for-alpha-bar",
        "q_sample",
        "Even at the last t your x_t looks like the data: how many steps did you take?",
        lambda x0, t, noise, alphas_cumprod: _mixed(x0, t, noise, _alphas(alphas_cumprod)),
    ),
    Mistake(
        "q-sample/index-late",
        "q_sample",
        "Your answers belong to the neighbouring timestep: where does t start counting?",
        lambda x0, t, noise, alphas_cumprod: _mixed(x0, t, noise, alphas_cumprod, 0),
    ),
    Mistake(
        "q-sample/index-early",
        "q_sample",
        "Your answers belong to the neighbouring timestep: where does t start counting?",
        lambda x0, t, noise, alphas_cumprod: _mixed(x0, t, noise, alphas_cumprod, -2),
    ),
    Mistake(
        "q-sample/signal-not-scaled",
        "q_sample",
        "The signal has to fade as noise comes in; does yours?",
        lambda x0, t, noise, alphas_cumprod: (
            x0 + (1 - _entry(alphas_cumprod, t - 1, x0)).sqrt() * noise
        ),
    ),
    Mistake(
        "q-sample/signal-and-noise-swapped",
        "q_sample",
        "Look at your x_t for a small t: is it close to the data?",
        lambda x0, t, noise, alphas_cumprod: _mixed(noise, t, x0, alphas_cumprod),
    ),
    Mistake(
        "q-sample/one-t-for-the-batch",
        "q_sample",
        "Each example brings its own t; yours seem to share one.",
        lambda x0, t, noise, alphas_cumprod: _mixed(x0, t[:1].expand_as(t), noise, alphas_cumprod),
    ),
    Mistake(
        "q-sample/one-noise-for-the-batch",
        "q_sample",
        "Each example brings its own noise; yours seem to share one.",
        lambda x0, t, noise, alphas_cumprod: _mixed(
            x0, t, noise[:1].expand_as(noise), alphas_cumprod
        ),
    ),
)

_STEP = (
    Mistake(
        "q-step/noise-without-root",
        "q_step",
        "Beta is a variance: what scales a standard normal draw to it?",
        lambda x_prev, t, noise, betas: (
            (1 - _entry(betas, t - 1, x_prev)).sqrt() * x_prev
            + _entry(betas, t - 1, x_prev) * noise
        ),
    ),
    Mistake(
        "q-step/signal-without-root",
        "q_step",
        "Give it data and noise of variance one: is the variance of the answer still one?",
        lambda x_prev, t, noise, betas: (
            (1 - _entry(betas, t - 1, x_prev)) * x_prev
            + _entry(betas, t - 1, x_prev).sqrt() * noise
        ),
    ),
    Mistake(
        "q-step/signal-not-scaled",
        "q_step",
        "Repeat your step many times: what happens to the variance?",
        lambda x_prev, t, noise, betas: x_prev + _entry(betas, t - 1, x_prev).sqrt() * noise,
    ),
    Mistake(
        "q-step/alpha-bar-for-alpha",
        "q_step",
        "Yours jumps all the way from x_0; this question takes a single step.",
        lambda x_prev, t, noise, betas: _mixed(x_prev, t, noise, torch.cumprod(1 - betas, 0)),
    ),
    Mistake(
        "q-step/index-late",
        "q_step",
        "Your answers belong to the neighbouring timestep: where does t start counting?",
        lambda x_prev, t, noise, betas: _step(x_prev, t, noise, betas, 0),
    ),
)

MISTAKES: tuple[Mistake, ...] = _MOMENTS + _SAMPLE + _STEP


def _moments_one_by_one(x0: Tensor, t: Tensor, alphas_cumprod: Tensor) -> Pair:
    scales = [math.sqrt(alphas_cumprod[int(step) - 1]) for step in t]
    mean = torch.stack([scale * x for scale, x in zip(scales, x0, strict=True)])
    return mean, 1 - alphas_cumprod[t - 1].to(x0).reshape(-1, *[1] * (x0.ndim - 1))


def _sample_with_listed_roots(
    x0: Tensor, t: Tensor, noise: Tensor, alphas_cumprod: Tensor
) -> Tensor:
    shares = [float(alphas_cumprod[int(step) - 1]) for step in t]
    shape = (-1, *[1] * (x0.ndim - 1))
    signal = torch.tensor([math.sqrt(share) for share in shares]).reshape(shape)
    std = torch.tensor([math.sqrt(1 - share) for share in shares]).reshape(shape)
    return signal * x0 + std * noise


VARIANTS: tuple[Variant, ...] = (
    Variant("moments/gathered", "q_mean_variance", _moments),
    Variant("moments/loop", "q_mean_variance", _moments_one_by_one),
    Variant(
        "moments/roots-first",
        "q_mean_variance",
        lambda x0, t, alphas_cumprod: (
            _entry(alphas_cumprod.sqrt(), t - 1, x0) * x0,
            _entry((1 - alphas_cumprod).sqrt(), t - 1, x0) ** 2,
        ),
    ),
    Variant("q-sample/gathered", "q_sample", _mixed),
    Variant(
        "q-sample/powers",
        "q_sample",
        lambda x0, t, noise, alphas_cumprod: (
            _entry(alphas_cumprod**0.5, t - 1, x0) * x0
            + _entry((1 - alphas_cumprod) ** 0.5, t - 1, x0) * noise
        ),
    ),
    Variant(
        "q-sample/factored",
        "q_sample",
        lambda x0, t, noise, alphas_cumprod: (
            _entry(alphas_cumprod, t - 1, x0).sqrt()
            * (x0 + _entry((1 - alphas_cumprod) / alphas_cumprod, t - 1, x0).sqrt() * noise)
        ),
    ),
    Variant("q-sample/listed-roots", "q_sample", _sample_with_listed_roots),
    Variant("q-step/gathered", "q_step", _step),
    Variant(
        "q-step/through-alphas",
        "q_step",
        lambda x_prev, t, noise, betas: (
            _entry(1 - betas, t - 1, x_prev).sqrt() * x_prev
            + (1 - _entry(1 - betas, t - 1, x_prev)).sqrt() * noise
        ),
    ),
    Variant(
        "q-step/roots-first",
        "q_step",
        lambda x_prev, t, noise, betas: torch.addcmul(
            _entry((1 - betas).sqrt(), t - 1, x_prev) * x_prev,
            _entry(betas.sqrt(), t - 1, x_prev),
            noise,
        ),
    ),
)
