"""Everything that students get wrong about attention, gathered from the files beside this one."""

from __future__ import annotations

from reference.mistakes import (
    attention_additive,
    attention_heads,
    attention_positions,
    attention_rotary,
    attention_weights,
    attention_window,
)
from reference.mistakes.catalogue import Mistake, Variant

_TOPICS = (
    attention_weights,
    attention_heads,
    attention_additive,
    attention_window,
    attention_positions,
    attention_rotary,
)

MISTAKES: tuple[Mistake, ...] = tuple(mistake for topic in _TOPICS for mistake in topic.MISTAKES)

VARIANTS: tuple[Variant, ...] = tuple(variant for topic in _TOPICS for variant in topic.VARIANTS)
