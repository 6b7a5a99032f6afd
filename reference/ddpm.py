"""Denoising diffusion: noise schedule, forward process and its posterior (Ho et al. 2020).

A timestep t counts from 1 to T in every argument; schedules are float64 arrays of shape (T,) whose
index 0 holds t = 1. Coefficients are computed in float64 and cast to the dtype of the data.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = [
    "alphas_cumprod",
    "at_timestep",
    "gaussian_kl_full",
    "linear_beta_schedule",
    "posterior",
    "posterior_coefficients",
    "posterior_variance",
    "prior_kl",
    "q_mean_variance",
    "q_sample",
    "q_step",
]


def linear_beta_schedule(timesteps: int, first: float = 1e-4, last: float = 0.02) -> Tensor:
    """Noise variances that grow linearly from t = 1 to t = T.

    Args:
        timesteps: T, at least 1.
        first: beta_1, in (0, 1).
        last: beta_T, in (0, 1).

    Returns:
        Betas, shape (T,), float64.

    Raises:
        ValueError: T is below 1, or a beta lies outside (0, 1).

    Source: Ho et al. 2020, section 4.
    """
    if timesteps < 1:
        raise ValueError(f"a schedule has {timesteps} timesteps, at least 1 is needed; raise T")
    betas = torch.linspace(first, last, timesteps, dtype=torch.float64)
    _require_betas(betas)
    return betas


def alphas_cumprod(betas: Tensor) -> Tensor:
    """The share of the signal's variance that is left at every timestep, alpha-bar.

    Args:
        betas: noise variances in (0, 1), shape (T,).

    Returns:
        Products of 1 - beta up to and including t, shape (T,), float64.

    Raises:
        ValueError: a beta lies outside (0, 1).

    Source: Ho et al. 2020, above eq. 4.
    """
    _require_betas(betas)
    return torch.cumprod(1 - betas.double(), dim=0)


def at_timestep(values: Tensor, t: Tensor, like: Tensor) -> Tensor:
    """The entry of a schedule at each example's own timestep.

    Args:
        values: one number for each timestep, shape (T,).
        t: timesteps from 1 to T, integer, shape (B,).
        like: data of shape (B, ...) whose dtype and device the answer takes.

    Returns:
        Entries t - 1, shape (B, 1, ..., 1): ready to broadcast over `like`.

    Raises:
        ValueError: `t` is not of shape (B,), or holds a timestep outside 1 to T.
    """
    if t.shape != like.shape[:1]:
        raise ValueError(
            f"t has shape {tuple(t.shape)} for {like.shape[0]} examples; give one timestep for each"
        )
    if bool(((t < 1) | (t > len(values))).any()):
        raise ValueError(
            f"timesteps {t.min()} to {t.max()} leave the range 1 to {len(values)}; count t from 1"
        )
    picked = values[(t - 1).to(values.device)].to(like)
    return picked.reshape(-1, *[1] * (like.ndim - 1))


def q_mean_variance(x0: Tensor, t: Tensor, alphas_cumprod: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of q(x_t | x_0).

    Args:
        x0: data, shape (B, ...).
        t: timesteps from 1 to T, shape (B,).
        alphas_cumprod: alpha-bar, shape (T,).

    Returns:
        The mean, shape (B, ...), and the variance of each element, shape (B, 1, ..., 1).

    Raises:
        ValueError: a timestep lies outside 1 to T.

    Source: Ho et al. 2020, eq. 4.
    """
    mean = at_timestep(alphas_cumprod.sqrt(), t, x0) * x0
    return mean, at_timestep(1 - alphas_cumprod, t, x0)


def q_sample(x0: Tensor, t: Tensor, noise: Tensor, alphas_cumprod: Tensor) -> Tensor:
    """Draws x_t given x_0 from standard normal noise.

    Args:
        x0: data, shape (B, ...).
        t: timesteps from 1 to T, shape (B,).
        noise: standard normal, shape (B, ...).
        alphas_cumprod: alpha-bar, shape (T,).

    Returns:
        x_t, shape (B, ...).

    Raises:
        ValueError: a timestep lies outside 1 to T.

    Source: Ho et al. 2020, eq. 4.
    """
    signal = at_timestep(alphas_cumprod.sqrt(), t, x0)
    return signal * x0 + at_timestep((1 - alphas_cumprod).sqrt(), t, x0) * noise


def q_step(x_prev: Tensor, t: Tensor, noise: Tensor, betas: Tensor) -> Tensor:
    """Draws x_t given x_{t-1} from standard normal noise: one step of the forward chain.

    Args:
        x_prev: x_{t-1}, shape (B, ...).
        t: timesteps from 1 to T, shape (B,).
        noise: standard normal, shape (B, ...).
        betas: noise variances in (0, 1), shape (T,).

    Returns:
        x_t, shape (B, ...).

    Raises:
        ValueError: a beta lies outside (0, 1), or a timestep outside 1 to T.

    Source: Ho et al. 2020, eq. 2.
    """
    _require_betas(betas)
    kept = at_timestep((1 - betas).sqrt(), t, x_prev)
    return kept * x_prev + at_timestep(betas.sqrt(), t, x_prev) * noise


