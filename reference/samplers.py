"""Samplers of diffusion models: Euler, ancestral, linear multistep, DPM-Solver++ (2M), DDIM.

All but DDIM follow dx/dsigma = (x - denoised) / sigma from large sigma to zero, for data noised as
x = x_0 + sigma * noise (Karras et al. 2022, eq. 1). Levels `sigmas` fall strictly, shape
(N + 1,); a sampler makes N steps.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from reference.denoisers import Denoiser

__all__ = [
    "ancestral_sigmas",
    "ddim",
    "ddim_step",
    "ddim_variance",
    "dpm_solver_pp_2m",
    "euler",
    "euler_ancestral",
    "karras_sigmas",
    "linear_multistep",
    "linear_multistep_coefficients",
]


def karras_sigmas(steps: int, sigma_min: float, sigma_max: float, rho: float = 7.0) -> Tensor:
    """Noise levels that lie denser towards zero, and zero.

    Args:
        steps: N, at least 2.
        sigma_min: last level above zero.
        sigma_max: first level, above sigma_min.
        rho: how much denser; 1 is uniform.

    Returns:
        Falling levels and a final 0, shape (N + 1,), float64.

    Raises:
        ValueError: fewer than 2 steps, or levels that do not fall.

    Source: Karras et al. 2022, eq. 5.
    """
    if steps < 2 or not 0 < sigma_min < sigma_max:
        raise ValueError(
            f"{steps} steps from {sigma_max} to {sigma_min} are no schedule; "
            "give at least 2 steps and 0 < sigma_min < sigma_max"
        )
    ramp = torch.linspace(0, 1, steps, dtype=torch.float64)
    low, high = sigma_min ** (1 / rho), sigma_max ** (1 / rho)
    return torch.cat([(high + ramp * (low - high)) ** rho, ramp.new_zeros(1)])


def euler(denoise: Denoiser, x: Tensor, sigmas: Tensor) -> Tensor:
    """Euler's method on the probability flow; converges with order 1.

    Args:
        denoise: maps (x, sigma) to the expected clean data.
        x: data noised to the first level, shape (..., D).
        sigmas: falling levels, shape (N + 1,).

    Returns:
        Data at the last level, shape (..., D).

    Raises:
        ValueError: the levels do not fall.

    Source: Karras et al. 2022, algorithm 1 without its correction.
    """
    _require_falling(sigmas)
    for sigma, following in _steps(x, sigmas):
        x = x + (following - sigma) * (x - denoise(x, sigma)) / sigma
    return x


def ancestral_sigmas(sigma: Tensor, following: Tensor) -> tuple[Tensor, Tensor]:
    """Splits one level into what a deterministic step reaches and what fresh noise adds.

    Args:
        sigma: present level, positive.
        following: next level, at most sigma, of the same shape.

    Returns:
        sigma_down and sigma_up, whose squares sum to the square of the next level.

    Source: Song et al. 2021 (score SDE), appendix F: the variance of the ancestral sampler,
        (sigma^2 - following^2) following^2 / sigma^2.
    """
    down = following.square() / sigma
    return down, (following.square() - down.square()).sqrt()


def euler_ancestral(
    denoise: Denoiser, x: Tensor, sigmas: Tensor, generator: torch.Generator
) -> Tensor:
    """Euler steps to sigma_down, each followed by fresh noise of sigma_up.

    Args:
        denoise: maps (x, sigma) to the expected clean data.
        x: data noised to the first level, shape (..., D).
        sigmas: falling levels, shape (N + 1,).
        generator: on the device of x; one draw of the shape of x for each step.

    Returns:
        Data at the last level, shape (..., D).

    Raises:
        ValueError: the levels do not fall.

    Source: Song et al. 2021 (score SDE), appendix F, with an Euler step for the mean.
    """
    _require_falling(sigmas)
    for sigma, following in _steps(x, sigmas):
        down, up = ancestral_sigmas(sigma, following)
        x = x + (down - sigma) * (x - denoise(x, sigma)) / sigma
        x = x + up * torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
    return x


def linear_multistep_coefficients(sigmas: Tensor, step: int, order: int) -> Tensor:
    """Integrals over one step of the polynomials that interpolate the last derivatives.

    Args:
        sigmas: falling levels, shape (N + 1,).
        step: index of the present level, from 0 to N - 1.
        order: derivatives to interpolate, from 1 to step + 1; the present one comes first.

    Returns:
        Weights, shape (order,), float64; they sum to the step's length in sigma, a negative one.

    Raises:
        ValueError: the order exceeds the derivatives known at this step.

    Source: Hairer et al. 1993, section III.5, variable step size Adams methods.
    """
    if not 1 <= order <= step + 1:
        raise ValueError(f"order {order} at step {step}: give one from 1 to {step + 1}")
    levels = sigmas.double().cpu().numpy()
    nodes = levels[step - order + 1 : step + 1][::-1]
    start, end = levels[step], levels[step + 1]
    # Gauss-Legendre is exact here: `order` nodes integrate degree 2 order - 1, we have order - 1.
    points, weights = np.polynomial.legendre.leggauss(order)
    at = start + (end - start) * (points + 1) / 2
    basis = [_lagrange(nodes, index, at) for index in range(order)]
    return torch.from_numpy(np.stack(basis) @ weights * (end - start) / 2)


def linear_multistep(denoise: Denoiser, x: Tensor, sigmas: Tensor, order: int = 4) -> Tensor:
    """Adams-Bashforth steps in sigma, with as many derivatives as are known up to `order`.

    The first step is Euler's; its error leaves order 2 to the whole for every `order` above 1.

    Args:
        denoise: maps (x, sigma) to the expected clean data.
        x: data noised to the first level, shape (..., D).
        sigmas: falling levels, shape (N + 1,).
        order: most derivatives to use, at least 1.

    Returns:
        Data at the last level, shape (..., D).

    Raises:
        ValueError: the levels do not fall, or the order is below 1.

    Source: Hairer et al. 1993, section III.5; Liu et al. 2022 (PNDM) for its use here.
    """
    _require_falling(sigmas)
    derivatives: list[Tensor] = []
    for step, (sigma, _) in enumerate(_steps(x, sigmas)):
        derivatives = [(x - denoise(x, sigma)) / sigma, *derivatives][:order]
        used = min(order, step + 1)
        weights = linear_multistep_coefficients(sigmas, step, used).to(x)
        x = x + torch.tensordot(weights, torch.stack(derivatives), dims=1)
    return x


def dpm_solver_pp_2m(denoise: Denoiser, x: Tensor, sigmas: Tensor) -> Tensor:
    """DPM-Solver++ with two steps of memory; converges with order 2.

    The first step, and a step to level zero, are of first order.

    Args:
        denoise: maps (x, sigma) to the expected clean data.
        x: data noised to the first level, shape (..., D).
        sigmas: falling levels, shape (N + 1,).

    Returns:
        Data at the last level, shape (..., D).

    Raises:
        ValueError: the levels do not fall.

    Source: Lu et al. 2022 (DPM-Solver++), algorithm 2, for alpha = 1 and lambda = -log sigma.
    """
    _require_falling(sigmas)
    earlier: tuple[Tensor, Tensor] | None = None
    for sigma, following in _steps(x, sigmas):
        denoised = denoise(x, sigma)
        length = (sigma / following).log()
        guess = denoised
        if earlier is not None and following > 0:
            last_denoised, last_length = earlier
            guess = denoised + (denoised - last_denoised) * length / (2 * last_length)
        x = following / sigma * x - torch.expm1(-length) * guess
        earlier = denoised, length
    return x


def ddim_variance(left: Tensor, left_next: Tensor, eta: float) -> Tensor:
    """Variance of the fresh noise in one DDIM step.

    Args:
        left: alpha-bar at the present timestep, in (0, 1).
        left_next: alpha-bar at the next, less noisy one, in [left, 1].
        eta: 0 is deterministic, 1 is the ancestral sampler of DDPM.

    Returns:
        eta^2 (1 - left_next) / (1 - left) (1 - left / left_next), of the same shape.

    Source: Song et al. 2021 (DDIM), eq. 16.
    """
    return eta**2 * (1 - left_next) / (1 - left) * (1 - left / left_next)


def ddim_step(
    x_t: Tensor, noise: Tensor, left: Tensor, left_next: Tensor, eta: float, fresh: Tensor
) -> Tensor:
    """One DDIM step, possibly across many timesteps.

    Args:
        x_t: noised data, shape (B, ...).
        noise: predicted noise, shape (B, ...).
        left: alpha-bar at the present timestep, broadcasts over x_t.
        left_next: alpha-bar at the next timestep; 1 ends at x_0.
        eta: 0 is deterministic, 1 is the ancestral sampler of DDPM.
        fresh: standard normal, shape (B, ...); without effect for eta = 0.

    Returns:
        Data at the next timestep, shape (B, ...).

    Source: Song et al. 2021 (DDIM), eq. 12.
    """
    variance = ddim_variance(left, left_next, eta)
    x0 = (x_t - (1 - left).sqrt() * noise) / left.sqrt()
    kept = (1 - left_next - variance).clamp(min=0).sqrt()
    return left_next.sqrt() * x0 + kept * noise + variance.sqrt() * fresh


def ddim(model: Denoiser, x: Tensor, timesteps: Tensor, alphas_cumprod: Tensor) -> Tensor:
    """Deterministic DDIM sampling from the first timestep to x_0.

    Args:
        model: maps (x_t, t), t of shape (B,) and from 1 to T, to predicted noise.
        x: data noised to the first timestep, shape (B, ...).
        timesteps: falling, from 1 to T, shape (N,).
        alphas_cumprod: alpha-bar, shape (T,).

    Returns:
        x_0, shape (B, ...).

    Raises:
        ValueError: the timesteps do not fall, or leave the range 1 to T.

    Source: Song et al. 2021 (DDIM), eq. 12 with eta = 0.
    """
    _require_falling(timesteps)
    if int(timesteps[-1]) < 1 or int(timesteps[0]) > len(alphas_cumprod):
        raise ValueError(f"timesteps leave the range 1 to {len(alphas_cumprod)}; count t from 1")
    reached = alphas_cumprod[(timesteps - 1).to(alphas_cumprod.device)].to(x)
    following = torch.cat([reached[1:], reached.new_ones(1)])
    for t, left, left_next in zip(timesteps, reached, following, strict=True):
        noise = model(x, t.expand(len(x)).to(x.device))
        x = ddim_step(x, noise, left, left_next, 0.0, torch.zeros_like(x))
    return x


def _steps(x: Tensor, sigmas: Tensor) -> list[tuple[Tensor, Tensor]]:
    levels = sigmas.to(x)
    return list(pairwise(levels))


def _require_falling(levels: Tensor) -> None:
    if not bool((levels[1:] < levels[:-1]).all()):
        raise ValueError("noise levels and timesteps have to fall from each step to the next")


def _lagrange(
    nodes: np.ndarray[tuple[int], np.dtype[np.float64]],
    index: int,
    at: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    others = np.delete(nodes, index)
    ratios = (at[:, None] - others) / (nodes[index] - others)
    return np.asarray(ratios.prod(axis=1))
