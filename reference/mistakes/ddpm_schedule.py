"""Noise schedules as students get them wrong, and as they get them right."""

from __future__ import annotations

import torch
from torch import Tensor

from reference.mistakes.catalogue import Mistake, Variant

MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "schedule/reversed",
        "linear_beta_schedule",
        "Should the first step of the chain be its gentlest or its roughest?",
        lambda timesteps: torch.linspace(1e-4, 0.02, timesteps).flip(0),
    ),
    Mistake(
        "schedule/last-left-out",
        "linear_beta_schedule",
        "Your schedule stops before its last value: count the points and the gaps between them.",
        lambda timesteps: torch.linspace(1e-4, 0.02, timesteps + 1)[:-1],
    ),
    Mistake(
        "schedule/linear-in-the-root",
        "linear_beta_schedule",
        "What grows linearly here: the variance of the noise, or its standard deviation?",
        lambda timesteps: torch.linspace(1e-4**0.5, 0.02**0.5, timesteps) ** 2,
    ),
    Mistake(
        "alpha-bar/cumsum-for-cumprod",
        "alphas_cumprod",
        "What is left of the signal after two steps? Work it out by hand and compare.",
        lambda betas: torch.cumsum(1 - betas, 0),
    ),
    Mistake(
        "alpha-bar/alpha-of-one-step",
        "alphas_cumprod",
        "Yours holds what one step keeps; which quantity covers all steps up to t?",
        lambda betas: 1 - betas,
    ),
    Mistake(
        "alpha-bar/product-of-betas",
        "alphas_cumprod",
        "A beta says how much noise comes in; what says how much signal stays?",
        lambda betas: torch.cumprod(betas, 0),
    ),
    Mistake(
        "alpha-bar/betas-reversed",
        "alphas_cumprod",
        "Which beta acts first on the data?",
        lambda betas: torch.cumprod((1 - betas).flip(0), 0),
    ),
    Mistake(
        "alpha-bar/shifted",
        "alphas_cumprod",
        "After the first step some noise is there already; look at your first entry.",
        lambda betas: torch.cat([betas.new_ones(1), torch.cumprod(1 - betas, 0)[:-1]]),
    ),
)


def _schedule_by_steps(timesteps: int) -> Tensor:
    width = (0.02 - 1e-4) / max(timesteps - 1, 1)
    return 1e-4 + width * torch.arange(timesteps, dtype=torch.float32)


def _products_one_by_one(betas: Tensor) -> Tensor:
    products, product = [], torch.ones((), dtype=betas.dtype)
    for beta in betas:
        product = product * (1 - beta)
        products.append(product)
    return torch.stack(products)


VARIANTS: tuple[Variant, ...] = (
    Variant(
        "schedule/linspace",
        "linear_beta_schedule",
        lambda timesteps: torch.linspace(1e-4, 0.02, timesteps),
    ),
    Variant("schedule/steps", "linear_beta_schedule", _schedule_by_steps),
    Variant(
        "schedule/mixed",
        "linear_beta_schedule",
        lambda timesteps: torch.lerp(
            torch.tensor(1e-4), torch.tensor(0.02), torch.linspace(0, 1, timesteps)
        ),
    ),
    Variant("alpha-bar/cumprod", "alphas_cumprod", lambda betas: torch.cumprod(1 - betas, 0)),
    Variant("alpha-bar/loop", "alphas_cumprod", _products_one_by_one),
    Variant("alpha-bar/logs", "alphas_cumprod", lambda betas: torch.log1p(-betas).cumsum(0).exp()),
)
