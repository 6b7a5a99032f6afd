"""KL of the last x_t to the prior as students get it wrong, and as they get it right."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from reference.mistakes.catalogue import Mistake, Variant


def _prior(x0: Tensor, share: Tensor) -> Tensor:
    return 0.5 * (share * x0**2 + (1 - share) - 1 - torch.log(1 - share))


def _total(values: Tensor) -> Tensor:
    return values.flatten(1).sum(1)


MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "prior/missing-half",
        "prior_kl",
        "Right up to a constant factor: look at the constant in front.",
        lambda x0, alphas_cumprod: 2 * _total(_prior(x0, alphas_cumprod[-1])),
    ),
    Mistake(
        "prior/mean-over-dimensions",
        "prior_kl",
        "Independent dimensions: what happens to their divergences?",
        lambda x0, alphas_cumprod: _prior(x0, alphas_cumprod[-1]).flatten(1).mean(1),
    ),
    Mistake(
        "prior/first-timestep",
        "prior_kl",
        "Which x_t is compared with the prior: the least or the most noised one?",
        lambda x0, alphas_cumprod: _total(_prior(x0, alphas_cumprod[0])),
    ),
    Mistake(
        "prior/log-sign",
        "prior_kl",
        "A divergence cannot be negative; which sign does the logarithm of the variance carry?",
        lambda x0, alphas_cumprod: _total(
            0.5
            * (
                alphas_cumprod[-1] * x0**2
                + (1 - alphas_cumprod[-1])
                - 1
                + torch.log(1 - alphas_cumprod[-1])
            )
        ),
    ),
    Mistake(
        "prior/data-not-scaled",
        "prior_kl",
        "The mean of x_T is not x_0 itself; what became of it on the way?",
        lambda x0, alphas_cumprod: _total(
            _prior(x0 / alphas_cumprod[-1].sqrt(), alphas_cumprod[-1])
        ),
    ),
    Mistake(
        "prior/summed-over-the-batch",
        "prior_kl",
        "One number for each example is asked for.",
        lambda x0, alphas_cumprod: _total(_prior(x0, alphas_cumprod[-1])).sum(),
    ),
)


def _prior_by_torch(x0: Tensor, alphas_cumprod: Tensor) -> Tensor:
    spread = (1 - alphas_cumprod[-1]).to(x0).sqrt().expand_as(x0)
    law = Normal(alphas_cumprod[-1].to(x0).sqrt() * x0, spread)
    return _total(kl_divergence(law, Normal(torch.zeros_like(x0), torch.ones_like(x0))))


VARIANTS: tuple[Variant, ...] = (
    Variant("prior/torch", "prior_kl", _prior_by_torch),
    Variant(
        "prior/summed",
        "prior_kl",
        lambda x0, alphas_cumprod: _total(_prior(x0, alphas_cumprod[-1].to(x0))),
    ),
    Variant(
        "prior/norms",
        "prior_kl",
        lambda x0, alphas_cumprod: (
            0.5
            * (
                alphas_cumprod[-1] * _total(x0**2)
                - x0[0].numel() * (alphas_cumprod[-1] + torch.log(1 - alphas_cumprod[-1]))
            )
        ),
    ),
)
