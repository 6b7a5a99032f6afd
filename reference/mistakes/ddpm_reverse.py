"""A step of the reverse process as students get it wrong, and as they get it right."""

from __future__ import annotations

import sys
from functools import partial

import torch
from torch import Tensor

from reference.ddpm_reverse import NoiseModel
from reference.mistakes.catalogue import Mistake, Variant
from reference.mistakes.ddpm_prediction import entry, mean_through_x0, right_mean


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
    return right_mean(x_t, model(x_t, t), t, betas) + entry(spread, t, x_t) * noise


def _step_by_where(
    model: NoiseModel, x_t: Tensor, t: Tensor, noise: Tensor, betas: Tensor, variances: Tensor
) -> Tensor:
    last = (t == 1).reshape(-1, *[1] * (x_t.ndim - 1))
    fresh = torch.where(last, torch.zeros_like(noise), noise)
    mean = mean_through_x0(x_t, model(x_t, t), t, betas)
    return mean + entry(variances, t, x_t) ** 0.5 * fresh


def _step_for_each_case(
    model: NoiseModel, x_t: Tensor, t: Tensor, noise: Tensor, betas: Tensor, variances: Tensor
) -> Tensor:
    mean = right_mean(x_t, model(x_t, t), t, betas)
    noisy = mean + variances[t - 1].to(x_t).sqrt().reshape(-1, *[1] * (x_t.ndim - 1)) * noise
    return torch.stack([mean[i] if int(t[i]) == 1 else noisy[i] for i in range(len(t))])


MISTAKES: tuple[Mistake, ...] = (
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

VARIANTS: tuple[Variant, ...] = (
    Variant("reverse/masked-spread", "p_sample", _reverse),
    Variant("reverse/where", "p_sample", _step_by_where),
    Variant("reverse/case-by-case", "p_sample", _step_for_each_case),
)
