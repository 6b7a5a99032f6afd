"""What the checks say to the reference with some functions replaced."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from grader.checks.declare import Check
from grader.checks.verdict import Outcome
from reference import denoisers, samplers
from reference.mistakes.samplers import MISTAKES, VARIANTS
from tests.assignments.judging import Judge

REFERENCE = {
    function: getattr(samplers, function, None) or getattr(denoisers, function)
    for function in {variant.function for variant in VARIANTS}
}
# A generator that stays None draws from torch's global one, which the reference has no need of.
SOLUTION: dict[str, Any] = REFERENCE | {"torch": torch}
JUDGE = Judge("samplers", SOLUTION, (), "samplers")
FOLDER, ASSIGNMENT, CHECKS = JUDGE.folder, JUDGE.assignment, JUDGE.checks
judged, checks_of = JUDGE.judged, JUDGE.checks_of
# With the mistakes that explain the answers, which takes longer.
explained = Judge("samplers", SOLUTION, MISTAKES, "samplers").judged


def check_named(name: str) -> Check:
    return next(check for check in CHECKS if check.name == name)


def wrong(id: str) -> Any:
    return next(mistake.code for mistake in MISTAKES if mistake.id == id)


def assert_all_pass(function: str, replaced: dict[str, Any]) -> None:
    for check in checks_of(function):
        verdict = judged(check, replaced)
        assert verdict.verdict is Outcome.PASSED, (check.name, verdict.message, verdict.evidence)


def assert_some_fail(function: str, replaced: dict[str, Any]) -> None:
    verdicts = {judged(check, replaced).verdict for check in checks_of(function)}
    assert verdicts & {Outcome.FAILED, Outcome.ERROR}


def ancestral_by(split: Callable[..., Any]) -> Callable[..., Tensor]:
    """A sampler that leaves the split of a level to a function."""

    def sample(denoise: Any, x: Tensor, sigmas: Tensor, generator: Any = None) -> Tensor:
        for sigma, following in pairwise(sigmas):
            down, up = split(sigma, following)
            x = x + (down - sigma) * (x - denoise(x, sigma)) / sigma
            x = x + up * torch.randn(x.shape, generator=generator, dtype=x.dtype)
        return x

    return sample
