"""The forward process as students get them wrong, and as they get them right."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from reference.mistakes.catalogue import Mistake, Variant

Pair = tuple[Tensor, Tensor]


def _entry(values: Tensor, index: Tensor, like: Tensor) -> Tensor:
    kept = index.clamp(0, len(values) - 1)
    return values[kept].to(like).reshape(-1, *[1] * (like.ndim - 1))


def _alphas(left: Tensor) -> Tensor:
    return left / torch.cat([left.new_ones(1), left[:-1]])


def _moments(x0: Tensor, t: Tensor, left: Tensor, shift: int = -1) -> Pair:
    share = _entry(left, t + shift, x0)
    return share.sqrt() * x0, 1 - share


def _mixed(x0: Tensor, t: Tensor, noise: Tensor, left: Tensor, shift: int = -1) -> Tensor:
    mean, variance = _moments(x0, t, left, shift)
    return mean + variance.sqrt() * noise


def _step(x: Tensor, t: Tensor, noise: Tensor, betas: Tensor, shift: int = -1) -> Tensor:
    beta = _entry(betas, t + shift, x)
    return (1 - beta).sqrt() * x + beta.sqrt() * noise


def _prior(x0: Tensor, share: Tensor) -> Tensor:
    return 0.5 * (share * x0**2 + (1 - share) - 1 - torch.log(1 - share))


def _total(values: Tensor) -> Tensor:
    return values.flatten(1).sum(1)


_MOMENTS = (
    Mistake(
        "moments/mean-without-root",
        "q_mean_variance",
        "Square the factor of the mean and add the variance: what should unit data give?",
        lambda x0, t, left: (_entry(left, t - 1, x0) * x0, 1 - _entry(left, t - 1, x0)),
    ),
    Mistake(
        "moments/std-for-variance",
        "q_mean_variance",
        "The second answer has the unit of a standard deviation; which was asked for?",
        lambda x0, t, left: (_moments(x0, t, left)[0], (1 - _entry(left, t - 1, x0)).sqrt()),
    ),
    Mistake(
        "moments/alpha-for-alpha-bar",
        "q_mean_variance",
        "Yours describes one step only; this question skips from x_0 to x_t.",
        lambda x0, t, left: _moments(x0, t, _alphas(left)),
    ),
    Mistake(
        "moments/index-late",
        "q_mean_variance",
        "Your answers belong to the neighbouring timestep: where does t start counting?",
        lambda x0, t, left: _moments(x0, t, left, 0),
    ),
    Mistake(
        "moments/index-early",
        "q_mean_variance",
        "Your answers belong to the neighbouring timestep: where does t start counting?",
        lambda x0, t, left: _moments(x0, t, left, -2),
    ),
    Mistake(
        "moments/signal-and-noise-swapped",
        "q_mean_variance",
        "Does your variance grow or shrink as t grows?",
        lambda x0, t, left: (_moments(x0, t, 1 - left)[0], _entry(left, t - 1, x0)),
    ),
    Mistake(
        "moments/one-t-for-the-batch",
        "q_mean_variance",
        "Each example brings its own t; yours seem to share one.",
        lambda x0, t, left: _moments(x0, t[:1].expand_as(t), left),
    ),
)

_SAMPLE = (
    Mistake(
        "q-sample/signal-without-root",
        "q_sample",
        "Give it data and noise of variance one: is the variance of the answer still one?",
        lambda x0, t, noise, left: (
            _entry(left, t - 1, x0) * x0 + (1 - _entry(left, t - 1, x0)).sqrt() * noise
        ),
    ),
    Mistake(
        "q-sample/variance-as-std",
        "q_sample",
        "What scales a standard normal draw: the variance that you want, or something else?",
        lambda x0, t, noise, left: (
            _entry(left, t - 1, x0).sqrt() * x0 + (1 - _entry(left, t - 1, x0)) * noise
        ),
    ),
    Mistake(
        "q-sample/alpha-for-alpha-bar",
        "q_sample",
        "Even at the last t your x_t looks like the data: how many steps did you take?",
        lambda x0, t, noise, left: _mixed(x0, t, noise, _alphas(left)),
    ),
    Mistake(
        "q-sample/index-late",
        "q_sample",
        "Your answers belong to the neighbouring timestep: where does t start counting?",
        lambda x0, t, noise, left: _mixed(x0, t, noise, left, 0),
    ),
    Mistake(
        "q-sample/index-early",
        "q_sample",
        "Your answers belong to the neighbouring timestep: where does t start counting?",
        lambda x0, t, noise, left: _mixed(x0, t, noise, left, -2),
    ),
    Mistake(
        "q-sample/signal-not-scaled",
        "q_sample",
        "The signal has to fade as noise comes in; does yours?",
        lambda x0, t, noise, left: x0 + (1 - _entry(left, t - 1, x0)).sqrt() * noise,
    ),
    Mistake(
        "q-sample/signal-and-noise-swapped",
        "q_sample",
        "Look at your x_t for a small t: is it close to the data?",
        lambda x0, t, noise, left: _mixed(noise, t, x0, left),
    ),
    Mistake(
        "q-sample/one-t-for-the-batch",
        "q_sample",
        "Each example brings its own t; yours seem to share one.",
        lambda x0, t, noise, left: _mixed(x0, t[:1].expand_as(t), noise, left),
    ),
    Mistake(
        "q-sample/one-noise-for-the-batch",
        "q_sample",
        "Each example brings its own noise; yours seem to share one.",
        lambda x0, t, noise, left: _mixed(x0, t, noise[:1].expand_as(noise), left),
    ),
)

_STEP = (
    Mistake(
        "q-step/noise-without-root",
        "q_step",
        "Beta is a variance: what scales a standard normal draw to it?",
        lambda x, t, noise, betas: (
            (1 - _entry(betas, t - 1, x)).sqrt() * x + _entry(betas, t - 1, x) * noise
        ),
    ),
    Mistake(
        "q-step/signal-without-root",
        "q_step",
        "Give it data and noise of variance one: is the variance of the answer still one?",
        lambda x, t, noise, betas: (
            (1 - _entry(betas, t - 1, x)) * x + _entry(betas, t - 1, x).sqrt() * noise
        ),
    ),
    Mistake(
        "q-step/signal-not-scaled",
        "q_step",
        "Repeat your step many times: what happens to the variance?",
        lambda x, t, noise, betas: x + _entry(betas, t - 1, x).sqrt() * noise,
    ),
    Mistake(
        "q-step/alpha-bar-for-alpha",
        "q_step",
        "Yours jumps all the way from x_0; this question takes a single step.",
        lambda x, t, noise, betas: _mixed(x, t, noise, torch.cumprod(1 - betas, 0)),
    ),
    Mistake(
        "q-step/index-late",
        "q_step",
        "Your answers belong to the neighbouring timestep: where does t start counting?",
        lambda x, t, noise, betas: _step(x, t, noise, betas, 0),
    ),
)

_PRIOR = (
    Mistake(
        "prior/missing-half",
        "prior_kl",
        "Right up to a constant factor: look at the constant in front.",
        lambda x0, left: 2 * _total(_prior(x0, left[-1])),
    ),
    Mistake(
        "prior/mean-over-dimensions",
        "prior_kl",
        "Independent dimensions: what happens to their divergences?",
        lambda x0, left: _prior(x0, left[-1]).flatten(1).mean(1),
    ),
    Mistake(
        "prior/first-timestep",
        "prior_kl",
        "Which x_t is compared with the prior: the least or the most noised one?",
        lambda x0, left: _total(_prior(x0, left[0])),
    ),
    Mistake(
        "prior/log-sign",
        "prior_kl",
        "A divergence cannot be negative; which sign does the logarithm of the variance carry?",
        lambda x0, left: _total(
            0.5 * (left[-1] * x0**2 + (1 - left[-1]) - 1 + torch.log(1 - left[-1]))
        ),
    ),
    Mistake(
        "prior/data-not-scaled",
        "prior_kl",
        "The mean of x_T is not x_0 itself; what became of it on the way?",
        lambda x0, left: _total(_prior(x0 / left[-1].sqrt(), left[-1])),
    ),
    Mistake(
        "prior/summed-over-the-batch",
        "prior_kl",
        "One number for each example is asked for.",
        lambda x0, left: _total(_prior(x0, left[-1])).sum(),
    ),
)

MISTAKES: tuple[Mistake, ...] = _MOMENTS + _SAMPLE + _STEP + _PRIOR


def _moments_one_by_one(x0: Tensor, t: Tensor, left: Tensor) -> Pair:
    scales = [math.sqrt(left[int(step) - 1]) for step in t]
    mean = torch.stack([scale * x for scale, x in zip(scales, x0, strict=True)])
    return mean, 1 - left[t - 1].to(x0).reshape(-1, *[1] * (x0.ndim - 1))


def _prior_by_torch(x0: Tensor, left: Tensor) -> Tensor:
    spread = (1 - left[-1]).to(x0).sqrt().expand_as(x0)
    law = Normal(left[-1].to(x0).sqrt() * x0, spread)
    return _total(kl_divergence(law, Normal(torch.zeros_like(x0), torch.ones_like(x0))))


VARIANTS: tuple[Variant, ...] = (
    Variant("moments/gathered", "q_mean_variance", _moments),
    Variant("moments/loop", "q_mean_variance", _moments_one_by_one),
    Variant(
        "moments/roots-first",
        "q_mean_variance",
        lambda x0, t, left: (
            _entry(left.sqrt(), t - 1, x0) * x0,
            _entry((1 - left).sqrt(), t - 1, x0) ** 2,
        ),
    ),
    Variant("q-sample/gathered", "q_sample", _mixed),
    Variant(
        "q-sample/powers",
        "q_sample",
        lambda x0, t, noise, left: (
            _entry(left**0.5, t - 1, x0) * x0 + _entry((1 - left) ** 0.5, t - 1, x0) * noise
        ),
    ),
    Variant(
        "q-sample/factored",
        "q_sample",
        lambda x0, t, noise, left: (
            _entry(left, t - 1, x0).sqrt()
            * (x0 + _entry((1 - left) / left, t - 1, x0).sqrt() * noise)
        ),
    ),
    Variant("q-step/gathered", "q_step", _step),
    Variant(
        "q-step/through-alphas",
        "q_step",
        lambda x, t, noise, betas: (
            _entry(1 - betas, t - 1, x).sqrt() * x
            + (1 - _entry(1 - betas, t - 1, x)).sqrt() * noise
        ),
    ),
    Variant(
        "q-step/roots-first",
        "q_step",
        lambda x, t, noise, betas: torch.addcmul(
            _entry((1 - betas).sqrt(), t - 1, x) * x, _entry(betas.sqrt(), t - 1, x), noise
        ),
    ),
    Variant("prior/torch", "prior_kl", _prior_by_torch),
    Variant("prior/summed", "prior_kl", lambda x0, left: _total(_prior(x0, left[-1].to(x0)))),
    Variant(
        "prior/norms",
        "prior_kl",
        lambda x0, left: (
            0.5 * (left[-1] * _total(x0**2) - x0[0].numel() * (left[-1] + torch.log(1 - left[-1])))
        ),
    ),
)
