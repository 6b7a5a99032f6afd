"""Linear multistep sampling as students get them wrong, and as they get them right."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from reference.denoisers import Denoiser
from reference.mistakes.catalogue import Mistake, Variant
from reference.mistakes.samplers_euler import SHARED, Sampler

Coefficients: TypeAlias = Callable[[Tensor, int, int], Tensor]


def _moments(sigmas: Tensor, step: int, order: int, lag: int = 0, interval: int = 0) -> Tensor:
    levels = sigmas.double().numpy()
    # Measured from the present level in units of the step, so that the powers stay small.
    length = levels[step + 1] - levels[step]
    nodes = (levels[step - np.arange(order) + lag] - levels[step]) / length
    powers = np.arange(order)
    start = (levels[step - interval] - levels[step]) / length
    end = (levels[step + 1 - interval] - levels[step]) / length
    integrals = (end ** (powers + 1) - start ** (powers + 1)) / (powers + 1)
    weights = np.linalg.solve(nodes[None, :] ** powers[:, None], integrals) * length
    return torch.from_numpy(weights).to(sigmas)


def _evenly_spaced(sigmas: Tensor, step: int, order: int) -> Tensor:
    known = _moments(torch.arange(step + 2).to(sigmas), step, order)
    return known * (sigmas[step + 1] - sigmas[step])


def _first_order(sigmas: Tensor, step: int, order: int) -> Tensor:
    weights = sigmas.new_zeros(order)
    weights[0] = sigmas[step + 1] - sigmas[step]
    return weights


# One row for each mistake: name, what a TA would say, the wrong function, and the same on top.
_WEIGHTS: tuple[
    tuple[str, str, Coefficients, Callable[[Coefficients], Coefficients] | None], ...
] = (
    (
        "oldest-first",
        "Which of your weights belongs to the present slope?",
        lambda sigmas, step, order: _moments(sigmas, step, order).flip(0),
        lambda weights: lambda sigmas, step, order: weights(sigmas, step, order).flip(0),
    ),
    (
        "evenly-spaced",
        "Your weights would be right for levels at equal distances; are these?",
        _evenly_spaced,
        None,
    ),
    (
        "first-order-throughout",
        "Halve all steps: by what factor does your error fall? Which slopes do you use?",
        _first_order,
        None,
    ),
    (
        "wrong-sign",
        "The noise level falls; what is the sign of a step?",
        lambda sigmas, step, order: -_moments(sigmas, step, order),
        lambda weights: lambda sigmas, step, order: -weights(sigmas, step, order),
    ),
    (
        "step-before",
        "Over which interval do you integrate: the step to come, or the one behind you?",
        partial(_moments, interval=1),
        None,
    ),
    (
        "length-missing",
        "Let all slopes be one: by how much should the data change in this step?",
        lambda sigmas, step, order: (
            _moments(sigmas, step, order) / (sigmas[step + 1] - sigmas[step])
        ),
        lambda weights: (
            lambda sigmas, step, order: (
                weights(sigmas, step, order) / (sigmas[step + 1] - sigmas[step])
            )
        ),
    ),
)


def _multistep(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Tensor,
    order: int = 4,
    weigh: Coefficients = _moments,
    history: str = "slopes",
) -> Tensor:
    known: list[Tensor] = []
    for step, sigma in enumerate(sigmas[:-1].to(x)):
        clean = denoise(x, sigma)
        if history != "first slope" or not known:
            known.insert(0, clean if history == "data" else (x - clean) / sigma)
        used = min(order, step + 1)
        recent = (known * used)[:used] if history == "first slope" else known[:used]
        for weight, slope in zip(weigh(sigmas.to(x), step, used), recent, strict=True):
            x = x + weight * slope
    return x


def _wrong_weights(weigh: Coefficients) -> Callable[..., Tensor]:
    # The interval before the first level does not exist: students start with a plain step.
    return lambda denoise, x, sigmas, order=4: _multistep(
        denoise,
        x,
        sigmas,
        order,
        lambda levels, step, used: (weigh if used > 1 else _moments)(levels, step, used),
    )


_HISTORY = (
    (
        "order-ignored",
        "Ask for another order: does your answer change?",
        lambda denoise, x, sigmas, order=4: _multistep(denoise, x, sigmas, 4 + 0 * order),
    ),
    (
        "history-one-too-long",
        "With order 2, how many slopes are combined in a step?",
        lambda denoise, x, sigmas, order=4: _multistep(denoise, x, sigmas, order + 1),
    ),
    (
        "first-slope-kept",
        "Your history holds the slope of the very first step all the time; when is it renewed?",
        partial(_multistep, history="first slope"),
    ),
    (
        "data-taken-for-slopes",
        "What does the method integrate: the denoised data, or how fast they change?",
        partial(_multistep, history="data"),
    ),
)


def _with_order(around: Callable[[Sampler], Sampler]) -> Callable[..., Tensor]:
    """A mistake of any deterministic sampler, made on top of the multistep one."""
    return lambda denoise, x, sigmas, order=4: around(partial(_multistep, order=order))(
        denoise, x, sigmas
    )


MISTAKES: tuple[Mistake, ...] = (
    *(
        Mistake(f"weights/{name}", "linear_multistep_coefficients", says, code, around=around)
        for name, says, code, around in _WEIGHTS
    ),
    *(
        Mistake(f"multistep/{name}", "linear_multistep", says, _wrong_weights(code))
        for name, says, code, _ in _WEIGHTS
    ),
    *(
        Mistake(f"multistep/{name}", "linear_multistep", says, code)
        for name, says, code in _HISTORY
    ),
    *(
        Mistake(f"multistep/{name}", "linear_multistep", says, _with_order(around))
        for name, says, around in SHARED
    ),
)


def _by_polynomials(sigmas: Tensor, step: int, order: int) -> Tensor:
    levels = sigmas.double().numpy()
    weights = []
    for node in range(order):
        others = [levels[step - i] for i in range(order) if i != node]
        basis = np.poly1d(others, r=True) / np.prod([levels[step - node] - o for o in others])
        integral = np.polyint(basis)
        weights.append(integral(levels[step + 1]) - integral(levels[step]))
    return torch.tensor(weights).to(sigmas)


def _by_quadrature(sigmas: Tensor, step: int, order: int) -> Tensor:
    points, masses = np.polynomial.legendre.leggauss(8)
    start, end = sigmas[step].item(), sigmas[step + 1].item()
    at = torch.from_numpy(start + (end - start) * (points + 1) / 2)
    weights = torch.zeros(order, dtype=torch.float64)
    for node in range(order):
        basis = torch.ones_like(at)
        for other in (i for i in range(order) if i != node):
            here, there = sigmas[step - node].double(), sigmas[step - other].double()
            basis = basis * (at - there) / (here - there)
        weights[node] = (torch.from_numpy(masses) * basis).sum() * (end - start) / 2
    return weights.to(sigmas)


def _in_closed_form(sigmas: Tensor, step: int, order: int) -> Tensor:
    if order > 2:
        return _by_polynomials(sigmas, step, order)
    length = sigmas[step + 1] - sigmas[step]
    if order == 1:
        return length.reshape(1)
    back = length**2 / (2 * (sigmas[step] - sigmas[step - 1]))
    return torch.stack([length + back, -back])


def _as_a_loop(denoise: Denoiser, x: Tensor, sigmas: Tensor, order: int = 4) -> Tensor:
    levels = sigmas.detach().cpu().double()
    ones = x.new_ones([x.shape[0]])
    slopes: list[Tensor] = []
    for i in range(len(sigmas) - 1):
        slopes.append((x - denoise(x, sigmas[i] * ones)) / sigmas[i])
        if len(slopes) > order:
            slopes.pop(0)
        weights = [float(weight) for weight in _by_polynomials(levels, i, min(i + 1, order))]
        x = x + sum(w * slope for w, slope in zip(weights, reversed(slopes), strict=True))
    return x


_WAYS = (("moments", _moments), ("polynomials", _by_polynomials), ("quadrature", _by_quadrature))

VARIANTS: tuple[Variant, ...] = (
    *(Variant(f"weights/{name}", "linear_multistep_coefficients", code) for name, code in _WAYS),
    Variant("weights/closed-form", "linear_multistep_coefficients", _in_closed_form),
    *(
        Variant(f"multistep/{name}", "linear_multistep", partial(_multistep, weigh=code))
        for name, code in _WAYS
    ),
    Variant("multistep/loop", "linear_multistep", _as_a_loop),
)
