"""Reverse process and its loss as students get them wrong, and as they get them right."""

from __future__ import annotations

import sys
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from reference.ddpm_reverse import NoiseModel
from reference.mistakes.catalogue import Mistake, Variant

Pair = tuple[Tensor, Tensor]


def _entry(values: Tensor, t: Tensor, like: Tensor) -> Tensor:
    return values[t - 1].to(like).reshape(-1, *[1] * (like.ndim - 1))


def _left(betas: Tensor) -> Pair:
    left = torch.cumprod(1 - betas, 0)
    return left, torch.cat([left.new_ones(1), left[:-1]])


def _coefficients(betas: Tensor) -> Pair:
    left, before = _left(betas)
    of_x_t = (1 - betas).sqrt() * (1 - before) / (1 - left)
    return before.sqrt() * betas / (1 - left), of_x_t


def _combined(x0: Tensor, x_t: Tensor, t: Tensor, weights: Pair) -> Tensor:
    return _entry(weights[0], t, x0) * x0 + _entry(weights[1], t, x0) * x_t


def _mean(x_t: Tensor, noise: Tensor, t: Tensor, scale: Tensor, divisor: Tensor) -> Tensor:
    return (x_t - _entry(scale, t, x_t) * noise) / _entry(divisor, t, x_t)


def _right_mean(x_t: Tensor, noise: Tensor, t: Tensor, betas: Tensor) -> Tensor:
    left, _ = _left(betas)
    return _mean(x_t, noise, t, betas / (1 - left).sqrt(), (1 - betas).sqrt())


def _reverse(
    model: NoiseModel,
    x_t: Tensor,
    t: Tensor,
    noise: Tensor,
    betas: Tensor,
    variances: Tensor,
    silent_until: int = 1,
) -> Tensor:
    spread = variances.sqrt() * (torch.arange(1, len(betas) + 1) > silent_until)
    return _right_mean(x_t, model(x_t, t), t, betas) + _entry(spread, t, x_t) * noise


def _noised(x0: Tensor, t: Tensor, noise: Tensor, left: Tensor) -> Tensor:
    return _entry(left.sqrt(), t, x0) * x0 + _entry((1 - left).sqrt(), t, x0) * noise


def _clean(x_t: Tensor, noise: Tensor, t: Tensor, alphas_cumprod: Tensor) -> Tensor:
    return _mean(x_t, noise, t, (1 - alphas_cumprod).sqrt(), alphas_cumprod.sqrt())


_PARAMETRISATIONS = (
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
            x_t, noise, t, betas / (1 - _left(betas)[0]), (1 - betas).sqrt()
        ),
    ),
    Mistake(
        "mean/alpha-bar-for-alpha",
        "mean_from_noise",
        "One step back undoes the scaling of one step; yours undoes more.",
        lambda x_t, noise, t, betas: _mean(
            x_t, noise, t, betas / (1 - _left(betas)[0]).sqrt(), _left(betas)[0].sqrt()
        ),
    ),
    Mistake(
        "mean/signal-without-root",
        "mean_from_noise",
        "By what did one forward step scale the signal? Undo that and no more.",
        lambda x_t, noise, t, betas: _mean(
            x_t, noise, t, betas / (1 - _left(betas)[0]).sqrt(), 1 - betas
        ),
    ),
    Mistake(
        "mean/noise-added",
        "mean_from_noise",
        "Going back, is the noise put in or taken out?",
        lambda x_t, noise, t, betas: _right_mean(x_t, -noise, t, betas),
    ),
    Mistake(
        "mean/all-noise-at-once",
        "mean_from_noise",
        "A single step takes out a single step's share of the noise.",
        lambda x_t, noise, t, betas: _mean(
            x_t, noise, t, (1 - _left(betas)[0]).sqrt(), (1 - betas).sqrt()
        ),
    ),
)

_LOSS = (
    Mistake(
        "loss/against-the-data",
        "diffusion_loss",
        "What does your model predict: the image, or what was added to it?",
        lambda model, x0, t, noise, alphas_cumprod: F.mse_loss(
            model(_noised(x0, t, noise, alphas_cumprod), t), x0
        ),
    ),
    Mistake(
        "loss/against-the-difference",
        "diffusion_loss",
        "The difference of x_t and x_0 holds faded signal too; what is the noise alone?",
        lambda model, x0, t, noise, alphas_cumprod: F.mse_loss(
            model(_noised(x0, t, noise, alphas_cumprod), t),
            _noised(x0, t, noise, alphas_cumprod) - x0,
        ),
    ),
    Mistake(
        "loss/clean-input",
        "diffusion_loss",
        "Is there any noise in what the model gets to see?",
        lambda model, x0, t, noise, alphas_cumprod: F.mse_loss(
            model(_noised(x0, t, noise, torch.ones_like(alphas_cumprod)), t), noise
        ),
    ),
    Mistake(
        "loss/one-t-for-the-batch",
        "diffusion_loss",
        "Each example brings its own t; yours seem to share one.",
        lambda model, x0, t, noise, alphas_cumprod: F.mse_loss(
            model(_noised(x0, t[:1].expand_as(t), noise, alphas_cumprod), t), noise
        ),
    ),
    Mistake(
        "loss/summed",
        "diffusion_loss",
        "Your loss grows with the batch and the image; which reduction was asked for?",
        lambda model, x0, t, noise, alphas_cumprod: F.mse_loss(
            model(_noised(x0, t, noise, alphas_cumprod), t), noise, reduction="sum"
        ),
    ),
    Mistake(
        "loss/absolute",
        "diffusion_loss",
        "Double the error of the model: by what factor should the loss grow?",
        lambda model, x0, t, noise, alphas_cumprod: F.l1_loss(
            model(_noised(x0, t, noise, alphas_cumprod), t), noise
        ),
    ),
    Mistake(
        "loss/prediction-detached",
        "diffusion_loss",
        "Print the gradient of one weight of the network after a backward pass.",
        lambda model, x0, t, noise, alphas_cumprod: F.mse_loss(
            model(_noised(x0, t, noise, alphas_cumprod), t).detach(), noise
        ),
    ),
)

