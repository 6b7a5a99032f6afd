"""The variational autoencoder: bounds on log p(x), and what is computed from them.

Conventions: images (B, C, H, W), latents (B, D), Monte Carlo samples (S, B), everything in nats
unless the name says bits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = [
    "LinearGaussian",
    "elbo",
    "elbo_to_bpd",
    "importance_weighted_bound",
    "log_mean_exp",
    "manifold_grid",
    "manifold_percentiles",
    "monte_carlo_log_likelihood",
    "reparameterized_sample",
]


def reparameterized_sample(mean: Tensor, std: Tensor, noise: Tensor) -> Tensor:
    """A draw from N(mean, std^2) as a differentiable function of standard normal noise.

    Source: Kingma and Welling 2014, section 2.4.
    """
    return mean + std * noise


def elbo(log_likelihood: Tensor, kl: Tensor) -> Tensor:
    """Evidence lower bound of each image.

    Args:
        log_likelihood: log p(x | z) for samples z of q(z | x), shape (S, B).
        kl: KL(q(z | x) || p(z)), shape (B,).

    Returns:
        Shape (B,), nats.

    Source: Kingma and Welling 2014, eq. 3.
    """
    return log_likelihood.mean(dim=0) - kl


def log_mean_exp(values: Tensor, dim: int = 0) -> Tensor:
    """Logarithm of the mean of exponentials, without overflow.

    Source: Burda et al. 2016, eq. 8, inside of the expectation.
    """
    return torch.logsumexp(values, dim=dim) - math.log(values.shape[dim])


def monte_carlo_log_likelihood(log_likelihood: Tensor) -> Tensor:
    """Estimate of log p(x) from draws of the prior; biased low, its exponential is unbiased.

    Args:
        log_likelihood: log p(x | z) for samples z of the prior p(z), shape (S, B).

    Returns:
        Shape (B,), nats.

    Source: Burda et al. 2016, eq. 8, with the prior as the proposal.
    """
    return log_mean_exp(log_likelihood)


def importance_weighted_bound(log_joint: Tensor, log_q: Tensor) -> Tensor:
    """Importance-weighted bound on log p(x); the ELBO for S = 1, log p(x) in the limit.

    Args:
        log_joint: log p(x, z) for samples z of q(z | x), shape (S, B).
        log_q: log q(z | x) of the same samples, shape (S, B).

    Returns:
        Shape (B,), nats.

    Source: Burda et al. 2016, eq. 8.
    """
    return log_mean_exp(log_joint - log_q)


def elbo_to_bpd(negative_elbo: Tensor, img_shape: Sequence[int]) -> Tensor:
    """Bits per dimension of a negative ELBO.

    Args:
        negative_elbo: nats per image, shape (B,).
        img_shape: shape of the images with the batch first, (B, C, H, W).

    Returns:
        Shape (B,), bits per dimension.

    Raises:
        ValueError: `img_shape` holds no dimension beside the batch.

    Source: Theis et al. 2016, section 3.1, in bits.
    """
    if len(img_shape) < 2:
        raise ValueError(f"img_shape is {tuple(img_shape)}; it needs the batch and a dimension")
    return negative_elbo * math.log2(math.e) / math.prod(img_shape[1:])


def manifold_percentiles(n: int) -> Tensor:
    """Latent values at the middles of n equally probable slices of a unit Gaussian, shape (n,).

    Source: Kingma and Welling 2014, appendix A.
    """
    percentiles: Tensor = torch.special.ndtri((torch.arange(n, dtype=torch.float64) + 0.5) / n)
    return percentiles


def manifold_grid(n: int) -> Tensor:
    """All pairs of percentiles, row by row, shape (n * n, 2).

    Source: Kingma and Welling 2014, appendix A.
    """
    values = manifold_percentiles(n)
    return torch.cartesian_prod(values, values)


@dataclass(frozen=True)
class LinearGaussian:
    """The one latent-variable model in which everything is known: z ~ N(0, I), x = W z + b + noise.

    Attributes:
        weight: W, shape (N, D).
        bias: b, shape (N,).
        noise_var: variance of the isotropic observation noise.

    Source: Bishop 2006, eq. 12.31 to 12.42, after Tipping and Bishop 1999.
    """

    weight: Tensor
    bias: Tensor
    noise_var: float

    def log_marginal(self, x: Tensor) -> Tensor:
        """Exact log p(x) of observations (B, N), shape (B,), nats."""
        identity = torch.eye(len(self.bias), dtype=x.dtype)
        covariance = self.weight @ self.weight.T + self.noise_var * identity
        centred = x - self.bias
        mahalanobis: Tensor = (centred * torch.linalg.solve(covariance, centred.T).T).sum(dim=1)
        log_det: Tensor = torch.logdet(2 * math.pi * covariance)
        return -0.5 * (mahalanobis + log_det)

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean (B, D) and covariance (D, D) of p(z | x)."""
        identity = torch.eye(self.weight.shape[1], dtype=x.dtype)
        precision = identity + self.weight.T @ self.weight / self.noise_var
        covariance: Tensor = torch.linalg.inv(precision)
        mean = (x - self.bias) @ self.weight @ covariance / self.noise_var
        return mean, covariance

    def elbo(self, x: Tensor, mean: Tensor, covariance: Tensor) -> Tensor:
        """Exact ELBO under q(z | x) = N(mean, covariance).

        Args:
            x: observations, shape (B, N).
            mean: means of q, shape (B, D).
            covariance: covariance of q, the same for every observation, shape (D, D).

        Returns:
            Shape (B,), nats; at most `log_marginal(x)`, with equality at the posterior.
        """
        residual = x - self.bias - mean @ self.weight.T  # (B, N)
        spread = torch.trace(self.weight @ covariance @ self.weight.T)
        squares = (residual.square().sum(dim=1) + spread) / self.noise_var
        log_likelihood = -0.5 * (squares + x.shape[1] * math.log(2 * math.pi * self.noise_var))
        excess = torch.trace(covariance) - len(covariance) - torch.logdet(covariance)
        return log_likelihood - 0.5 * (mean.square().sum(dim=1) + excess)
