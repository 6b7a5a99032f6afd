"""Guidance and scores as students get them wrong, and as they get them right."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from reference.denoisers import Denoiser
from reference.mistakes.catalogue import Mistake, Variant

Combine: TypeAlias = Callable[[Tensor, Tensor, float], Tensor]

# One row for each mistake: name, what a TA would say, the wrong function.
_WRONG: tuple[tuple[str, str, Combine], ...] = (
    (
        "sign-flipped",
        "Raise the scale: do the samples move towards the prompt, or away from it?",
        lambda negative, positive, scale: negative - scale * (positive - negative),
    ),
    (
        "prompts-swapped",
        "At a scale of one, which of the two prompts should be followed alone?",
        lambda negative, positive, scale: positive + scale * (negative - positive),
    ),
    (
        "counted-from-the-prompt",
        "At a scale of zero, which of the two prompts should be followed alone?",
        lambda negative, positive, scale: positive + scale * (positive - negative),
    ),
    (
        "negative-ignored",
        "Change the negative prompt: does your prediction notice?",
        lambda negative, positive, scale: 0 * negative + scale * positive,
    ),
    (
        "sum-for-difference",
        "Let both prompts be the same: should the scale still matter?",
        lambda negative, positive, scale: negative + scale * positive,
    ),
    (
        "negative-subtracted",
        "Let both prompts be the same: should the scale still matter?",
        lambda negative, positive, scale: positive - scale * negative,
    ),
    (
        "scale-ignored",
        "Change the scale: does your prediction notice?",
        lambda negative, positive, scale: negative + scale**0 * (positive - negative),
    ),
)

# The same mistakes on top of another one, so that two at once are recognised.
_AROUND: dict[str, Callable[[Combine], Combine]] = {
    "sign-flipped": lambda combine: (
        lambda negative, positive, scale: combine(negative, positive, -scale)
    ),
    "prompts-swapped": lambda combine: (
        lambda negative, positive, scale: combine(positive, negative, scale)
    ),
    "counted-from-the-prompt": lambda combine: (
        lambda negative, positive, scale: combine(negative, positive, scale + 1)
    ),
}


def _model(combine: Combine) -> Callable[[Denoiser, Denoiser, float], Denoiser]:
    return lambda positive, negative, scale: (
        lambda x, time: combine(negative(x, time), positive(x, time), scale)
    )


_SCORE = (
    Mistake(
        "score/sign-flipped",
        "score",
        "Does the density grow or fall along your score?",
        lambda denoise, x, sigma: (x - denoise(x, sigma)) / sigma**2,
        around=lambda score: lambda denoise, x, sigma: -score(denoise, x, sigma),
    ),
    Mistake(
        "score/square-missing",
        "score",
        "Is yours the gradient of a log-density, or a noise in units of its deviation?",
        lambda denoise, x, sigma: (denoise(x, sigma) - x) / sigma,
        around=lambda score: lambda denoise, x, sigma: sigma * score(denoise, x, sigma),
    ),
    Mistake(
        "score/undivided",
        "score",
        "In which units is the gradient of a log-density?",
        lambda denoise, x, sigma: denoise(x, sigma) - x,
    ),
    Mistake(
        "score/noise-for-score",
        "score",
        "Is yours the gradient of a log-density, or the noise that was added?",
        lambda denoise, x, sigma: (x - denoise(x, sigma)) / sigma,
    ),
    Mistake(
        "score/data-left-out",
        "score",
        "Where the denoiser returns its input, what should the score be?",
        lambda denoise, x, sigma: denoise(x, sigma) / sigma**2,
    ),
)

MISTAKES: tuple[Mistake, ...] = (
    *(
        Mistake(f"guidance/{name}", "guided_noise", says, code, around=_AROUND.get(name))
        for name, says, code in _WRONG
    ),
    *(Mistake(f"guided/{name}", "guided", says, _model(code)) for name, says, code in _WRONG),
    *_SCORE,
)


def _in_place(negative: Tensor, positive: Tensor, scale: float) -> Tensor:
    difference = positive.clone()
    difference -= negative
    difference *= scale
    return difference + negative


def _one_call_for_both(positive: Denoiser, negative: Denoiser, scale: float) -> Denoiser:
    def predict(x: Tensor, time: Tensor) -> Tensor:
        both = torch.stack([negative(x, time), positive(x, time)])
        weights = both.new_tensor([1 - scale, scale])
        mixed: Tensor = torch.tensordot(weights, both, dims=1)
        return mixed

    return predict


_WAYS: tuple[tuple[str, Combine], ...] = (
    ("in-place", _in_place),
    (
        "mixture",
        lambda negative, positive, scale: scale * positive + (1 - scale) * negative,
    ),
    ("lerp", lambda negative, positive, scale: torch.lerp(negative, positive, scale)),
    (
        "from-the-prompt",
        lambda negative, positive, scale: positive + (scale - 1) * (positive - negative),
    ),
)

VARIANTS: tuple[Variant, ...] = (
    *(Variant(f"guidance/{name}", "guided_noise", code) for name, code in _WAYS),
    *(Variant(f"guided/{name}", "guided", _model(code)) for name, code in _WAYS),
    Variant("guided/stacked", "guided", _one_call_for_both),
    Variant(
        "score/quotient", "score", lambda denoise, x, sigma: (denoise(x, sigma) - x) / sigma**2
    ),
    Variant(
        "score/noise",
        "score",
        lambda denoise, x, sigma: -((x - denoise(x, sigma)) / sigma) / sigma,
    ),
    Variant(
        "score/reciprocal",
        "score",
        lambda denoise, x, sigma: sigma**-2 * (denoise(x, sigma) - x),
    ),
)
