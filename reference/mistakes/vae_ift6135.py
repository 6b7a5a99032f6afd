"""Densities and divergences of the IFT6135 sheet as students get them wrong, and right."""

from __future__ import annotations

from reference.mistakes import vae_densities, vae_divergences
from reference.mistakes.catalogue import Mistake, Variant

MISTAKES: tuple[Mistake, ...] = (*vae_densities.MISTAKES, *vae_divergences.MISTAKES)

VARIANTS: tuple[Variant, ...] = (*vae_densities.VARIANTS, *vae_divergences.VARIANTS)
