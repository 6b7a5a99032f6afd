"""Reconstruction and consistency as students get them wrong, and as they get them right."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from reference.mistakes.catalogue import Mistake, Variant


def log_density(x0: Tensor, predicted_x0: Tensor, variance: float) -> Tensor:
    """Of a Gaussian decoder, summed over the pixels."""
    each = (x0 - predicted_x0) ** 2 / variance + math.log(2 * math.pi * variance)
    return -0.5 * each.flatten(1).sum(1)


def _squared_error(x0: Tensor, predicted_x0: Tensor) -> Tensor:
    return (x0 - predicted_x0).square().flatten(1).sum(1)


def _ratio(alphas_cumprod: Tensor) -> Tensor:
    return alphas_cumprod / (1 - alphas_cumprod)


def _weight(t: Tensor, alphas_cumprod: Tensor) -> Tensor:
    ratio = _ratio(alphas_cumprod)
    return 0.5 * (ratio[t - 2] - ratio[t - 1])


def consistency(x0: Tensor, predicted_x0: Tensor, t: Tensor, alphas_cumprod: Tensor) -> Tensor:
    """Weighted squared error of each image at its own t."""
    return _weight(t, alphas_cumprod) * _squared_error(x0, predicted_x0)


def _consistency_a_step_late(
    x0: Tensor, predicted_x0: Tensor, t: Tensor, alphas_cumprod: Tensor
) -> Tensor:
    longer = torch.cat([alphas_cumprod, alphas_cumprod.new_zeros(1)])
    return consistency(x0, predicted_x0, t + 1, longer)


_RECONSTRUCTION = (
    Mistake(
        "decoder/dimension-forgotten",
        "reconstruction_term",
        "Every pixel brings its own normalising constant; how many do you count?",
        lambda x0, predicted_x0, variance: (
            -0.5 * _squared_error(x0, predicted_x0) / variance
            - 0.5 * math.log(2 * math.pi * variance)
        ),
    ),
    Mistake(
        "decoder/constant-dropped",
        "reconstruction_term",
        "Does your density integrate to one?",
        lambda x0, predicted_x0, variance: -0.5 * _squared_error(x0, predicted_x0) / variance,
    ),
    Mistake(
        "decoder/half-missing",
        "reconstruction_term",
        "Right up to a constant factor: work out one pixel by hand and compare.",
        lambda x0, predicted_x0, variance: 2 * log_density(x0, predicted_x0, variance),
        around=lambda term: lambda x0, predicted_x0, variance: 2 * term(x0, predicted_x0, variance),
    ),
    Mistake(
        "decoder/sign-flipped",
        "reconstruction_term",
        "Is a better reconstruction more likely under your term, or less?",
        lambda x0, predicted_x0, variance: -log_density(x0, predicted_x0, variance),
        around=lambda term: lambda x0, predicted_x0, variance: -term(x0, predicted_x0, variance),
    ),
    Mistake(
        "decoder/variance-taken-for-std",
        "reconstruction_term",
        "The argument is a variance already; what do you do to it?",
        lambda x0, predicted_x0, variance: log_density(x0, predicted_x0, variance**2),
        around=lambda term: lambda x0, predicted_x0, variance: term(x0, predicted_x0, variance**2),
    ),
    Mistake(
        "decoder/square-missing",
        "reconstruction_term",
        "Double the error: by what factor should its cost grow?",
        lambda x0, predicted_x0, variance: log_density(
            (x0 - predicted_x0).abs().sqrt(), torch.zeros_like(x0), variance
        ),
    ),
    Mistake(
        "decoder/mean-over-pixels",
        "reconstruction_term",
        "Independent pixels: how do their log-probabilities combine?",
        lambda x0, predicted_x0, variance: log_density(x0, predicted_x0, variance) / x0[0].numel(),
        around=lambda term: (
            lambda x0, predicted_x0, variance: term(x0, predicted_x0, variance) / x0[0].numel()
        ),
    ),
    Mistake(
        "decoder/mean-over-the-batch",
        "reconstruction_term",
        "One number came back for a whole batch; each image has its own.",
        lambda x0, predicted_x0, variance: log_density(x0, predicted_x0, variance).mean(),
        around=lambda term: (
            lambda x0, predicted_x0, variance: term(x0, predicted_x0, variance).mean()
        ),
    ),
)

_CONSISTENCY = (
    Mistake(
        "consistency/wrong-step",
        "consistency_term",
        "Your weight is what the step after t loses; which step does this term describe?",
        _consistency_a_step_late,
    ),
    Mistake(
        "consistency/difference-reversed",
        "consistency_term",
        "A KL divergence is never negative; yours is never positive.",
        lambda x0, predicted_x0, t, alphas_cumprod: (
            -consistency(x0, predicted_x0, t, alphas_cumprod)
        ),
        around=lambda term: (
            lambda x0, predicted_x0, t, alphas_cumprod: -term(x0, predicted_x0, t, alphas_cumprod)
        ),
    ),
    Mistake(
        "consistency/half-missing",
        "consistency_term",
        "Right up to a constant factor: compare with the KL of two Gaussians at one t.",
        lambda x0, predicted_x0, t, alphas_cumprod: (
            2 * consistency(x0, predicted_x0, t, alphas_cumprod)
        ),
        around=lambda term: (
            lambda x0, predicted_x0, t, alphas_cumprod: (
                2 * term(x0, predicted_x0, t, alphas_cumprod)
            )
        ),
    ),
    Mistake(
        "consistency/dimension-forgotten",
        "consistency_term",
        "Independent pixels: how do their divergences combine?",
        lambda x0, predicted_x0, t, alphas_cumprod: (
            consistency(x0, predicted_x0, t, alphas_cumprod) / x0[0].numel()
        ),
        around=lambda term: (
            lambda x0, predicted_x0, t, alphas_cumprod: (
                term(x0, predicted_x0, t, alphas_cumprod) / x0[0].numel()
            )
        ),
    ),
    Mistake(
        "consistency/square-missing",
        "consistency_term",
        "Double the error: by what factor should its cost grow?",
        lambda x0, predicted_x0, t, alphas_cumprod: (
            _weight(t, alphas_cumprod) * (x0 - predicted_x0).abs().flatten(1).sum(1)
        ),
    ),
    Mistake(
        "consistency/weight-of-the-noise-loss",
        "consistency_term",
        "Your weight fits errors of the predicted noise; which error do you square?",
        lambda x0, predicted_x0, t, alphas_cumprod: (
            consistency(x0, predicted_x0, t, alphas_cumprod) / _ratio(alphas_cumprod)[t - 1]
        ),
    ),
    Mistake(
        "consistency/one-t-for-the-batch",
        "consistency_term",
        "Each example brings its own t; yours seem to share one.",
        lambda x0, predicted_x0, t, alphas_cumprod: consistency(
            x0, predicted_x0, t[:1].expand_as(t), alphas_cumprod
        ),
        around=lambda term: (
            lambda x0, predicted_x0, t, alphas_cumprod: term(
                x0, predicted_x0, t[:1].expand_as(t), alphas_cumprod
            )
        ),
    ),
    Mistake(
        "consistency/mean-over-the-batch",
        "consistency_term",
        "One number came back for a whole batch; each image has its own.",
        lambda x0, predicted_x0, t, alphas_cumprod: consistency(
            x0, predicted_x0, t, alphas_cumprod
        ).mean(),
        around=lambda term: (
            lambda x0, predicted_x0, t, alphas_cumprod: term(
                x0, predicted_x0, t, alphas_cumprod
            ).mean()
        ),
    ),
)

MISTAKES: tuple[Mistake, ...] = _RECONSTRUCTION + _CONSISTENCY


def _kl_of_posteriors(
    x0: Tensor, predicted_x0: Tensor, t: Tensor, alphas_cumprod: Tensor
) -> Tensor:
    left, before = alphas_cumprod[t - 1], alphas_cumprod[t - 2]
    beta = 1 - left / before
    coefficient = before.sqrt() * beta / (1 - left)
    variance = beta * (1 - before) / (1 - left)
    return coefficient**2 * _squared_error(x0, predicted_x0) / (2 * variance)


def _by_distribution(x0: Tensor, predicted_x0: Tensor, variance: float) -> Tensor:
    decoder: Any = Normal(predicted_x0, math.sqrt(variance))
    return torch.as_tensor(decoder.log_prob(x0).flatten(1).sum(1))


def _kl_by_distributions(
    x0: Tensor, predicted_x0: Tensor, t: Tensor, alphas_cumprod: Tensor
) -> Tensor:
    shape = (-1, *[1] * (x0.ndim - 1))
    left, before = (alphas_cumprod.gather(0, t - i).reshape(shape) for i in (1, 2))
    alpha = left / before
    spread = ((1 - alpha) * (1 - before) / (1 - left)).sqrt().expand_as(x0)
    means = [before.sqrt() * (1 - alpha) / (1 - left) * x for x in (x0, predicted_x0)]
    pair: list[Any] = [Normal(mean, spread) for mean in means]
    return torch.as_tensor(kl_divergence(*pair).flatten(1).sum(1))


def _image_by_image(x0: Tensor, predicted_x0: Tensor, variance: float) -> Tensor:
    sums = [
        -0.5 * F.mse_loss(guess, image, reduction="sum") / variance
        - 0.5 * image.numel() * math.log(2 * math.pi * variance)
        for image, guess in zip(x0, predicted_x0, strict=True)
    ]
    return torch.stack(sums)


VARIANTS: tuple[Variant, ...] = (
    Variant("decoder/formula", "reconstruction_term", log_density),
    Variant(
        "decoder/torch-distributions",
        "reconstruction_term",
        _by_distribution,
    ),
    Variant(
        "decoder/torch-loss",
        "reconstruction_term",
        lambda x0, predicted_x0, variance: (
            -F.gaussian_nll_loss(
                predicted_x0, x0, torch.full_like(x0, variance), full=True, reduction="none"
            )
            .flatten(1)
            .sum(1)
        ),
    ),
    Variant(
        "decoder/constant-apart",
        "reconstruction_term",
        lambda x0, predicted_x0, variance: (
            -((x0 - predicted_x0).flatten(1).norm(dim=1) ** 2) / (2 * variance)
            - x0[0].numel() * (math.log(2 * math.pi) + math.log(variance)) / 2
        ),
    ),
    Variant("decoder/image-by-image", "reconstruction_term", _image_by_image),
    Variant("consistency/ratios", "consistency_term", consistency),
    Variant("consistency/torch-distributions", "consistency_term", _kl_by_distributions),
    Variant("consistency/posteriors", "consistency_term", _kl_of_posteriors),
    Variant(
        "consistency/loop",
        "consistency_term",
        lambda x0, predicted_x0, t, alphas_cumprod: torch.stack(
            [
                0.5
                * (_ratio(alphas_cumprod[step - 2]) - _ratio(alphas_cumprod[step - 1]))
                * torch.dist(image, guess) ** 2
                for image, guess, step in zip(x0, predicted_x0, t.tolist(), strict=True)
            ]
        ),
    ),
)
