"""What students of CS236 get wrong about the VAE, gathered from the files beside this one."""

from __future__ import annotations

from reference.mistakes import (
    vae_cs236_densities,
    vae_cs236_models,
    vae_cs236_variants,
    vae_reparameterization,
)
from reference.mistakes.catalogue import Mistake, Variant

MISTAKES: tuple[Mistake, ...] = (
    *vae_reparameterization.MISTAKES,
    *vae_cs236_densities.MISTAKES,
    *vae_cs236_models.MISTAKES,
)

VARIANTS: tuple[Variant, ...] = (
    *vae_reparameterization.VARIANTS,
    *vae_cs236_densities.VARIANTS,
    *vae_cs236_variants.VARIANTS,
)
