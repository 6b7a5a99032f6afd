"""Everything that students get wrong about a GAN, gathered from the files beside this one."""

from __future__ import annotations

from reference.mistakes import (
    gan_backward,
    gan_discriminator,
    gan_generator,
    gan_losses,
    gan_outputs,
    gan_slopes,
    gan_training,
)
from reference.mistakes.catalogue import Mistake, Variant

_TOPICS = (
    gan_slopes,
    gan_losses,
    gan_outputs,
    gan_backward,
    gan_discriminator,
    gan_generator,
    gan_training,
)

MISTAKES: tuple[Mistake, ...] = tuple(mistake for topic in _TOPICS for mistake in topic.MISTAKES)

VARIANTS: tuple[Variant, ...] = tuple(variant for topic in _TOPICS for variant in topic.VARIANTS)
