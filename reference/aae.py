"""Adversarial autoencoder: its two losses, what each may train, and a distance between laws."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    "AutoencoderLoss",
    "DiscriminatorLoss",
    "autoencoder_loss",
    "autoencoder_step_loss",
    "discriminator_loss",
    "discriminator_step_loss",
    "energy_distance",
    "generator_loss",
    "reconstruction_loss",
]

Map: TypeAlias = Callable[[Tensor], Tensor]


class AutoencoderLoss(NamedTuple):
    """The weighted loss of encoder and decoder and its two terms, each of shape ()."""

    total: Tensor
    reconstruction: Tensor
    adversarial: Tensor


class DiscriminatorLoss(NamedTuple):
    """The discriminator's loss, its two halves and the share it classifies rightly, each ()."""

    total: Tensor
    real: Tensor
    fake: Tensor
    accuracy: Tensor


def reconstruction_loss(x: Tensor, recon_x: Tensor) -> Tensor:
    """Mean squared error over the batch and all elements.

    Args:
        x: data, shape (B, ...).
        recon_x: reconstructions, shape (B, ...).

    Returns:
        Shape ().

    Raises:
        ValueError: the shapes differ.

    Source: Makhzani et al. 2016, section 2, reconstruction phase.
    """
    if x.shape != recon_x.shape:
        raise ValueError(
            f"reconstructions have shape {tuple(recon_x.shape)} for data of {tuple(x.shape)}; "
            "make them equal, or broadcasting hides the difference"
        )
    return (x - recon_x).square().mean()


def generator_loss(logits_fake: Tensor) -> Tensor:
    """The encoder's adversarial loss: its latents shall be taken for draws from the prior.

    Args:
        logits_fake: the discriminator's logits on encoded latents, shape (B, 1).

    Returns:
        -mean log sigmoid(logit): binary cross-entropy with the label 1, nats, shape ().

    Source: Makhzani et al. 2016, section 2; Goodfellow et al. 2014, section 3.
    """
    return F.softplus(-logits_fake).mean()


def autoencoder_loss(
    x: Tensor, recon_x: Tensor, logits_fake: Tensor, reconstruction_weight: float
) -> AutoencoderLoss:
    """Weighted loss: lambda * reconstruction + (1 - lambda) * adversarial.

    Args:
        x: data, shape (B, ...).
        recon_x: reconstructions, shape (B, ...).
        logits_fake: the discriminator's logits on encoded latents, shape (B, 1).
        reconstruction_weight: lambda, in [0, 1].

    Returns:
        The total and its unweighted terms.

    Raises:
        ValueError: lambda lies outside [0, 1], or the shapes of x and recon_x differ.

    Source: Makhzani et al. 2016, section 2, as one weighted loss.
    """
    if not 0 <= reconstruction_weight <= 1:
        raise ValueError(f"lambda is {reconstruction_weight}; give a weight from 0 to 1")
    reconstruction = reconstruction_loss(x, recon_x)
    adversarial = generator_loss(logits_fake)
    total = reconstruction_weight * reconstruction + (1 - reconstruction_weight) * adversarial
    return AutoencoderLoss(total, reconstruction, adversarial)


def discriminator_loss(logits_real: Tensor, logits_fake: Tensor) -> DiscriminatorLoss:
    """Binary cross-entropy: draws from the prior are real, encoded latents are fake.

    Args:
        logits_real: logits on draws from the prior, shape (B, 1).
        logits_fake: logits on encoded latents, shape (B, 1).

    Returns:
        The sum of the means over both batches, in nats, the means, and the accuracy over both.

    Source: Makhzani et al. 2016, section 2; Goodfellow et al. 2014, eq. 1 with its sign reversed.
    """
    real, fake = F.softplus(-logits_real).mean(), F.softplus(logits_fake).mean()
    right = torch.cat([logits_real.flatten() > 0, logits_fake.flatten() <= 0])
    return DiscriminatorLoss(real + fake, real, fake, right.to(logits_real).mean())


def autoencoder_step_loss(
    encoder: Map, decoder: Map, discriminator: Map, x: Tensor, reconstruction_weight: float
) -> AutoencoderLoss:
    """The loss that trains encoder and decoder.

    The decoder is reached by the reconstruction alone, the encoder by both terms.

    Args:
        encoder: from data to latents (B, D).
        decoder: from latents to reconstructions.
        discriminator: from latents to logits (B, 1); its parameters are not to be stepped.
        x: data, shape (B, ...).
        reconstruction_weight: lambda, in [0, 1].

    Returns:
        The total and its unweighted terms.

    Raises:
        ValueError: lambda lies outside [0, 1], or the decoder changes the shape.

    Source: Makhzani et al. 2016, section 2.
    """
    latents = encoder(x)
    return autoencoder_loss(x, decoder(latents), discriminator(latents), reconstruction_weight)


def discriminator_step_loss(
    encoder: Map, discriminator: Map, x: Tensor, prior_sample: Tensor
) -> DiscriminatorLoss:
    """The loss that trains the discriminator; no gradient reaches the encoder.

    Args:
        encoder: from data to latents (B, D).
        discriminator: from latents to logits (B, 1).
        x: data, shape (B, ...).
        prior_sample: draws from the prior, shape (B, D).

    Returns:
        The total, its halves and the accuracy.

    Source: Makhzani et al. 2016, section 2, regularisation phase.
    """
    fake = discriminator(encoder(x).detach())
    return discriminator_loss(discriminator(prior_sample), fake)


def energy_distance(a: Tensor, b: Tensor) -> Tensor:
    """2 E||X - Y|| - E||X - X'|| - E||Y - Y'|| between two samples.

    Every expectation is the mean over all pairs, a point with itself among them, so that the
    distance is never negative and zero only between equal samples.

    Args:
        a: shape (n, D).
        b: shape (m, D).

    Returns:
        In units of the data, shape ().

    Source: Szekely and Rizzo 2013, section 1.
    """
    return 2 * _mean_distance(a, b) - _mean_distance(a, a) - _mean_distance(b, b)


def _mean_distance(a: Tensor, b: Tensor) -> Tensor:
    # The expansion |a|^2 + |b|^2 - 2 ab would cancel for close points.
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").mean()
