# ruff: noqa: ARG002, ARG005, N803 - parts take the same arguments, with the sheet's names
"""DTU's `DDPM(network, beta_1, beta_T, T)` as students get it wrong, and as they get it right.

A wrong model differs from the right one in one method or one step of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from reference.mistakes.catalogue import Mistake
from reference.mistakes.ddpm_dtu02460_variants import VARIANTS

__all__ = ["MISTAKES", "VARIANTS"]

Part = Callable[..., Any]


class Right(nn.Module):
    """The model of the sheet, taken apart so that one part can go wrong."""

    def __init__(
        self, network: nn.Module, beta_1: float = 1e-4, beta_T: float = 2e-2, T: int = 100
    ) -> None:
        super().__init__()
        self.network, self.T = network, T
        self.beta = nn.Parameter(torch.linspace(beta_1, beta_T, T), requires_grad=False)
        self.alpha = nn.Parameter(1 - self.beta, requires_grad=False)
        self.left = nn.Parameter(self.alpha.cumprod(dim=0), requires_grad=False)

    def times(self, x: Tensor) -> Tensor:
        return torch.randint(0, self.T, (len(x), 1))

    def told(self, t: Tensor) -> Tensor:
        return t / self.T

    def told_in_sampling(self, t: Tensor) -> Tensor:
        return self.told(t)

    def noise(self, x: Tensor) -> Tensor:
        return torch.randn_like(x)

    def noised(self, x: Tensor, t: Tensor, eps: Tensor) -> Tensor:
        return self.left[t].sqrt() * x + (1 - self.left[t]).sqrt() * eps

    def error(self, eps: Tensor, predicted: Tensor, x: Tensor) -> Tensor:
        return ((eps - predicted) ** 2).sum(dim=1)

    def negative_elbo(self, x: Tensor) -> Tensor:
        t, eps = self.times(x), self.noise(x)
        return self.error(eps, self.network(self.noised(x, t, eps), self.told(t)), x)

    def steps(self) -> Any:
        return range(self.T - 1, -1, -1)

    def mean(self, x: Tensor, predicted: Tensor, t: int) -> Tensor:
        scale = self.beta[t] / (1 - self.left[t]).sqrt()
        return (x - scale * predicted) / self.alpha[t].sqrt()

    def sigma(self, t: int) -> Tensor:
        return self.beta[t].sqrt()

    def is_silent(self, t: int) -> bool:
        return t == 0

    def start(self, shape: tuple[int, ...]) -> Tensor:
        return torch.randn(shape)

    def fresh(self, x: Tensor) -> Tensor:
        return torch.randn_like(x)

    def end(self, x: Tensor) -> Tensor:
        return x

    @torch.no_grad()
    def sample(self, shape: tuple[int, ...]) -> Tensor:
        x = self.start(shape)
        for t in self.steps():
            predicted = self.network(x, self.told_in_sampling(torch.full((len(x), 1), t)))
            x = self.mean(x, predicted, t)
            if not self.is_silent(t):
                x = x + self.sigma(t) * self.fresh(x)
        return self.end(x)


def _with(**parts: Part) -> type[Right]:
    return type("DDPM", (Right,), parts)


class _Aliased(Right):
    """alpha-bar computed in the place of alpha, which a slice does not copy."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        products = self.alpha.data[:]
        for t in range(1, self.T):
            products[t] *= products[t - 1]
        self.left = nn.Parameter(products, requires_grad=False)


def _elbo(name: str, says: str, **parts: Part) -> Mistake:
    return Mistake(f"elbo/{name}", "DDPM", says, _with(**parts))


_WHICH_T = "Count how often each timestep is trained, those at both ends, too."
_NOISED = "Compare mean and variance of your x_t with those of the chain."

