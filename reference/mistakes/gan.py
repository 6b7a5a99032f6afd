"""Everything that students get wrong about a GAN, gathered from the files beside this one."""

from __future__ import annotations

from reference.mistakes import gan_discriminator, gan_generator
from reference.mistakes.catalogue import Mistake, Variant

_TOPICS = (gan_discriminator, gan_generator)

MISTAKES: tuple[Mistake, ...] = tuple(mistake for topic in _TOPICS for mistake in topic.MISTAKES)

VARIANTS: tuple[Variant, ...] = tuple(variant for topic in _TOPICS for variant in topic.VARIANTS)
