"""Log-likelihoods and Kullback-Leibler divergences of the distributions that a VAE is made of.

Every quantity is in nats. Inputs keep their dtype; pass float64 where the answer is a yardstick.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    "bernoulli_log_likelihood",
    "categorical_log_likelihood",
    "gaussian_kl",
    "gaussian_log_likelihood",
    "kl_to_unit_gaussian",
    "to_log_var",
]

Scale = Literal["std", "var", "log_std", "log_var"]


def bernoulli_log_likelihood(logits: Tensor, x: Tensor) -> Tensor:
    """Log-probability of binary images under independent Bernoulli pixels.

    Args:
        logits: log-odds of a one, shape (B, ...).
        x: zeros and ones, shape (B, ...).

    Returns:
        Sum over everything but the batch, shape (B,), nats.

    Source: Kingma and Welling 2014, appendix C.1.
    """
    per_pixel = x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)
    return per_pixel.flatten(1).sum(dim=1)


def categorical_log_likelihood(logits: Tensor, x: Tensor) -> Tensor:
    """Log-probability of integer levels under independent categorical pixels.

    Args:
        logits: unnormalised log-probabilities, levels on axis 1, shape (B, K, H, W).
        x: integer levels in 0..K-1, shape (B, H, W) or (B, 1, H, W).

    Returns:
        Sum over the pixels, shape (B,), nats.

    Source: Bishop 2006, eq. 2.26.
    """
    levels = x.reshape(len(x), 1, *logits.shape[2:]).long()  # (B, 1, H, W)
    log_probabilities = F.log_softmax(logits, dim=1)
    return log_probabilities.gather(1, levels).flatten(1).sum(dim=1)


def gaussian_log_likelihood(x: Tensor, mean: Tensor, log_var: Tensor) -> Tensor:
    """Log-density of a diagonal Gaussian, summed over the last axis, nats.

    Source: Bishop 2006, eq. 2.42.
    """
    per_dimension = math.log(2 * math.pi) + log_var + (x - mean).square() * torch.exp(-log_var)
    return -0.5 * per_dimension.sum(dim=-1)


def gaussian_kl(mu_q: Tensor, var_q: Tensor, mu_p: Tensor, var_p: Tensor) -> Tensor:
    """KL divergence of N(mu_p, var_p) from N(mu_q, var_q), element by element, nats.

    The ratio of variances enters as r - 1 - log r with r - 1 computed first, so that nearly equal
    Gaussians keep their digits.

    Source: Bishop 2006, exercise 1.30.
    """
    excess = (var_q - var_p) / var_p
    return 0.5 * (excess - torch.log1p(excess) + (mu_q - mu_p).square() / var_p)


def kl_to_unit_gaussian(mean: Tensor, scale: Tensor, scale_is: Scale = "log_std") -> Tensor:
    """KL divergence of the unit Gaussian from a diagonal Gaussian.

    Args:
        mean: shape (..., D).
        scale: spread in the convention that `scale_is` names, shape (..., D).
        scale_is: which of the four conventions in use `scale` follows.

    Returns:
        Sum over the last axis, shape (...), nats.

    Source: Kingma and Welling 2014, appendix B.
    """
    log_var = to_log_var(scale, scale_is)
    return 0.5 * (mean.square() + torch.expm1(log_var) - log_var).sum(dim=-1)


def to_log_var(scale: Tensor, scale_is: Scale) -> Tensor:
    """Logarithm of the variance, from any of the four conventions for a Gaussian's spread.

    Raises:
        ValueError: the convention is not one of the four.
    """
    if scale_is == "log_var":
        return scale
    if scale_is == "log_std":
        return 2 * scale
    if scale_is == "var":
        return torch.log(scale)
    if scale_is == "std":
        return 2 * torch.log(scale)
    raise ValueError(f"scale_is is {scale_is!r}; it has to be std, var, log_std or log_var")
