"""Denoising diffusion: the variational bound, term by term, and bits per dimension.

Terms are named as in Ho et al. 2020, eq. 5: L_0 is the discretised decoder, L_{t-1} compares the
reverse step at t with the posterior, L_T compares q(x_T | x_0) with the prior.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from reference.ddpm import (
    alphas_cumprod,
    at_timestep,
    posterior,
    posterior_variance,
    prior_kl,
    q_sample,
)
from reference.ddpm_reverse import NoiseModel, mean_from_noise

__all__ = [
    "bits_per_dimension",
    "bound_term",
    "bound_terms",
    "denoising_kl",
    "discretised_decoder_nll",
]


def discretised_decoder_nll(x0: Tensor, mean: Tensor, variance: Tensor, levels: int) -> Tensor:
    """Negative log-probability of quantised data under a Gaussian cut into bins.

    The outermost bins reach to infinity, so that the levels' probabilities sum to one.

    Args:
        x0: data on a grid of `levels` values scaled to [-1, 1], shape (B, ...).
        mean: of the Gaussian, shape (B, ...).
        variance: positive, broadcasts over x0.
        levels: number of grey values, at least 2.

    Returns:
        Nats for each example, summed over its elements, shape (B,).

    Raises:
        ValueError: fewer than 2 levels, or a variance that is not positive.

    Source: Ho et al. 2020, eq. 13.
    """
    if levels < 2:
        raise ValueError(f"{levels} levels cannot be told apart; give at least 2")
    if not bool((variance > 0).all()):
        raise ValueError("a decoder's variance is not positive; give t = 1 a variance of its own")
    half_bin = 1 / (levels - 1)
    edge = 1 - half_bin
    below = torch.where(x0 < -edge, -math.inf, (x0 - half_bin - mean) / variance.sqrt())
    above = torch.where(x0 > edge, math.inf, (x0 + half_bin - mean) / variance.sqrt())
    return -_log_interval(below, above).flatten(1).sum(1)


def denoising_kl(
    predicted_noise: Tensor, x0: Tensor, x_t: Tensor, t: Tensor, betas: Tensor, variances: Tensor
) -> Tensor:
    """KL of the posterior q(x_{t-1} | x_t, x_0) to the reverse step, the bound's L_{t-1}.

    Args:
        predicted_noise: the model's answer at (x_t, t), shape (B, ...).
        x0: data, shape (B, ...).
        x_t: noised data, shape (B, ...).
        t: timesteps from 2 to T, shape (B,).
        betas: noise variances in (0, 1), shape (T,).
        variances: of the reverse step, positive, shape (T,).

    Returns:
        Nats for each example, summed over its elements, shape (B,); infinite at t = 1, where the
        posterior is a point.

    Raises:
        ValueError: a beta lies outside (0, 1), or a timestep outside 1 to T.

    Source: Ho et al. 2020, eq. 5, 8 and 11.
    """
    true_mean, _ = posterior(x0, x_t, t, betas)
    mean = mean_from_noise(x_t, predicted_noise, t, betas)
    ratio = posterior_variance(betas) / variances
    spread = at_timestep(0.5 * (ratio - 1 - ratio.log()), t, x0)
    return _per_example(spread + _half_square(true_mean - mean, variances, t))


def bound_term(
    predicted_noise: Tensor,
    x0: Tensor,
    x_t: Tensor,
    t: Tensor,
    betas: Tensor,
    variances: Tensor,
    levels: int,
) -> Tensor:
    """The bound's L_{t-1} at each example's own timestep: the decoder at t = 1, a KL above.

    T times its mean over t drawn uniformly from 1 to T, plus `prior_kl`, is the bound.

    Args:
        predicted_noise: the model's answer at (x_t, t), shape (B, ...).
        x0: data on a grid of `levels` values scaled to [-1, 1], shape (B, ...).
        x_t: noised data, shape (B, ...).
        t: timesteps from 1 to T, shape (B,).
        betas: noise variances in (0, 1), shape (T,).
        variances: of the reverse step, positive, shape (T,); index 0 is the decoder's.
        levels: number of grey values, at least 2.

    Returns:
        Nats for each example, summed over its elements, shape (B,).

    Raises:
        ValueError: a variance is not positive, a beta lies outside (0, 1), a timestep outside
            1 to T, or there are fewer than 2 levels.

    Source: Ho et al. 2020, eq. 5 and 13.
    """
    mean = mean_from_noise(x_t, predicted_noise, t, betas)
    decoder = discretised_decoder_nll(x0, mean, variances[:1].to(x0), levels)
    later = t.clamp(min=2)
    kl = denoising_kl(predicted_noise, x0, x_t, later, betas, variances)
    return torch.where(t == 1, decoder, kl)


def bound_terms(
    model: NoiseModel, x0: Tensor, noise: Tensor, betas: Tensor, variances: Tensor, levels: int
) -> Tensor:
    """Every term of the bound for every example, with one draw of noise for each.

    Args:
        model: maps (x_t, t) to predicted noise of the shape of x_t; called once on T * B examples.
        x0: data on a grid of `levels` values scaled to [-1, 1], shape (B, ...).
        noise: standard normal, shape (T, B, ...).
        betas: noise variances in (0, 1), shape (T,), at least two.
        variances: of the reverse step, positive, shape (T,); index 0 is the decoder's.
        levels: number of grey values, at least 2.

    Returns:
        L_0 to L_T in nats, shape (T + 1, B); their sum bounds -log p(x_0) from above in the mean.

    Raises:
        ValueError: as `bound_term`.

    Source: Ho et al. 2020, eq. 5.
    """
    steps, batch = noise.shape[:2]
    t = torch.arange(1, steps + 1, device=x0.device).repeat_interleave(batch)
    repeated = x0.expand_as(noise).flatten(0, 1)  # (T * B, ...)
    left = alphas_cumprod(betas)
    x_t = q_sample(repeated, t, noise.flatten(0, 1), left)
    terms = bound_term(model(x_t, t), repeated, x_t, t, betas, variances, levels)
    return torch.cat([terms.reshape(steps, batch), prior_kl(x0, left).unsqueeze(0)])


def bits_per_dimension(nats: Tensor, shape: Sequence[int]) -> Tensor:
    """Nats for each example as bits for each of its dimensions.

    Args:
        nats: negative log-likelihood or bound, shape (B,).
        shape: (B, C, H, W) of the data; the first entry is the batch.

    Returns:
        nats * log2(e) / (C H W), shape (B,).

    Source: Ho et al. 2020, table 1, column NLL.
    """
    return nats * (math.log2(math.e) / math.prod(shape[1:]))


def _half_square(difference: Tensor, variances: Tensor, t: Tensor) -> Tensor:
    return 0.5 * difference.square() / at_timestep(variances, t, difference)


def _per_example(values: Tensor) -> Tensor:
    return values.flatten(1).sum(1)


def _log_interval(below: Tensor, above: Tensor) -> Tensor:
    # In the upper tail both CDFs round to one; by symmetry the lower tail holds the same mass.
    flip = below + above > 0
    low, high = torch.where(flip, -above, below), torch.where(flip, -below, above)
    log_high: Tensor = torch.special.log_ndtr(high)
    return log_high + torch.log(-torch.expm1(torch.special.log_ndtr(low) - log_high))
