"""Ways in which students write samplers, in the idioms of the libraries that they come from."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from grader.checks.verdict import Outcome
from reference import samplers
from tests.assignments.samplers_verdicts import checks_of, judged


@torch.no_grad()
def euler_with_s_in(model: Any, x: Tensor, sigmas: Tensor, s_churn: float = 0.0) -> Tensor:
    """A level for every example, and parameters of its own."""
    s_in = x.new_ones([x.shape[0]])
    for i in range(len(sigmas) - 1):
        sigma_hat = sigmas[i] * (1 + s_churn)
        levels = (sigma_hat * s_in)[(...,) + (None,) * (x.ndim - 1)]
        slope = (x - model(x, sigma_hat * s_in)) / levels
        x = x + slope * (sigmas[i + 1] - sigma_hat)
    return x


def euler_by_recursion(denoise: Any, x: Tensor, sigmas: Tensor) -> Tensor:
    if len(sigmas) < 2:
        return x
    ratio = sigmas[1] / sigmas[0]
    return euler_by_recursion(denoise, ratio * x + (1 - ratio) * denoise(x, sigmas[0]), sigmas[1:])


def levels_in_a_list(
    steps: int, sigma_min: float, sigma_max: float, rho: float = 7.0
) -> list[float]:
    low, high = sigma_min ** (1 / rho), sigma_max ** (1 / rho)
    return [*((high + i / (steps - 1) * (low - high)) ** rho for i in range(steps)), 0]


def split_by_eta(sigma: Tensor, following: Tensor) -> tuple[Any, Any]:
    up = min(following, (following**2 * (sigma**2 - following**2) / sigma**2) ** 0.5)
    return (following**2 - up**2) ** 0.5, up


def ancestral_with_normal(
    denoise: Any, x: Tensor, sigmas: Tensor, generator: torch.Generator | None = None
) -> Tensor:
    for sigma, following in itertools.pairwise(sigmas):
        down, up = split_by_eta(sigma, following)
        x = torch.lerp(denoise(x, sigma), x, (down / sigma).to(x.dtype))
        x = torch.normal(x, up.to(x.dtype).expand(x.shape), generator=generator)
    return x


def weights_by_polynomials(sigmas: Tensor, step: int, order: int) -> Any:
    nodes, found = sigmas[step - order + 1 : step + 1].flip(0).double().numpy(), []
    for node in nodes:
        others = nodes[nodes != node]
        area = (np.poly1d(others, r=True) / np.prod(node - others)).integ()
        found.append(area(float(sigmas[step + 1])) - area(float(sigmas[step])))
    return np.asarray(found)


def solver_of_diffusers(denoise: Any, x: Tensor, sigmas: Tensor) -> Tensor:
    depths, outputs = -torch.log(sigmas), []
    for i in range(len(sigmas) - 1):
        outputs.append(denoise(x, sigmas[i]))
        h, factor = depths[i + 1] - depths[i], sigmas[i + 1] / sigmas[i]
        weight = torch.exp(-h) - 1.0
        x = factor * x - weight * outputs[-1]
        if i > 0 and sigmas[i + 1] > 0:
            r0 = (depths[i] - depths[i - 1]) / h
            x = x - 0.5 * weight * (outputs[-1] - outputs[-2]) / r0
    return x


def variance_in_floats(left: Tensor, left_next: Tensor, eta: float) -> float:
    a, b = float(left), float(left_next)
    return eta * eta * (1 - b) * (b - a) / (b * (1 - a))


def step_of_diffusers(
    x_t: Tensor, noise: Tensor, left: Tensor, left_next: Tensor, eta: float, fresh: Tensor
) -> Tensor:
    variance = samplers.ddim_variance(left, left_next, eta)
    x = left_next**0.5 * (x_t - (1 - left) ** 0.5 * noise) / left**0.5
    x = x + (1 - left_next - variance) ** 0.5 * noise
    return x + variance**0.5 * fresh if eta > 0 else x


def ddim_in_sigmas(model: Any, x: Tensor, timesteps: Tensor, alphas_cumprod: Tensor) -> Tensor:
    left = torch.cat([alphas_cumprod[timesteps - 1], torch.ones(1)])
    sigmas = ((1 - left) / left).sqrt()
    x = x / left[0].sqrt()
    for i, t in enumerate(timesteps.tolist()):
        noise = model(x * left[i].sqrt(), torch.tensor([t] * len(x)))
        x = x + (sigmas[i + 1] - sigmas[i]) * noise
    return x


class Guided(torch.nn.Module):
    """A module whose forward is the guided model."""

    def __init__(self, positive: Any, negative: Any, scale: float) -> None:
        super().__init__()
        self.positive, self.negative, self.scale = positive, negative, scale

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        return torch.lerp(self.negative(x, sigma), self.positive(x, sigma), self.scale)


def guided_where_needed(positive: Any, negative: Any, scale: float) -> Any:
    """One call is enough where only one prompt counts."""
    alone = {0: negative, 1: positive}
    return alone.get(scale, Guided(positive, negative, scale))


RIGHT: list[tuple[str, Callable[..., Any]]] = [
    ("euler", euler_with_s_in),
    ("euler", euler_by_recursion),
    ("karras_sigmas", levels_in_a_list),
    ("ancestral_sigmas", split_by_eta),
    ("euler_ancestral", ancestral_with_normal),
    ("linear_multistep_coefficients", weights_by_polynomials),
    ("dpm_solver_pp_2m", solver_of_diffusers),
    ("ddim_variance", variance_in_floats),
    ("ddim_step", step_of_diffusers),
    ("ddim", ddim_in_sigmas),
    ("guided", Guided),
    ("guided", guided_where_needed),
]


def name_of(part: Any) -> str:
    return getattr(part, "__name__", part)


@pytest.mark.parametrize(("function", "code"), RIGHT, ids=name_of)
def test_right_ways_of_writing_pass(function: str, code: Callable[..., Any]) -> None:
    for check in checks_of(function):
        verdict = judged(check, {function: code})
        assert verdict.verdict is Outcome.PASSED, verdict.message


def heun(denoise: Any, x: Tensor, sigmas: Tensor) -> Tensor:
    """Another method, and a better one; the sheet asks for Euler's."""
    for sigma, following in itertools.pairwise(sigmas):
        slope = (x - denoise(x, sigma)) / sigma
        end = x + (following - sigma) * slope
        if following > 0:
            slope = (slope + (end - denoise(end, following)) / following) / 2
        x = x + (following - sigma) * slope
    return x


