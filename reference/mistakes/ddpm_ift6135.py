# ruff: noqa: ARG005 - parts take the same arguments
"""IFT6135's `DenoiseDiffusion` as students get it wrong, and as they get it right.

A wrong class differs from the right one in one method.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from reference.mistakes.catalogue import Mistake, Variant
from reference.mistakes.ddpm_ift6135_variants import VARIANTS as _VARIANTS
from reference.mistakes.ddpm_ift6135_variants import Gathered

Part = Callable[..., Any]
_CLASS = "DenoiseDiffusion"


def _with(**parts: Part) -> type[Gathered]:
    return type(_CLASS, (Gathered,), parts)


def _mistake(name: str, says: str, **parts: Part) -> Mistake:
    return Mistake(name, _CLASS, says, _with(**parts))


def _moments(
    mean: Part = lambda a, x0: a**0.5 * x0, var: Part = lambda a: 1 - a, bars: str = "alpha_bar"
) -> Part:
    def q_xt_x0(m: Any, x0: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        kept = m.gather(getattr(m, bars), t)
        return mean(kept, x0), var(kept)

    return q_xt_x0


def _shifted(m: Any, x0: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    kept = m.gather(m.alpha_bar, (t - 1).clamp(min=0))
    return kept**0.5 * x0, 1 - kept


_KEPT = "What does a step of the chain keep of the signal, and how much noise is there after it?"

_FORWARD = (
    _mistake("q-xt-x0/signal-without-root", _KEPT, q_xt_x0=_moments(mean=lambda a, x0: a * x0)),
    _mistake("q-xt-x0/std-for-variance", _KEPT, q_xt_x0=_moments(var=lambda a: (1 - a) ** 0.5)),
    _mistake("q-xt-x0/alpha-for-alpha-bar", _KEPT, q_xt_x0=_moments(bars="alpha")),
    _mistake("q-xt-x0/index-early", "Your t counts from another number.", q_xt_x0=_shifted),
    _mistake(
        "q-xt-x0/one-t-for-the-batch",
        "Each example brings a t of its own.",
        q_xt_x0=lambda m, x0, t: (m.alpha_bar[t[0]] ** 0.5 * x0, 0 * x0 + 1 - m.alpha_bar[t[0]]),
    ),
    _mistake(
        "q-sample/variance-as-std",
        "What scales a standard normal draw?",
        q_sample=lambda m, x0, t, eps=None: (
            m.q_xt_x0(x0, t)[0]
            + m.q_xt_x0(x0, t)[1] * (torch.randn_like(x0) if eps is None else eps)
        ),
    ),
    _mistake(
        "q-sample/noise-ignored",
        "Is the noise that you are given used?",
        q_sample=lambda m, x0, t, eps=None: (
            m.q_xt_x0(x0, t)[0] + m.q_xt_x0(x0, t)[1] ** 0.5 * torch.randn_like(x0)
        ),
    ),
    _mistake(
        "q-sample/no-noise-of-its-own",
        "What is added where no noise is given?",
        q_sample=lambda m, x0, t, eps=None: (
            m.q_xt_x0(x0, t)[0] + (0 if eps is None else m.q_xt_x0(x0, t)[1] ** 0.5 * eps)
        ),
    ),
    _mistake(
        "q-sample/shared-noise",
        "How many numbers of noise does a batch need?",
        q_sample=lambda m, x0, t, eps=None: (
            m.q_xt_x0(x0, t)[0]
            + m.q_xt_x0(x0, t)[1] ** 0.5 * (torch.randn_like(x0[:1]) if eps is None else eps)
        ),
    ),
    _mistake(
        "q-sample/uniform-noise",
        "Which law does the noise have?",
        q_sample=lambda m, x0, t, eps=None: (
            m.q_xt_x0(x0, t)[0]
            + m.q_xt_x0(x0, t)[1] ** 0.5 * (torch.rand_like(x0) if eps is None else eps)
        ),
    ),
)


def _reverse(
    scale: Part = lambda a, bar: (1 - a) / (1 - bar) ** 0.5,
    divisor: Part = lambda a, bar: a**0.5,
    var: Part = lambda a, bar: 1 - a,
    told: Part = lambda t: t,
    sign: int = 1,
) -> Part:
    def p_xt_prev_xt(m: Any, xt: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        predicted = sign * m.eps_model(xt, told(t))
        parts = m.gather(m.alpha, t), m.gather(m.alpha_bar, t)
        return (xt - scale(*parts) * predicted) / divisor(*parts), var(*parts)

    return p_xt_prev_xt


_MEAN = "Compare the mean of your step with the one on the sheet, coefficient by coefficient."
_VAR = "Which variance does the sheet give to the reverse step?"
_TOLD = "Is the network told of the same t in training and in sampling?"

_STEP = tuple(
    _mistake(f"p-xt-prev-xt/{name}", says, p_xt_prev_xt=part)
    for name, says, part in (
        ("wrong-root", _MEAN, _reverse(scale=lambda a, bar: (1 - a) / (1 - bar))),
        ("signal-without-root", _MEAN, _reverse(divisor=lambda a, bar: a)),
        ("alpha-bar-for-alpha", _MEAN, _reverse(divisor=lambda a, bar: bar**0.5)),
        ("all-noise-at-once", _MEAN, _reverse(scale=lambda a, bar: (1 - bar) ** 0.5)),
        ("noise-added", _MEAN, _reverse(sign=-1)),
        ("std-for-variance", _VAR, _reverse(var=lambda a, bar: (1 - a) ** 0.5)),
        ("beta-over-alpha", _VAR, _reverse(var=lambda a, bar: (1 - a) / a)),
        (
            "posterior-variance",
            _VAR,
            _reverse(var=lambda a, bar: (1 - a) * (1 - bar / a) / (1 - bar)),
        ),
        ("one-t-told", _TOLD, _reverse(told=lambda t: t[:1].expand_as(t))),
        ("time-scaled-otherwise", _TOLD, _reverse(told=lambda t: t / 1000)),
        ("time-one-late", _TOLD, _reverse(told=lambda t: t + 1)),
        ("time-one-early", _TOLD, _reverse(told=lambda t: t - 1)),
    )
)


def _draw(std: Part = lambda m, var, t: var**0.5, fresh: Part = torch.randn_like) -> Part:
    def p_sample(m: Any, xt: Tensor, t: Tensor) -> Tensor:
        mean, var = m.p_xt_prev_xt(xt, t)
        drawn: Tensor = mean + std(m, var, t) * fresh(xt)
        return drawn

    return p_sample


_DRAW = "What has to scale a standard normal draw, and at which t?"

_DRAWS = tuple(
    _mistake(f"p-sample/{name}", _DRAW, p_sample=part)
    for name, part in (
        ("variance-as-std", _draw(std=lambda m, var, t: var)),
        (
            "root-of-beta-over-alpha",
            _draw(std=lambda m, var, t: (var / m.gather(m.alpha, t)) ** 0.5),
        ),
        ("no-noise", _draw(std=lambda m, var, t: 0)),
        (
            "silent-too-early",
            _draw(std=lambda m, var, t: var**0.5 * (t > 1).reshape(-1, 1, 1, 1)),
        ),
        ("shared-noise", _draw(fresh=lambda x: torch.randn_like(x[:1]).expand_as(x))),
        ("uniform-noise", _draw(fresh=torch.rand_like)),
    )
)


def _loss(
    times: Part = lambda m, x0: torch.randint(0, m.n_steps, (len(x0),)),
    shown: Part = lambda m, x0, t, noise: m.q_sample(x0, t, noise),
    told: Part = lambda m, t: t,
    error: Part = lambda noise, predicted, x0: F.mse_loss(predicted, noise),
) -> Part:
    def loss(m: Any, x0: Tensor, noise: Tensor | None = None) -> Tensor:
        noise = torch.randn_like(x0) if noise is None else noise
        t = times(m, x0)
        found: Tensor = error(noise, m.eps_model(shown(m, x0, t, noise), told(m, t)), x0)
        return found

    return loss


_WHICH_T = "Count how often each t is trained, those at both ends, too."
_SEEN = "What is your network shown: is it x_t, with this noise, at the t that it is told?"
_ERROR = "Which error does L_simple measure, and over what is it averaged?"

_LOSSES = tuple(
    _mistake(f"loss/{name}", says, loss=part)
    for name, says, part in (
        (
            "first-never-trained",
            _WHICH_T,
            _loss(times=lambda m, x0: torch.randint(1, m.n_steps, (len(x0),))),
        ),
        (
            "last-never-trained",
            _WHICH_T,
            _loss(times=lambda m, x0: torch.randint(0, m.n_steps - 1, (len(x0),))),
        ),
        (
            "one-t-for-the-batch",
            _WHICH_T,
            _loss(times=lambda m, x0: torch.randint(0, m.n_steps, (1,)).expand(len(x0))),
        ),
        ("clean-input", _SEEN, _loss(shown=lambda m, x0, t, noise: x0)),
        ("other-noise", _SEEN, _loss(shown=lambda m, x0, t, noise: m.q_sample(x0, t))),
        ("time-scaled-otherwise", _TOLD, _loss(told=lambda m, t: t / m.n_steps)),
        ("time-one-late", _TOLD, _loss(told=lambda m, t: t + 1)),
        (
            "prediction-detached",
            "Print the gradient of one weight of the network after a backward pass.",
            _loss(error=lambda noise, predicted, x0: F.mse_loss(predicted.detach(), noise)),
        ),
        (
            "against-the-data",
            _ERROR,
            _loss(error=lambda noise, predicted, x0: F.mse_loss(predicted, x0)),
        ),
        (
            "absolute",
            _ERROR,
            _loss(error=lambda noise, predicted, x0: F.l1_loss(predicted, noise)),
        ),
        (
            "summed-over-the-batch",
            _ERROR,
            _loss(error=lambda noise, predicted, x0: F.mse_loss(predicted, noise, reduction="sum")),
        ),
        (
            "one-for-each-example",
            _ERROR,
            _loss(error=lambda noise, predicted, x0: ((predicted - noise) ** 2).mean((1, 2, 3))),
        ),
    )
)

MISTAKES: tuple[Mistake, ...] = (*_FORWARD, *_STEP, *_DRAWS, *_LOSSES)
VARIANTS: tuple[Variant, ...] = _VARIANTS
