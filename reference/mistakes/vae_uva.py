"""What students of the UvA course get wrong about the VAE, gathered from the files beside this."""

from __future__ import annotations

from reference.mistakes import (
    vae_bpd,
    vae_kl,
    vae_reparameterization,
    vae_uva_manifold,
    vae_uva_model,
    vae_uva_networks,
    vae_uva_variants,
)
from reference.mistakes.catalogue import Mistake, Variant

_TOPICS = (
    vae_reparameterization,
    vae_kl,
    vae_bpd,
    vae_uva_networks,
    vae_uva_model,
    vae_uva_manifold,
)

MISTAKES: tuple[Mistake, ...] = tuple(mistake for topic in _TOPICS for mistake in topic.MISTAKES)

VARIANTS: tuple[Variant, ...] = (
    *vae_reparameterization.VARIANTS,
    *vae_kl.VARIANTS,
    *vae_bpd.VARIANTS,
    *vae_uva_networks.VARIANTS,
    *vae_uva_variants.VARIANTS,
    *vae_uva_manifold.VARIANTS,
)