def solver_for_even_steps(denoise: Any, x: Tensor, sigmas: Tensor) -> Tensor:
    last = None
    for sigma, following in itertools.pairwise(sigmas):
        now = denoise(x, sigma)
        guess = now if last is None or following == 0 else 1.5 * now - 0.5 * last
        x, last = following / sigma * x + (1 - following / sigma) * guess, now
    return x


def solver_that_ends_in_first_order(denoise: Any, x: Tensor, sigmas: Tensor) -> Tensor:
    """As if every schedule ended at zero."""
    x = samplers.dpm_solver_pp_2m(denoise, x, sigmas[:-1])
    ratio = sigmas[-1] / sigmas[-2]
    return ratio * x + (1 - ratio) * denoise(x, sigmas[-2])


def ddim_to_the_first_timestep(
    model: Any, x: Tensor, timesteps: Tensor, alphas_cumprod: Tensor
) -> Tensor:
    """The last step to alpha-bar of t = 1, not to the data."""
    for i, t in enumerate(timesteps):
        following = timesteps[i + 1] if i + 1 < len(timesteps) else torch.tensor(1)
        levels = alphas_cumprod[t - 1], alphas_cumprod[following - 1]
        noise = model(x, t.repeat(len(x)))
        x = samplers.ddim_step(x, noise, *levels, 0.0, torch.zeros_like(x))
    return x


def rescaled_guidance(negative: Tensor, positive: Tensor, scale: float) -> Tensor:
    found = negative + scale * (positive - negative)
    return found * positive.abs().mean() / found.abs().mean()


WRONG: list[tuple[str, Callable[..., Any]]] = [
    ("euler", heun),
    ("dpm_solver_pp_2m", solver_for_even_steps),
    ("dpm_solver_pp_2m", solver_that_ends_in_first_order),
    ("ddim", ddim_to_the_first_timestep),
    ("guided_noise", rescaled_guidance),
]


@pytest.mark.parametrize(("function", "code"), WRONG, ids=name_of)
def test_fresh_mistakes_fail(function: str, code: Callable[..., Any]) -> None:
    verdicts = [judged(check, {function: code}).verdict for check in checks_of(function)]
    assert Outcome.FAILED in verdicts


def clipped_step(
    x_t: Tensor, noise: Tensor, left: Tensor, left_next: Tensor, eta: float, fresh: Tensor
) -> Tensor:
    """x_0 clipped as if the data were images."""
    variance = samplers.ddim_variance(left, left_next, eta)
    x0 = ((x_t - (1 - left).sqrt() * noise) / left.sqrt()).clamp(-1, 1)
    kept = (1 - left_next - variance).clamp(min=0).sqrt()
    return left_next.sqrt() * x0 + kept * noise + variance.sqrt() * fresh


def test_a_wrong_step_costs_nothing_in_the_run_that_is_built_of_it() -> None:
    def run(model: Any, x: Tensor, timesteps: Tensor, alphas_cumprod: Tensor) -> Tensor:
        stops = torch.cat([alphas_cumprod[timesteps - 1], torch.ones(1)])
        for t, left, left_next in zip(timesteps, stops[:-1], stops[1:], strict=True):
            noise = model(x, t.repeat(len(x)))
            x = clipped_step(x, noise, left, left_next, 0.0, torch.zeros_like(x))
        return x

    for check in checks_of("ddim"):
        verdict = judged(check, {"ddim": run, "ddim_step": clipped_step})
        assert verdict.verdict is Outcome.PASSED, verdict.message
        alone = judged(check, {"ddim": run})
        assert alone.verdict is not Outcome.PASSED or check.name == "ddim_is_repeatable"
