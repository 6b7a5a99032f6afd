"""DDIM sampling as students get it wrong, and as they get it right."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from reference.denoisers import Denoiser
from reference.mistakes.catalogue import Mistake, Variant
from reference.mistakes.samplers_ddim_step import step_by_terms, step_in_two_cases


def _moved(x: Tensor, noise: Tensor, left: Tensor, left_next: Tensor) -> Tensor:
    return (
        left_next.sqrt() / left.sqrt() * (x - (1 - left).sqrt() * noise)
        + (1 - left_next).sqrt() * noise
    )


def _ddim(
    model: Denoiser,
    x: Tensor,
    timesteps: Tensor,
    alphas_cumprod: Tensor,
    told: int = 0,
    stride: int = 0,
) -> Tensor:
    longer = torch.cat([alphas_cumprod.new_ones(1), alphas_cumprod]).to(x)
    targets = timesteps - stride if stride else torch.cat([timesteps[1:], timesteps.new_zeros(1)])
    for t, following in zip(timesteps, targets, strict=True):
        noise = model(x, (t + told).expand(len(x)))
        x = _moved(x, noise, longer[t], longer[following])
    return x


def _noisy(x: Tensor) -> Tensor:
    return x + 0.25 * torch.randn_like(x)


def _clipped(model: Denoiser, x: Tensor, timesteps: Tensor, alphas_cumprod: Tensor) -> Tensor:
    return _ddim(model, x, timesteps, alphas_cumprod).clamp(-1, 1)


def _last_step_missing(
    model: Denoiser, x: Tensor, timesteps: Tensor, alphas_cumprod: Tensor
) -> Tensor:
    levels = alphas_cumprod[timesteps - 1].to(x)
    for i, t in enumerate(timesteps[:-1]):
        x = _moved(x, model(x, t.expand(len(x))), levels[i], levels[i + 1])
    return x


_WHOLE: tuple[tuple[str, str, Callable[..., Tensor]], ...] = (
    (
        "timesteps-reversed",
        "Where does sampling start: at the noise or at the data?",
        lambda model, x, timesteps, alphas_cumprod: _ddim(
            model, x, timesteps.flip(0), alphas_cumprod
        ),
    ),
    (
        "model-told-another-step",
        "Which t goes with the data that your model gets to see?",
        partial(_ddim, told=-1),
    ),
    (
        "one-timestep-at-a-time",
        "You skip timesteps; does every step end where the next one starts?",
        partial(_ddim, stride=1),
    ),
    (
        "last-step-missing",
        "Your last step ends at a timestep with noise left; where should it end?",
        _last_step_missing,
    ),
    (
        "first-timestep-skipped",
        "At which timestep do the data that come in stand? Yours starts later.",
        lambda model, x, timesteps, alphas_cumprod: _ddim(model, x, timesteps[1:], alphas_cumprod),
    ),
    (
        "time-as-a-fraction",
        "In which units does the model want its time?",
        lambda model, x, timesteps, alphas_cumprod: _ddim(
            lambda x_t, t: model(x_t, t / len(alphas_cumprod)), x, timesteps, alphas_cumprod
        ),
    ),
    (
        "noise-added",
        "Start twice from the same data: where does the difference come from?",
        lambda model, x, timesteps, alphas_cumprod: _noisy(
            _ddim(model, x, timesteps, alphas_cumprod)
        ),
    ),
    (
        "start-drawn-afresh",
        "Does your answer depend on the data that come in?",
        lambda model, x, timesteps, alphas_cumprod: _ddim(
            model, torch.randn_like(x), timesteps, alphas_cumprod
        ),
    ),
    (
        "clipped",
        "Your answer never leaves [-1, 1]; the method knows no such bound.",
        _clipped,
    ),
    (
        "level-of-the-step-before",
        "At which index of the schedule does the entry of t lie?",
        lambda model, x, timesteps, alphas_cumprod: _ddim(
            model, x, timesteps, torch.cat([alphas_cumprod[:1], alphas_cumprod[:-1]])
        ),
    ),
    (
        "betas-for-alpha-bar",
        "The schedule holds what is left of the signal; which share of it is noise?",
        lambda model, x, timesteps, alphas_cumprod: _ddim(model, x, timesteps, 1 - alphas_cumprod),
    ),
)

MISTAKES: tuple[Mistake, ...] = tuple(
    Mistake(f"ddim/{name}", "ddim", says, code) for name, says, code in _WHOLE
)


def _ddim_with(
    model: Denoiser,
    x: Tensor,
    timesteps: Tensor,
    alphas_cumprod: Tensor,
    step: Callable[..., Tensor] = step_by_terms,
) -> Tensor:
    ends = [*timesteps.tolist(), 0]
    for i, t in enumerate(ends[:-1]):
        left = alphas_cumprod[t - 1]
        left_next = alphas_cumprod[ends[i + 1] - 1] if ends[i + 1] > 0 else torch.ones_like(left)
        noise = model(x, torch.full((len(x),), t))
        x = step(x, noise, left, left_next, 0.0, torch.zeros_like(x))
    return x


@torch.no_grad()
def _ddim_by_index(model: Denoiser, x: Tensor, timesteps: Tensor, alphas_cumprod: Tensor) -> Tensor:
    stops = [int(t) for t in timesteps]
    for i in range(len(stops)):
        left = alphas_cumprod[stops[i] - 1].item()
        left_next = alphas_cumprod[stops[i + 1] - 1].item() if i + 1 < len(stops) else 1.0
        noise = model(x, torch.ones(x.shape[0], dtype=torch.long) * stops[i])
        x0 = (x - (1 - left) ** 0.5 * noise) / left**0.5
        x = left_next**0.5 * x0 + (1 - left_next) ** 0.5 * noise
    return x


def _ddim_as_euler(model: Denoiser, x: Tensor, timesteps: Tensor, alphas_cumprod: Tensor) -> Tensor:
    padded = torch.nn.functional.pad(alphas_cumprod, (1, 0), value=1.0)
    levels = (1 / padded - 1).sqrt()
    scaled = x / padded[timesteps[0]].sqrt()
    for t, following in zip(timesteps, [*timesteps[1:], 0], strict=True):
        noise = model(scaled * padded[t].sqrt(), t.repeat(x.shape[0]))
        scaled = scaled + (levels[following] - levels[t]) * noise
    return scaled


VARIANTS: tuple[Variant, ...] = (
    Variant("ddim/longer-schedule", "ddim", _ddim),
    Variant("ddim/terms", "ddim", _ddim_with),
    Variant("ddim/by-index", "ddim", _ddim_by_index),
    Variant("ddim/as-euler", "ddim", _ddim_as_euler),
    Variant("ddim/two-cases", "ddim", partial(_ddim_with, step=step_in_two_cases)),
)
