"""DPM-Solver++ as students get it wrong, and as they get it right."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import TypeAlias

import torch
from torch import Tensor

from reference.denoisers import Denoiser
from reference.mistakes.catalogue import Mistake, Variant
from reference.mistakes.samplers_euler import SHARED

Extrapolate: TypeAlias = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def _extrapolated(clean: Tensor, before: Tensor, length: Tensor, last: Tensor) -> Tensor:
    return clean + (clean - before) * length / (2 * last)


def _second_order(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    extrapolate: Extrapolate = _extrapolated,
    renewed: bool = True,
    decay: Callable[[Tensor], Tensor] = lambda length: -torch.expm1(-length),
    first_at_zero: bool = True,
) -> Tensor:
    memory: tuple[Tensor, Tensor] | None = None
    for sigma, following in pairwise(sigmas.to(x)):
        clean, length = denoise(x, sigma), sigma.log() - following.log()
        second = memory is not None and bool(following > 0 or not first_at_zero)
        guess = extrapolate(clean, memory[0], length, memory[1]) if memory and second else clean
        x = following / sigma * x + decay(length) * guess
        if memory is None or renewed:
            memory = clean, length
    return x


_SECOND_ORDER: tuple[tuple[str, str, Callable[..., Tensor]], ...] = (
    (
        "first-order-throughout",
        "Halve all steps: by what factor does your error fall? Which predictions do you use?",
        partial(_second_order, extrapolate=lambda clean, *_: clean),
    ),
    (
        "first-prediction-kept",
        "Your memory holds the very first prediction all the time; when is it renewed?",
        partial(_second_order, renewed=False),
    ),
    (
        "extrapolated-backwards",
        "Between the last two predictions something changed; which way do you go on?",
        partial(
            _second_order,
            extrapolate=lambda clean, before, length, last: _extrapolated(
                clean, 2 * clean - before, length, last
            ),
        ),
    ),
    (
        "ratio-inverted",
        "A long step after a short one: should you extrapolate more, or less?",
        partial(
            _second_order,
            extrapolate=lambda clean, before, length, last: _extrapolated(
                clean, before, last, length
            ),
        ),
    ),
    (
        "half-missing",
        "Over the whole step, how far from its start does the prediction lie on average?",
        partial(
            _second_order,
            extrapolate=lambda clean, before, length, last: _extrapolated(
                clean, before, 2 * length, last
            ),
        ),
    ),
    (
        "earlier-prediction-only",
        "Which prediction is the freshest in your step?",
        partial(_second_order, extrapolate=lambda *given: given[1]),
    ),
    (
        "infinite-last-step",
        "In the logarithm of the noise level, how long is a step to zero?",
        partial(_second_order, first_at_zero=False),
    ),
    (
        "decay-without-one",
        "Let the model return the data themselves: does your step leave them where they are?",
        partial(_second_order, decay=lambda length: torch.exp(-length)),
    ),
)

MISTAKES: tuple[Mistake, ...] = (
    *(
        Mistake(
            f"dpm-solver/{name}", "dpm_solver_pp_2m", says, around(_second_order), around=around
        )
        for name, says, around in SHARED
    ),
    *(
        Mistake(f"dpm-solver/{name}", "dpm_solver_pp_2m", says, code)
        for name, says, code in _SECOND_ORDER
    ),
)


def _by_noise_levels(denoise: Denoiser, x: Tensor, sigmas: Tensor) -> Tensor:
    predictions: list[Tensor] = []
    lambdas = -sigmas.log()
    for i in range(len(sigmas) - 1):
        predictions.append(denoise(x, sigmas[i]))
        guess = predictions[-1]
        if i > 0 and sigmas[i + 1] > 0:
            ratio = (lambdas[i] - lambdas[i - 1]) / (lambdas[i + 1] - lambdas[i])
            guess = (1 + 1 / (2 * ratio)) * guess - predictions[-2] / (2 * ratio)
        x = sigmas[i + 1] / sigmas[i] * x + (1 - sigmas[i + 1] / sigmas[i]) * guess
    return x


def _by_slopes(denoise: Denoiser, x: Tensor, sigmas: Tensor) -> Tensor:
    earlier = None
    for i, (sigma, following) in enumerate(pairwise(sigmas)):
        clean = denoise(x, sigma)
        change = torch.zeros_like(clean)
        if earlier is not None and following > 0:
            slope = (clean - earlier) / (sigmas[i - 1] / sigma).log()
            change = slope * (sigma / following).log() / 2
        x = clean + following / sigma * (x - clean) + (1 - following / sigma) * change
        earlier = clean
    return x


@torch.no_grad()
def _for_each_example(denoise: Denoiser, x: Tensor, sigmas: Tensor) -> Tensor:
    ones = x.new_ones([x.shape[0]])
    old = None
    for i in range(len(sigmas) - 1):
        denoised = denoise(x, sigmas[i] * ones)
        t, t_next = sigmas[i].log().neg(), sigmas[i + 1].log().neg()
        h = t_next - t
        if old is None or sigmas[i + 1] == 0:
            x = (t_next.neg().exp() / t.neg().exp()) * x - (-h).expm1() * denoised
        else:
            r = (t - sigmas[i - 1].log().neg()) / h
            mixed = (1 + 1 / (2 * r)) * denoised - (1 / (2 * r)) * old
            x = (t_next.neg().exp() / t.neg().exp()) * x - (-h).expm1() * mixed
        old = denoised
    return x


def _with_numbers(denoise: Denoiser, x: Tensor, sigmas: Tensor) -> Tensor:
    levels = [float(sigma) for sigma in sigmas]
    history: list[Tensor] = []
    for i, (sigma, following) in enumerate(pairwise(levels)):
        history.append(denoise(x, sigmas[i]))
        guess = history[-1]
        if i > 0 and following > 0:
            ahead, behind = math.log(sigma / following), math.log(levels[i - 1] / sigma)
            guess = guess + 0.5 * ahead / behind * (guess - history[-2])
        x = guess + following / sigma * (x - guess)
    return x


VARIANTS: tuple[Variant, ...] = (
    Variant("dpm-solver/memory", "dpm_solver_pp_2m", _second_order),
    Variant("dpm-solver/lambdas", "dpm_solver_pp_2m", _by_noise_levels),
    Variant("dpm-solver/slopes", "dpm_solver_pp_2m", _by_slopes),
    Variant("dpm-solver/for-each-example", "dpm_solver_pp_2m", _for_each_example),
    Variant("dpm-solver/numbers", "dpm_solver_pp_2m", _with_numbers),
)
