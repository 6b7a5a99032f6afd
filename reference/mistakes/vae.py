"""Everything that students get wrong about the VAE, gathered from the files beside this one."""

from __future__ import annotations

from reference.mistakes import (
    vae_ancestral,
    vae_bpd,
    vae_gaussian_kl,
    vae_kl,
    vae_latent_pairs,
    vae_linear_gaussian,
    vae_loss,
    vae_manifold,
    vae_monte_carlo,
    vae_reconstruction,
    vae_reparameterization,
)
from reference.mistakes.catalogue import Mistake, Variant

_TOPICS = (
    vae_gaussian_kl,
    vae_kl,
    vae_monte_carlo,
    vae_reparameterization,
    vae_reconstruction,
    vae_loss,
    vae_bpd,
    vae_linear_gaussian,
    vae_ancestral,
    vae_manifold,
    vae_latent_pairs,
)

MISTAKES: tuple[Mistake, ...] = tuple(mistake for topic in _TOPICS for mistake in topic.MISTAKES)

VARIANTS: tuple[Variant, ...] = tuple(variant for topic in _TOPICS for variant in topic.VARIANTS)
