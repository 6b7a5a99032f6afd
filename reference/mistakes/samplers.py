"""Everything that students get wrong about samplers, gathered from the files beside this one."""

from __future__ import annotations

import torch

from reference.mistakes import (
    samplers_ancestral,
    samplers_ddim,
    samplers_ddim_step,
    samplers_dpm_solver,
    samplers_euler,
    samplers_guidance,
    samplers_levels,
    samplers_multistep,
)
from reference.mistakes.catalogue import Mistake, Variant

_TOPICS = (
    samplers_levels,
    samplers_euler,
    samplers_ancestral,
    samplers_multistep,
    samplers_dpm_solver,
    samplers_ddim_step,
    samplers_ddim,
    samplers_guidance,
)

MISTAKES: tuple[Mistake, ...] = tuple(mistake for topic in _TOPICS for mistake in topic.MISTAKES)

VARIANTS: tuple[Variant, ...] = tuple(variant for topic in _TOPICS for variant in topic.VARIANTS)

# Every solution has imported torch, and a generator can be made there only.
SOLUTION = {"torch": torch}
