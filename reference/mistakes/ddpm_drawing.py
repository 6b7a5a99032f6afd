# ruff: noqa: ARG001, ARG005 - parts take the same arguments
"""Training steps and samplers that draw their own noise, as students write them wrong and right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from reference.ddpm_reverse import NoiseModel, diffusion_loss, p_sample
from reference.mistakes.catalogue import Mistake, Variant

Part = Callable[..., Any]
Shape = tuple[int, ...]


def _training(
    times: Part = lambda x0, steps: torch.randint(1, steps + 1, (len(x0),)),
    noise: Part = torch.randn_like,
    told: Part = lambda t, steps: t,
    loss: Part = lambda found, x0: found,
) -> Callable[[NoiseModel, Tensor, Tensor], Tensor]:
    def training_loss(model: NoiseModel, x0: Tensor, alphas_cumprod: Tensor) -> Tensor:
        steps = len(alphas_cumprod)
        t = times(x0, steps)

        def asked(x_t: Tensor, t: Tensor) -> Tensor:
            return model(x_t, told(t, steps))

        found: Tensor = loss(diffusion_loss(asked, x0, t, noise(x0), alphas_cumprod), x0)
        return found

    return training_loss


_WHICH_T = "Count how often each t is drawn, those at both ends, too."
_FRESH = "How many numbers of noise does a batch need, and of which law?"
_TOLD = "Is the t that the model is told that of the noise it is shown?"

_DRAWS = tuple(
    Mistake(f"draws/{name}", "training_loss", says, code)
    for name, says, code in (
        (
            "last-never-drawn",
            _WHICH_T,
            _training(times=lambda x0, steps: torch.randint(1, steps, (len(x0),))),
        ),
        (
            "first-never-drawn",
            _WHICH_T,
            _training(times=lambda x0, steps: torch.randint(2, steps + 1, (len(x0),))),
        ),
        (
            "one-t-for-the-batch",
            _WHICH_T,
            _training(times=lambda x0, steps: torch.randint(1, steps + 1, (1,)).expand(len(x0))),
        ),
        (
            "always-the-last",
            _WHICH_T,
            _training(times=lambda x0, steps: torch.full((len(x0),), steps)),
        ),
        (
            "shared-noise",
            _FRESH,
            _training(noise=lambda x0: torch.randn_like(x0[:1]).expand_as(x0)),
        ),
        ("uniform", _FRESH, _training(noise=torch.rand_like)),
        (
            "told-another-t",
            _TOLD,
            _training(told=lambda t, steps: torch.randint(1, steps + 1, t.shape)),
        ),
        ("told-from-zero", _TOLD, _training(told=lambda t, steps: t - 1)),
        ("told-a-fraction", _TOLD, _training(told=lambda t, steps: t / steps)),
        (
            "loss-times-the-batch",
            "Over what is your loss averaged?",
            _training(loss=lambda found, x0: found * len(x0)),
        ),
    )
)


def _sampling(
    steps: Part = lambda count: range(count, 0, -1),
    start: Part = torch.randn,
    fresh: Part = lambda x, first: torch.randn_like(x),
    told: Part = lambda t: t,
    end: Part = lambda x: x,
) -> Callable[[NoiseModel, Shape, Tensor, Tensor], Tensor]:
    def sample(model: NoiseModel, shape: Shape, betas: Tensor, variances: Tensor) -> Tensor:
        x = start(shape)
        first = torch.randn(shape)

        def asked(x_t: Tensor, t: Tensor) -> Tensor:
            return model(x_t, told(t))

        for step in steps(len(betas)):
            t = torch.full(shape[:1], step)
            x = p_sample(asked, x, t, fresh(x, first), betas, variances)
        found: Tensor = end(x)
        return found

    return sample


_WAY = "Write down every t that your loop passes, for a chain of three steps."
_NOISE = "How many numbers of noise does a whole walk need?"


def _all_t_at_once(model: NoiseModel, shape: Shape, betas: Tensor, variances: Tensor) -> Tensor:
    x = torch.randn(shape)
    t = torch.full(shape[:1], len(betas))
    return (x - (1 - torch.cumprod(1 - betas, 0)[-1]).sqrt() * model(x, t)) / (
        torch.cumprod(1 - betas, 0)[-1].sqrt()
    )


_SAMPLES = tuple(
    Mistake(f"sampling/{name}", "sample", says, code)
    for name, says, code in (
        ("last-step-missing", _WAY, _sampling(steps=lambda n: range(n, 1, -1))),
        ("first-step-missing", _WAY, _sampling(steps=lambda n: range(n - 1, 0, -1))),
        ("forwards", _WAY, _sampling(steps=lambda n: range(1, n + 1))),
        (
            "every-other-step",
            _WAY,
            _sampling(steps=lambda n: range(n, 0, -2)),
        ),
        ("in-one-leap", _WAY, _all_t_at_once),
        ("uniform-start", "Which law has x_T?", _sampling(start=torch.rand)),
        ("start-from-zeros", "Which law has x_T?", _sampling(start=torch.zeros)),
        ("one-noise-for-all-steps", _NOISE, _sampling(fresh=lambda x, first: first)),
        (
            "shared-noise",
            _NOISE,
            _sampling(fresh=lambda x, first: torch.randn_like(x[:1]).expand_as(x)),
        ),
        ("no-noise", _NOISE, _sampling(fresh=lambda x, first: torch.zeros_like(x))),
        ("told-from-zero", _TOLD, _sampling(told=lambda t: t - 1)),
        ("clipped", "Should x_0 be bounded here?", _sampling(end=lambda x: x.clamp(-1, 1))),
    )
)

MISTAKES: tuple[Mistake, ...] = _DRAWS + _SAMPLES


def _training_by_hand(model: NoiseModel, x0: Tensor, alphas_cumprod: Tensor) -> Tensor:
    t = torch.randint(low=0, high=len(alphas_cumprod), size=(x0.shape[0],), device=x0.device)
    kept = alphas_cumprod[t].view(-1, *[1] * (x0.dim() - 1))
    noise = torch.normal(0.0, 1.0, size=x0.shape)
    predicted = model(torch.sqrt(kept) * x0 + torch.sqrt(1 - kept) * noise, t + 1)
    return torch.nn.functional.mse_loss(predicted, noise)


def _training_by_distributions(model: NoiseModel, x0: Tensor, alphas_cumprod: Tensor) -> Tensor:
    # As untyped as torch has them.
    steps: Any = torch.distributions.Categorical(torch.ones(len(alphas_cumprod)))
    normal: Any = torch.distributions.Normal(0.0, 1.0)
    t, noise = 1 + steps.sample((len(x0),)), normal.sample(x0.shape)
    return diffusion_loss(model, x0, t, noise, alphas_cumprod)


@torch.no_grad()
def _sampling_by_hand(model: NoiseModel, shape: Shape, betas: Tensor, variances: Tensor) -> Tensor:
    x = torch.normal(0.0, 1.0, size=shape)
    alphas, left = 1 - betas, torch.cumprod(1 - betas, dim=0)
    for i in reversed(range(len(betas))):
        predicted = model(x, torch.tensor([i + 1] * shape[0]))
        x = (x - (1 - alphas[i]) / (1 - left[i]).sqrt() * predicted) / alphas[i].sqrt()
        if i:
            x = x + variances[i].sqrt() * torch.randn(*shape)
    return x


def _sampling_with_history(
    model: NoiseModel, shape: Shape, betas: Tensor, variances: Tensor
) -> tuple[Tensor, list[Tensor]]:
    states = [torch.randn(shape)]
    for step in torch.arange(len(betas), 0, -1):
        noise = torch.randn_like(states[-1]) * (step > 1)
        t = step.expand(shape[0])
        states.append(p_sample(model, states[-1], t, noise, betas, variances))
    return states[-1], states


VARIANTS: tuple[Variant, ...] = (
    Variant("draws/by-parts", "training_loss", _training()),
    Variant("draws/by-hand", "training_loss", _training_by_hand),
    Variant("draws/distributions", "training_loss", _training_by_distributions),
    Variant("sampling/by-parts", "sample", _sampling()),
    Variant("sampling/by-hand", "sample", _sampling_by_hand),
    Variant("sampling/with-history", "sample", _sampling_with_history),
)
