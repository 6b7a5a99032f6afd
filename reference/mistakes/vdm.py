"""Everything that students get wrong about the variational bound, gathered from its files."""

from __future__ import annotations

from reference.mistakes import vdm_bound, vdm_ratio, vdm_terms, vdm_weights
from reference.mistakes.catalogue import Mistake, Variant

_TOPICS = (vdm_ratio, vdm_weights, vdm_terms, vdm_bound)

MISTAKES: tuple[Mistake, ...] = tuple(mistake for topic in _TOPICS for mistake in topic.MISTAKES)

VARIANTS: tuple[Variant, ...] = tuple(variant for topic in _TOPICS for variant in topic.VARIANTS)
