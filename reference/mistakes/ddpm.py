"""Everything that students get wrong about diffusion, gathered from the files beside this one."""

from __future__ import annotations

from reference.mistakes import (
    ddpm_drawing,
    ddpm_forward,
    ddpm_loss,
    ddpm_posterior,
    ddpm_prediction,
    ddpm_prior,
    ddpm_reverse,
    ddpm_schedule,
)
from reference.mistakes.catalogue import Mistake, Variant

_TOPICS = (
    ddpm_schedule,
    ddpm_forward,
    ddpm_prior,
    ddpm_posterior,
    ddpm_prediction,
    ddpm_loss,
    ddpm_reverse,
    ddpm_drawing,
)

MISTAKES: tuple[Mistake, ...] = tuple(mistake for topic in _TOPICS for mistake in topic.MISTAKES)

VARIANTS: tuple[Variant, ...] = tuple(variant for topic in _TOPICS for variant in topic.VARIANTS)
