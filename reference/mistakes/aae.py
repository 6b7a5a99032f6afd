"""Everything that students get wrong about an adversarial autoencoder, from the files here."""

from __future__ import annotations

import torch

from reference.mistakes import aae_autoencoder, aae_discriminator
from reference.mistakes.catalogue import Mistake, Variant

_TOPICS = (aae_autoencoder, aae_discriminator)

MISTAKES: tuple[Mistake, ...] = tuple(mistake for topic in _TOPICS for mistake in topic.MISTAKES)

VARIANTS: tuple[Variant, ...] = tuple(variant for topic in _TOPICS for variant in topic.VARIANTS)

# What a notebook holds beside its functions: modules are made from it that gradients pass through.
SOLUTION = {"torch": torch}
