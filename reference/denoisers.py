"""Denoisers of data whose score is known exactly, and what samplers are made to follow.

Noise has standard deviation sigma: x = x_0 + sigma * noise. A denoiser maps (x, sigma) to the mean
of x_0 given x; sigma has shape () or (..., 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from reference.ddpm import at_timestep

__all__ = [
    "gaussian_denoiser",
    "guided",
    "guided_noise",
    "mixture_denoiser",
    "noise_predictor",
    "score",
]

Denoiser: TypeAlias = Callable[[Tensor, Tensor], Tensor]


def gaussian_denoiser(mean: Tensor, cov: Tensor) -> Denoiser:
    """The exact denoiser of N(mean, cov).

    Args:
        mean: shape (D,).
        cov: positive semi-definite, shape (D, D).

    Returns:
        A denoiser of x (..., D): mean + cov (cov + sigma^2 I)^{-1} (x - mean).

    Source: Bishop 2006, eq. 2.116.
    """
    eigenvalues, vectors = torch.linalg.eigh(cov)

    def denoise(x: Tensor, sigma: Tensor) -> Tensor:
        centre, spread, axes = mean.to(x), eigenvalues.to(x), vectors.to(x)
        shrink = spread / (spread + sigma.to(x).square())
        denoised: Tensor = centre + ((x - centre) @ axes * shrink) @ axes.T
        return denoised

    return denoise


def mixture_denoiser(weights: Tensor, means: Tensor, variances: Tensor) -> Denoiser:
    """The exact denoiser of a mixture of K isotropic Gaussians.

    Args:
        weights: positive, sum to one, shape (K,).
        means: shape (K, D).
        variances: not negative, shape (K,).

    Returns:
        A denoiser of x (..., D): the components' denoised points, weighted by responsibility.

    Source: Karras et al. 2022, appendix B.3, with components of positive variance.
    """

    def denoise(x: Tensor, sigma: Tensor) -> Tensor:
        share, centres, spread = weights.to(x), means.to(x), variances.to(x)
        noisy = spread + sigma.to(x).square()  # (..., K)
        offset = x.unsqueeze(-2) - centres  # (..., K, D)
        distance = offset.square().sum(-1) / noisy
        log_density = -0.5 * (distance + means.shape[-1] * (2 * math.pi * noisy).log())
        responsibility = torch.softmax(share.log() + log_density, dim=-1)
        points = centres + (spread / noisy).unsqueeze(-1) * offset  # (..., K, D)
        return (responsibility.unsqueeze(-1) * points).sum(-2)

    return denoise


def score(denoise: Denoiser, x: Tensor, sigma: Tensor) -> Tensor:
    """Gradient of the log-density of noised data.

    Args:
        denoise: a denoiser.
        x: noised data, shape (..., D).
        sigma: standard deviation of the noise, positive, shape () or (..., 1).

    Returns:
        Shape (..., D).

    Source: Karras et al. 2022, eq. 3.
    """
    return (denoise(x, sigma) - x) / sigma.square()


def noise_predictor(denoise: Denoiser, alphas_cumprod: Tensor) -> Denoiser:
    """The exact noise model of a variance-preserving process, from a denoiser.

    Args:
        denoise: a denoiser of the same data.
        alphas_cumprod: alpha-bar in (0, 1), shape (T,).

    Returns:
        A map from x_t (B, D) and t (B,), counted from 1 to T, to the expected noise (B, D).

    Source: Ho et al. 2020, eq. 4, with x_t / sqrt(alpha-bar_t) as data noised in the manner above.
    """

    def predict(x_t: Tensor, t: Tensor) -> Tensor:
        left = at_timestep(alphas_cumprod, t, x_t)
        x, sigma = x_t / left.sqrt(), ((1 - left) / left).sqrt()
        return (x - denoise(x, sigma)) / sigma

    return predict


def guided_noise(negative: Tensor, positive: Tensor, scale: float) -> Tensor:
    """Noise predicted under classifier-free guidance: away from one prompt, towards another.

    Args:
        negative: noise predicted for the negative or the empty prompt.
        positive: noise predicted for the prompt, of the same shape.
        scale: 0 follows the negative prompt, 1 the prompt, above 1 exaggerates the difference.

    Returns:
        negative + scale * (positive - negative).

    Source: Ho and Salimans 2022, eq. 6, with scale = 1 + w.
    """
    return negative + scale * (positive - negative)


def guided(positive: Denoiser, negative: Denoiser, scale: float) -> Denoiser:
    """A model under classifier-free guidance, of noise models or of denoisers alike.

    Args:
        positive: conditioned on the prompt.
        negative: conditioned on the negative or the empty prompt.
        scale: as in `guided_noise`.

    Returns:
        A model of the same signature.

    Source: Ho and Salimans 2022, eq. 6, with scale = 1 + w.
    """
    return lambda x, time: guided_noise(negative(x, time), positive(x, time), scale)
