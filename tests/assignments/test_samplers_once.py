"""A mistake in an early function is not marked down again in a sampler that is built on it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from grader.checks.verdict import Outcome
from reference.mistakes.samplers import MISTAKES
from tests.assignments.samplers_verdicts import (
    ancestral_by,
    assert_all_pass,
    assert_some_fail,
    checks_of,
    judged,
    wrong,
)


@pytest.mark.parametrize(
    "name", [m.id.split("/")[1] for m in MISTAKES if m.function == "ancestral_sigmas"]
)
def test_a_wrong_split_costs_its_points_once(name: str) -> None:
    split = wrong(f"ancestral-levels/{name}")
    sampler = {"euler_ancestral": ancestral_by(split)}
    assert_all_pass("euler_ancestral", sampler | {"ancestral_sigmas": split})
    assert_some_fail("ancestral_sigmas", {"ancestral_sigmas": split})
    assert_some_fail("euler_ancestral", sampler)


def multistep_by(weigh: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def sample(denoise: Any, x: Tensor, sigmas: Tensor, order: int = 4) -> Tensor:
        slopes: list[Tensor] = []
        for step, sigma in enumerate(sigmas[:-1]):
            slopes = [(x - denoise(x, sigma)) / sigma, *slopes][:order]
            weights = weigh(sigmas, step, len(slopes))
            x = x + sum(w * slope for w, slope in zip(weights, slopes, strict=True))
        return x

    return sample


@pytest.mark.parametrize("name", ["oldest-first", "evenly-spaced", "first-order-throughout"])
def test_wrong_weights_cost_their_points_once(name: str) -> None:
    weights = wrong(f"weights/{name}")
    sampler = {"linear_multistep": multistep_by(weights)}
    assert_all_pass("linear_multistep", sampler | {"linear_multistep_coefficients": weights})
    assert_some_fail("linear_multistep_coefficients", {"linear_multistep_coefficients": weights})
    assert_some_fail("linear_multistep", sampler)


def step_by(variance: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def step(
        x_t: Tensor, noise: Tensor, left: Tensor, left_next: Tensor, eta: float, fresh: Tensor
    ) -> Tensor:
        added = variance(left, left_next, eta)
        x0 = (x_t - (1 - left).sqrt() * noise) / left.sqrt()
        kept = (1 - left_next - added).clamp(min=0).sqrt()
        return left_next.sqrt() * x0 + kept * noise + added.sqrt() * fresh

    return step


@pytest.mark.parametrize("name", ["eta-not-squared", "eta-ignored"])
def test_a_wrong_variance_costs_its_points_once(name: str) -> None:
    variance = wrong(f"ddim-variance/{name}")
    step = {"ddim_step": step_by(variance)}
    assert_all_pass("ddim_step", step | {"ddim_variance": variance})
    assert_some_fail("ddim_variance", {"ddim_variance": variance})
    assert_some_fail("ddim_step", step)


def ddim_by(step: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def sample(model: Any, x: Tensor, timesteps: Tensor, left: Tensor) -> Tensor:
        stops = [*left[timesteps - 1], torch.ones(())]
        for t, pair in zip(timesteps, pairwise(stops), strict=True):
            x = step(x, model(x, t.repeat(len(x))), *pair, 0.0, torch.zeros_like(x))
        return x

    return sample


@pytest.mark.parametrize("name", ["x0-without-root", "noise-added", "variance-as-std"])
def test_a_wrong_step_costs_its_points_once(name: str) -> None:
    step = wrong(f"ddim-step/{name}")
    sampler = {"ddim": ddim_by(step)}
    public = [check for check in checks_of("ddim") if not check.hidden]
    for check in public:
        verdict = judged(check, sampler | {"ddim_step": step})
        assert verdict.verdict is Outcome.PASSED, (check.name, verdict.message)
    assert_some_fail("ddim_step", {"ddim_step": step})
    assert_some_fail("ddim", sampler)


@pytest.mark.parametrize("name", [m.id for m in MISTAKES if m.function == "guided_noise"])
def test_wrong_guidance_costs_its_points_once(name: str) -> None:
    combine = wrong(name)

    def guided(positive: Any, negative: Any, scale: float) -> Any:
        return lambda x, time: combine(negative(x, time), positive(x, time), scale)

    assert_all_pass("guided", {"guided": guided, "guided_noise": combine})
    assert_some_fail("guided_noise", {"guided_noise": combine})
    assert_some_fail("guided", {"guided": guided})