def prior_kl(x0: Tensor, alphas_cumprod: Tensor) -> Tensor:
    """KL of q(x_T | x_0) to the unit Gaussian, the bound's L_T.

    Args:
        x0: data, shape (B, ...).
        alphas_cumprod: alpha-bar, shape (T,).

    Returns:
        Nats for each example, summed over its elements, shape (B,).

    Source: Ho et al. 2020, eq. 5.
    """
    last = alphas_cumprod[-1].to(x0)
    each = 0.5 * (last * x0.square() - last - torch.log1p(-last))
    return each.flatten(1).sum(1)


def posterior_variance(betas: Tensor) -> Tensor:
    """Variance of q(x_{t-1} | x_t, x_0) at every timestep, beta-tilde.

    Args:
        betas: noise variances in (0, 1), shape (T,).

    Returns:
        Variances, shape (T,), float64; zero at index 0, where x_0 itself is given.

    Raises:
        ValueError: a beta lies outside (0, 1).

    Source: Ho et al. 2020, eq. 7.
    """
    left = alphas_cumprod(betas)
    return (1 - _previous(left)) / (1 - left) * betas.double()


def posterior_coefficients(betas: Tensor) -> tuple[Tensor, Tensor]:
    """Weights of x_0 and of x_t in the mean of q(x_{t-1} | x_t, x_0).

    Args:
        betas: noise variances in (0, 1), shape (T,).

    Returns:
        The weights of x_0 and of x_t, each (T,), float64; exactly 1 and 0 at index 0.

    Raises:
        ValueError: a beta lies outside (0, 1).

    Source: Ho et al. 2020, eq. 7.
    """
    left = alphas_cumprod(betas)
    before = _previous(left)
    of_x0 = before.sqrt() * betas.double() / (1 - left)
    # beta_1 / (1 - (1 - beta_1)) is one on paper and misses it by rounding.
    of_x0[0] = 1.0
    return of_x0, (1 - betas.double()).sqrt() * (1 - before) / (1 - left)


def posterior(x0: Tensor, x_t: Tensor, t: Tensor, betas: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of q(x_{t-1} | x_t, x_0).

    Args:
        x0: data, shape (B, ...).
        x_t: noised data, shape (B, ...).
        t: timesteps from 1 to T, shape (B,).
        betas: noise variances in (0, 1), shape (T,).

    Returns:
        The mean, shape (B, ...), and the variance of each element, shape (B, 1, ..., 1). At t = 1
        they are exactly x_0 and 0.

    Raises:
        ValueError: a beta lies outside (0, 1), or a timestep outside 1 to T.

    Source: Ho et al. 2020, eq. 6 and 7.
    """
    of_x0, of_x_t = posterior_coefficients(betas)
    mean = at_timestep(of_x0, t, x0) * x0 + at_timestep(of_x_t, t, x0) * x_t
    return mean, at_timestep(posterior_variance(betas), t, x0)


def gaussian_kl_full(mean_a: Tensor, cov_a: Tensor, mean_b: Tensor, cov_b: Tensor) -> Tensor:
    """KL from N(mean_a, cov_a) to N(mean_b, cov_b) with full covariances.

    Args:
        mean_a: shape (..., D).
        cov_a: positive definite, shape (..., D, D).
        mean_b: shape (..., D).
        cov_b: positive definite, shape (..., D, D).

    Returns:
        Nats, shape (...).

    Raises:
        ValueError: a covariance is not positive definite.

    Source: Bishop 2006, exercise 2.13.
    """
    root_a, root_b = _cholesky(cov_a, "cov_a"), _cholesky(cov_b, "cov_b")
    whitened_root = torch.linalg.solve_triangular(root_b, root_a, upper=False)
    difference = (mean_b - mean_a).unsqueeze(-1)
    whitened_mean = torch.linalg.solve_triangular(root_b, difference, upper=False)
    trace = whitened_root.square().sum((-2, -1))
    log_det_ratio = 2 * (_log_diagonal(root_b) - _log_diagonal(root_a))
    distance = whitened_mean.square().sum((-2, -1))
    divergence: Tensor = 0.5 * (trace + distance - mean_a.shape[-1] + log_det_ratio)
    return divergence


def _require_betas(betas: Tensor) -> None:
    if not bool(((betas > 0) & (betas < 1)).all()):
        raise ValueError(
            f"betas run from {float(betas.min()):g} to {float(betas.max()):g}; each is a variance "
            "strictly between 0 and 1"
        )


def _previous(left: Tensor) -> Tensor:
    return torch.cat([left.new_ones(1), left[:-1]])


def _cholesky(cov: Tensor, name: str) -> Tensor:
    root: Tensor
    root, info = torch.linalg.cholesky_ex(cov)
    if bool((info != 0).any()):
        raise ValueError(f"{name} is not positive definite; give a covariance of full rank")
    return root


def _log_diagonal(root: Tensor) -> Tensor:
    return root.diagonal(dim1=-2, dim2=-1).log().sum(-1)