_TRAINING = (
    _elbo("first-never-trained", _WHICH_T, times=lambda m, x: torch.randint(1, m.T, (len(x), 1))),
    _elbo(
        "last-never-trained", _WHICH_T, times=lambda m, x: torch.randint(0, m.T - 1, (len(x), 1))
    ),
    _elbo(
        "one-t-for-the-batch",
        "Each example may draw a timestep of its own.",
        times=lambda m, x: torch.randint(0, m.T, (1, 1)).expand(len(x), 1),
    ),
    _elbo(
        "time-of-another-draw",
        "Is the time that the network is told that of the noise it is shown?",
        told=lambda m, t: torch.randint_like(t, m.T) / m.T,
        told_in_sampling=lambda m, t: t / m.T,
    ),
    _elbo(
        "schedule-not-indexed",
        "Which entry of the schedule belongs to an example?",
        noised=lambda m, x, t, eps: m.left[-1].sqrt() * x + (1 - m.left[-1]).sqrt() * eps,
    ),
    _elbo(
        "signal-without-root",
        _NOISED,
        noised=lambda m, x, t, eps: m.left[t] * x + (1 - m.left[t]).sqrt() * eps,
    ),
    _elbo(
        "variance-as-std",
        _NOISED,
        noised=lambda m, x, t, eps: m.left[t].sqrt() * x + (1 - m.left[t]) * eps,
    ),
    _elbo(
        "alpha-for-alpha-bar",
        _NOISED,
        noised=lambda m, x, t, eps: m.alpha[t].sqrt() * x + (1 - m.alpha[t]).sqrt() * eps,
    ),
    _elbo(
        "shared-noise",
        "How many numbers of noise does a batch need?",
        noise=lambda m, x: torch.randn_like(x[:1]).expand_as(x),
    ),
    _elbo("uniform-noise", "Which law does the noise have?", noise=lambda m, x: torch.rand_like(x)),
    _elbo(
        "against-the-data",
        "What does your network predict: the data, or what was added to them?",
        error=lambda m, eps, predicted, x: ((x - predicted) ** 2).sum(dim=1),
    ),
    _elbo(
        "norm-without-square",
        "Double the error of the network: by what factor should the loss grow?",
        error=lambda m, eps, predicted, x: torch.norm(eps - predicted, dim=1),
    ),
    _elbo(
        "negated",
        "A better network should have a lower loss; has it?",
        error=lambda m, eps, predicted, x: -((eps - predicted) ** 2).sum(dim=1),
    ),
    _elbo(
        "summed-over-the-batch",
        "Your loss grows with the batch; what was asked for each example?",
        error=lambda m, eps, predicted, x: ((eps - predicted) ** 2).sum(),
    ),
    _elbo(
        "averaged-over-the-batch",
        "One number for each example was asked for.",
        error=lambda m, eps, predicted, x: ((eps - predicted) ** 2).mean(),
    ),
)


def _sample(name: str, says: str, **parts: Part) -> Mistake:
    return Mistake(f"sample/{name}", "DDPM", says, _with(**parts))


_WAY = "Write down every t that your loop passes, for a chain of three steps."
_SCALE = (
    "What is the variance of a step, and what does a standard normal draw have to be scaled by?"
)
_MEAN = "Compare the mean of your step with the one on the sheet, coefficient by coefficient."
_LAST = "Which of your t is the last step? Print where your loop adds no noise."

_SAMPLING = (
    _sample("last-step-missing", _WAY, steps=lambda m: range(m.T - 1, 0, -1)),
    _sample("first-step-missing", _WAY, steps=lambda m: range(m.T - 2, -1, -1)),
    _sample("forwards", _WAY, steps=lambda m: range(m.T)),
    _sample(
        "linspace-of-times",
        _WAY,
        steps=lambda m: torch.linspace(0, m.T, m.T).long().flip(0).tolist(),
    ),
    _sample("noise-at-the-last-step", _LAST, is_silent=lambda m, t: False),
    _sample("silent-too-early", _LAST, is_silent=lambda m, t: t <= 1),
    _sample("no-noise", "What makes two samples differ?", is_silent=lambda m, t: True),
    _sample("variance-as-std", _SCALE, sigma=lambda m, t: m.beta[t]),
    _sample("root-of-beta-over-alpha", _SCALE, sigma=lambda m, t: (m.beta[t] / m.alpha[t]).sqrt()),
    _sample("std-of-x-t", _SCALE, sigma=lambda m, t: (1 - m.left[t]).sqrt()),
    _sample(
        "wrong-root",
        _MEAN,
        mean=lambda m, x, e, t: (x - m.beta[t] / (1 - m.left[t]) * e) / m.alpha[t].sqrt(),
    ),
    _sample(
        "signal-without-root",
        _MEAN,
        mean=lambda m, x, e, t: (x - m.beta[t] / (1 - m.left[t]).sqrt() * e) / m.alpha[t],
    ),
    _sample(
        "alpha-bar-for-alpha",
        _MEAN,
        mean=lambda m, x, e, t: (x - m.beta[t] / (1 - m.left[t]).sqrt() * e) / m.left[t].sqrt(),
    ),
    _sample(
        "noise-added",
        _MEAN,
        mean=lambda m, x, e, t: (x + m.beta[t] / (1 - m.left[t]).sqrt() * e) / m.alpha[t].sqrt(),
    ),
    _sample(
        "time-not-scaled",
        "Is the network told the time as it was in training?",
        told_in_sampling=lambda m, t: t.float(),
    ),
    _sample(
        "time-one-late",
        "Is the network told the time as it was in training?",
        told_in_sampling=lambda m, t: (t + 1) / m.T,
    ),
    _sample("uniform-start", "Which law has x_T?", start=lambda m, shape: torch.rand(shape)),
    _sample(
        "shared-noise",
        "How many numbers of noise does a step need?",
        fresh=lambda m, x: torch.randn_like(x[:1]).expand_as(x),
    ),
    _sample("clipped", "Should x_0 be bounded here?", end=lambda m, x: x.clamp(-1, 1)),
    Mistake("sample/aliased-alpha", "DDPM", "Print alpha after alpha-bar was computed.", _Aliased),
)

MISTAKES: tuple[Mistake, ...] = _TRAINING + _SAMPLING