_STEP = (
    Mistake(
        "reverse/noise-at-the-last-step",
        "p_sample",
        "After the last step you hand out an image: should it still carry fresh noise?",
        partial(_reverse, silent_until=0),
    ),
    Mistake(
        "reverse/silent-too-early",
        "p_sample",
        "Only the very last step is without noise; where does your t start counting?",
        partial(_reverse, silent_until=2),
    ),
    Mistake(
        "reverse/no-noise",
        "p_sample",
        "Every sample from one x_t is the same; what makes ancestral sampling random?",
        partial(_reverse, silent_until=sys.maxsize),
    ),
    Mistake(
        "reverse/variance-as-std",
        "p_sample",
        "What scales a standard normal draw: the variance that you want, or something else?",
        lambda model, x_t, t, noise, betas, variances: _reverse(
            model, x_t, t, noise, betas, variances**2
        ),
    ),
)

MISTAKES: tuple[Mistake, ...] = _PARAMETRISATIONS + _LOSS + _STEP


def _mean_through_x0(x_t: Tensor, noise: Tensor, t: Tensor, betas: Tensor) -> Tensor:
    return _combined(_clean(x_t, noise, t, _left(betas)[0]), x_t, t, _coefficients(betas))


def _step_by_where(
    model: NoiseModel, x_t: Tensor, t: Tensor, noise: Tensor, betas: Tensor, variances: Tensor
) -> Tensor:
    last = (t == 1).reshape(-1, *[1] * (x_t.ndim - 1))
    fresh = torch.where(last, torch.zeros_like(noise), noise)
    mean = _mean_through_x0(x_t, model(x_t, t), t, betas)
    return mean + _entry(variances, t, x_t) ** 0.5 * fresh


def _step_for_each_case(
    model: NoiseModel, x_t: Tensor, t: Tensor, noise: Tensor, betas: Tensor, variances: Tensor
) -> Tensor:
    mean = _right_mean(x_t, model(x_t, t), t, betas)
    noisy = mean + variances[t - 1].to(x_t).sqrt().reshape(-1, *[1] * (x_t.ndim - 1)) * noise
    return torch.stack([mean[i] if int(t[i]) == 1 else noisy[i] for i in range(len(t))])


VARIANTS: tuple[Variant, ...] = (
    Variant("x0/quotient", "x0_from_noise", _clean),
    Variant(
        "x0/reciprocal-roots",
        "x0_from_noise",
        lambda x_t, noise, t, alphas_cumprod: (
            _entry(alphas_cumprod.rsqrt(), t, x_t) * x_t
            - _entry((1 / alphas_cumprod - 1).sqrt(), t, x_t) * noise
        ),
    ),
    Variant(
        "x0/split",
        "x0_from_noise",
        lambda x_t, noise, t, alphas_cumprod: (
            x_t / _entry(alphas_cumprod, t, x_t).sqrt()
            - noise * _entry((1 - alphas_cumprod) / alphas_cumprod, t, x_t).sqrt()
        ),
    ),
    Variant("mean/quotient", "mean_from_noise", _right_mean),
    Variant("mean/through-x0", "mean_from_noise", _mean_through_x0),
    Variant(
        "mean/reciprocal-root",
        "mean_from_noise",
        lambda x_t, noise, t, betas: (
            _entry((1 - betas).rsqrt(), t, x_t)
            * (x_t - _entry(betas * (1 - _left(betas)[0]).rsqrt(), t, x_t) * noise)
        ),
    ),
    Variant(
        "loss/mse",
        "diffusion_loss",
        lambda model, x0, t, noise, alphas_cumprod: F.mse_loss(
            model(_noised(x0, t, noise, alphas_cumprod), t), noise
        ),
    ),
    Variant(
        "loss/mean-of-means",
        "diffusion_loss",
        lambda model, x0, t, noise, alphas_cumprod: (
            (model(_noised(x0, t, noise, alphas_cumprod), t) - noise)
            .pow(2)
            .flatten(1)
            .mean(1)
            .mean()
        ),
    ),
    Variant(
        "loss/norm",
        "diffusion_loss",
        lambda model, x0, t, noise, alphas_cumprod: (
            (model(_noised(x0, t, noise, alphas_cumprod), t) - noise).norm() ** 2 / noise.numel()
        ),
    ),
    Variant("reverse/masked-spread", "p_sample", _reverse),
    Variant("reverse/where", "p_sample", _step_by_where),
    Variant("reverse/case-by-case", "p_sample", _step_for_each_case),
)
