"""Variational diffusion: the three-term bound and its weights by signal-to-noise ratio.

t counts from 1 to T; index 0 of a schedule holds t = 1, as in `reference.ddpm`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from reference.ddpm import alphas_cumprod as cumulative_product
from reference.ddpm import at_timestep, posterior_variance, prior_kl, q_mean_variance, q_sample

__all__ = [
    "BoundTerms",
    "bound_terms",
    "consistency_term",
    "image_signal_to_noise",
    "reconstruction_term",
    "signal_to_noise",
    "snr",
    "x0_loss_weights",
    "x0_loss_weights_from_snr",
]

DataModel: TypeAlias = Callable[[Tensor, Tensor], Tensor]


class BoundTerms(NamedTuple):
    """The three terms of the bound for each example, each of shape (B,), in nats."""

    reconstruction: Tensor
    prior_matching: Tensor
    consistency: Tensor

    @property
    def elbo(self) -> Tensor:
        """The lower bound on log p(x_0), shape (B,), nats."""
        return self.reconstruction - self.prior_matching - self.consistency


def snr(alphas_cumprod: Tensor) -> Tensor:
    """Signal-to-noise ratio at every timestep.

    Args:
        alphas_cumprod: alpha-bar in (0, 1), shape (T,).

    Returns:
        alpha-bar / (1 - alpha-bar), shape (T,); decreases with t.

    Source: Kingma et al. 2021, eq. 2.
    """
    return alphas_cumprod / (1 - alphas_cumprod)


def x0_loss_weights(betas: Tensor) -> Tensor:
    """Weights of the squared error of the predicted x_0, from the posterior's coefficients.

    Args:
        betas: noise variances in (0, 1), shape (T,), T at least 2.

    Returns:
        Weights for t = 2 to T, shape (T - 1,), float64.

    Raises:
        ValueError: a beta lies outside (0, 1).

    Source: Luo 2022, Equivalent Interpretations, the x_0 form.
    """
    left = cumulative_product(betas)
    numerator = left[:-1] * betas[1:].double().square()
    return numerator / (2 * posterior_variance(betas)[1:] * (1 - left[1:]).square())


def x0_loss_weights_from_snr(alphas_cumprod: Tensor) -> Tensor:
    """The same weights as half of what the signal-to-noise ratio loses in each step.

    Args:
        alphas_cumprod: alpha-bar in (0, 1), shape (T,), T at least 2.

    Returns:
        Weights for t = 2 to T, shape (T - 1,).

    Source: Kingma et al. 2021, section 4; Luo 2022, Learning Diffusion Noise Parameters.
    """
    ratio = snr(alphas_cumprod)
    return 0.5 * (ratio[:-1] - ratio[1:])


def reconstruction_term(x0: Tensor, predicted_x0: Tensor, variance: float) -> Tensor:
    """Log-likelihood of x_0 given x_1 under a Gaussian decoder.

    Args:
        x0: data, shape (B, ...).
        predicted_x0: the model's x_0 from x_1, shape (B, ...).
        variance: of the decoder, positive.

    Returns:
        Nats for each example, summed over its elements, shape (B,).

    Raises:
        ValueError: the variance is not positive.

    Source: Luo 2022, eq. 58.
    """
    if not variance > 0:
        raise ValueError(f"the decoder's variance is {variance}; give one above 0")
    error = (x0 - predicted_x0).square() / variance
    return -0.5 * (error + math.log(2 * math.pi * variance)).flatten(1).sum(1)


def consistency_term(x0: Tensor, predicted_x0: Tensor, t: Tensor, alphas_cumprod: Tensor) -> Tensor:
    """KL of q(x_{t-1} | x_t, x_0) to the same Gaussian with x_0 predicted.

    Args:
        x0: data, shape (B, ...).
        predicted_x0: the model's x_0 from x_t, shape (B, ...).
        t: timesteps from 2 to T, shape (B,).
        alphas_cumprod: alpha-bar in (0, 1), shape (T,).

    Returns:
        Nats for each example, summed over its elements, shape (B,).

    Raises:
        ValueError: a timestep lies outside 2 to T.

    Source: Luo 2022, Learning Diffusion Noise Parameters.
    """
    weights = x0_loss_weights_from_snr(alphas_cumprod)
    error = (x0 - predicted_x0).square()
    return (at_timestep(weights, t - 1, x0) * error).flatten(1).sum(1)


def bound_terms(
    model: DataModel, x0: Tensor, noise: Tensor, alphas_cumprod: Tensor, decoder_variance: float
) -> BoundTerms:
    """The three-term bound, with one draw of noise for each timestep and example.

    Args:
        model: maps (x_t, t) to a predicted x_0; called once on T * B examples.
        x0: data, shape (B, ...).
        noise: standard normal, shape (T, B, ...).
        alphas_cumprod: alpha-bar in (0, 1), shape (T,), T at least 2.
        decoder_variance: of p(x_0 | x_1), positive.

    Returns:
        Reconstruction, prior matching and consistency summed over t = 2 to T, each (B,), nats.

    Raises:
        ValueError: the decoder's variance is not positive.

    Source: Luo 2022, eq. 58.
    """
    steps, batch = noise.shape[:2]
    t = torch.arange(1, steps + 1, device=x0.device).repeat_interleave(batch)
    repeated = x0.expand_as(noise).flatten(0, 1)  # (T * B, ...)
    predicted = model(q_sample(repeated, t, noise.flatten(0, 1), alphas_cumprod), t)
    later = slice(batch, None)
    each = consistency_term(repeated[later], predicted[later], t[later], alphas_cumprod)
    return BoundTerms(
        reconstruction_term(x0, predicted[:batch], decoder_variance),
        prior_kl(x0, alphas_cumprod),
        each.reshape(steps - 1, batch).sum(0),
    )


def signal_to_noise(mean: Tensor, cov: Tensor) -> Tensor:
    """Power of a Gaussian's mean over the power of its noise.

    Args:
        mean: shape (..., D).
        cov: shape (..., D, D).

    Returns:
        ||mean||^2 / tr(cov), shape (...).

    Source: Kingma et al. 2021, eq. 2, for a vector.
    """
    return mean.square().sum(-1) / cov.diagonal(dim1=-2, dim2=-1).sum(-1)


def image_signal_to_noise(x0: Tensor, t: Tensor, alphas_cumprod: Tensor) -> Tensor:
    """Signal-to-noise ratio of given images at their timesteps.

    Args:
        x0: images, shape (B, ...).
        t: timesteps from 1 to T, shape (B,).
        alphas_cumprod: alpha-bar in (0, 1), shape (T,).

    Returns:
        Squared norm of the mean of q(x_t | x_0) over the trace of its covariance, shape (B,).

    Raises:
        ValueError: a timestep lies outside 1 to T.

    Source: Kingma et al. 2021, eq. 2, for a vector.
    """
    mean, variance = q_mean_variance(x0, t, alphas_cumprod)
    power = mean.square().flatten(1).sum(1)
    return power / variance.expand_as(x0).flatten(1).sum(1)
