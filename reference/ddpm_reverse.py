"""Denoising diffusion: parametrisations of the reverse process, its loss and its sampler.

A model maps (x_t, t) to the noise it believes was added; t counts from 1, as in `reference.ddpm`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from reference.ddpm import alphas_cumprod as cumulative_product
from reference.ddpm import at_timestep, posterior_coefficients, q_sample

__all__ = [
    "diffusion_loss",
    "mean_from_noise",
    "noise_from_mean",
    "noise_from_x0",
    "p_sample",
    "sample",
    "x0_from_mean",
    "x0_from_noise",
]

NoiseModel: TypeAlias = Callable[[Tensor, Tensor], Tensor]


def noise_from_x0(x0: Tensor, x_t: Tensor, t: Tensor, alphas_cumprod: Tensor) -> Tensor:
    """The noise that turned x_0 into x_t.

    Args:
        x0: data, shape (B, ...).
        x_t: noised data, shape (B, ...).
        t: timesteps from 1 to T, shape (B,).
        alphas_cumprod: alpha-bar, shape (T,).

    Returns:
        Noise in units of its standard deviation, shape (B, ...).

    Raises:
        ValueError: a timestep lies outside 1 to T.

    Source: Ho et al. 2020, eq. 4 solved for the noise.
    """
    signal = at_timestep(alphas_cumprod.sqrt(), t, x0)
    return (x_t - signal * x0) / at_timestep((1 - alphas_cumprod).sqrt(), t, x0)


def x0_from_noise(x_t: Tensor, noise: Tensor, t: Tensor, alphas_cumprod: Tensor) -> Tensor:
    """The x_0 that `noise` turned into x_t; never clipped.

    Args:
        x_t: noised data, shape (B, ...).
        noise: true or predicted noise, shape (B, ...).
        t: timesteps from 1 to T, shape (B,).
        alphas_cumprod: alpha-bar, shape (T,).

    Returns:
        x_0, shape (B, ...).

    Raises:
        ValueError: a timestep lies outside 1 to T.

    Source: Ho et al. 2020, eq. 15.
    """
    spread = at_timestep((1 - alphas_cumprod).sqrt(), t, x_t)
    return (x_t - spread * noise) / at_timestep(alphas_cumprod.sqrt(), t, x_t)


def mean_from_noise(x_t: Tensor, noise: Tensor, t: Tensor, betas: Tensor) -> Tensor:
    """Mean of x_{t-1} given x_t under predicted noise.

    Args:
        x_t: noised data, shape (B, ...).
        noise: true or predicted noise, shape (B, ...).
        t: timesteps from 1 to T, shape (B,).
        betas: noise variances in (0, 1), shape (T,).

    Returns:
        Mean, shape (B, ...).

    Raises:
        ValueError: a beta lies outside (0, 1), or a timestep outside 1 to T.

    Source: Ho et al. 2020, eq. 11.
    """
    scale, divisor = _noise_scale(betas)
    return (x_t - at_timestep(scale, t, x_t) * noise) / at_timestep(divisor, t, x_t)


def noise_from_mean(mean: Tensor, x_t: Tensor, t: Tensor, betas: Tensor) -> Tensor:
    """The predicted noise behind a mean of x_{t-1}: the inverse of `mean_from_noise`.

    Args:
        mean: mean of x_{t-1} given x_t, shape (B, ...).
        x_t: noised data, shape (B, ...).
        t: timesteps from 1 to T, shape (B,).
        betas: noise variances in (0, 1), shape (T,).

    Returns:
        Noise in units of its standard deviation, shape (B, ...).

    Raises:
        ValueError: a beta lies outside (0, 1), or a timestep outside 1 to T.

    Source: Ho et al. 2020, eq. 11 solved for the noise.
    """
    scale, divisor = _noise_scale(betas)
    return (x_t - at_timestep(divisor, t, x_t) * mean) / at_timestep(scale, t, x_t)


def x0_from_mean(mean: Tensor, x_t: Tensor, t: Tensor, betas: Tensor) -> Tensor:
    """The x_0 for which the posterior q(x_{t-1} | x_t, x_0) has this mean.

    Args:
        mean: mean of x_{t-1} given x_t, shape (B, ...).
        x_t: noised data, shape (B, ...).
        t: timesteps from 1 to T, shape (B,).
        betas: noise variances in (0, 1), shape (T,).

    Returns:
        x_0, shape (B, ...).

    Raises:
        ValueError: a beta lies outside (0, 1), or a timestep outside 1 to T.

    Source: Ho et al. 2020, eq. 7 solved for x_0.
    """
    of_x0, of_x_t = posterior_coefficients(betas)
    return (mean - at_timestep(of_x_t, t, x_t) * x_t) / at_timestep(of_x0, t, x_t)


def diffusion_loss(
    model: NoiseModel, x0: Tensor, t: Tensor, noise: Tensor, alphas_cumprod: Tensor
) -> Tensor:
    """L_simple: mean squared error between the noise and its prediction.

    Args:
        model: maps (x_t, t) to predicted noise of the shape of x_t.
        x0: data, shape (B, ...).
        t: timesteps from 1 to T, shape (B,).
        noise: standard normal, shape (B, ...).
        alphas_cumprod: alpha-bar, shape (T,).

    Returns:
        The mean over the batch and all elements, shape ().

    Raises:
        ValueError: a timestep lies outside 1 to T, or the model changes the shape.

    Source: Ho et al. 2020, eq. 14.
    """
    predicted = model(q_sample(x0, t, noise, alphas_cumprod), t)
    if predicted.shape != noise.shape:
        raise ValueError(
            f"the model returned shape {tuple(predicted.shape)} for {tuple(noise.shape)}; "
            "it has to predict one noise for each element"
        )
    return (noise - predicted).square().mean()


def p_sample(
    model: NoiseModel, x_t: Tensor, t: Tensor, noise: Tensor, betas: Tensor, variances: Tensor
) -> Tensor:
    """One step of ancestral sampling: x_{t-1} given x_t. The last step, t = 1, adds no noise.

    Args:
        model: maps (x_t, t) to predicted noise of the shape of x_t.
        x_t: noised data, shape (B, ...).
        t: timesteps from 1 to T, shape (B,).
        noise: standard normal, shape (B, ...).
        betas: noise variances in (0, 1), shape (T,).
        variances: of the reverse step, shape (T,): `betas` or `posterior_variance(betas)`.

    Returns:
        x_{t-1}, shape (B, ...).

    Raises:
        ValueError: a beta lies outside (0, 1), or a timestep outside 1 to T.

    Source: Ho et al. 2020, algorithm 2.
    """
    mean = mean_from_noise(x_t, model(x_t, t), t, betas)
    spread = variances.sqrt().index_fill(0, torch.tensor([0], device=variances.device), 0.0)
    return mean + at_timestep(spread, t, x_t) * noise


@torch.no_grad()
def sample(
    model: NoiseModel,
    shape: tuple[int, ...],
    betas: Tensor,
    variances: Tensor,
    generator: torch.Generator,
    dtype: torch.dtype = torch.float64,
) -> Tensor:
    """Ancestral sampling from x_T to x_0.

    Args:
        model: maps (x_t, t) to predicted noise of the shape of x_t.
        shape: (B, ...).
        betas: noise variances in (0, 1), shape (T,).
        variances: of the reverse step, shape (T,): `betas` or `posterior_variance(betas)`.
        generator: source of all noise; the answer lies on its device.
        dtype: of the answer.

    Returns:
        x_0, shape `shape`.

    Raises:
        ValueError: a beta lies outside (0, 1).

    Source: Ho et al. 2020, algorithm 2.
    """
    device = generator.device
    x = torch.randn(shape, generator=generator, device=device, dtype=dtype)
    for step in range(len(betas), 0, -1):
        t = torch.full(shape[:1], step, device=device)
        noise = torch.randn(shape, generator=generator, device=device, dtype=dtype)
        x = p_sample(model, x, t, noise, betas, variances)
    return x


def _noise_scale(betas: Tensor) -> tuple[Tensor, Tensor]:
    left = cumulative_product(betas)
    return betas.double() / (1 - left).sqrt(), (1 - betas.double()).sqrt()
