"""Windowed attention as students get it wrong, and as they get it right."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from reference.mistakes.attention_weights import SCALES
from reference.mistakes.catalogue import Mistake, Variant


def _window(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    reach: int,
    factor: Callable[[Tensor, Tensor], float] = lambda *_: 1.0,
    ahead: bool = True,
    behind: bool = True,
) -> Tensor:
    length, rows = q.shape[-2], []
    for t in range(length):
        first = max(t - reach, 0) if behind else t
        near = slice(first, min(t + reach, length - 1) + 1 if ahead else t + 1)
        scores = q[..., t : t + 1, :] @ k[..., near, :].mT / math.sqrt(q.shape[-1])
        rows.append(torch.softmax(factor(q, k) * scores, dim=-1) @ v[..., near, :])
    return torch.cat(rows, dim=-2)


def _banded(q: Tensor, k: Tensor, v: Tensor, closed: Callable[[Tensor], Tensor]) -> Tensor:
    position = torch.arange(q.shape[-2])
    band = closed(position - position.unsqueeze(-1))
    scores = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(band, -math.inf)
    return torch.softmax(scores, dim=-1) @ v


def _around_the_ends(q: Tensor, k: Tensor, v: Tensor, reach: int) -> Tensor:
    length = q.shape[-2]
    return _banded(q, k, v, lambda offset: torch.minimum(offset % length, -offset % length) > reach)


def _blocks(q: Tensor, k: Tensor, v: Tensor, reach: int) -> Tensor:
    size = 2 * reach + 1
    pieces = zip(*(torch.split(x, size, dim=-2) for x in (q, k, v)), strict=True)
    return torch.cat(
        [_window(near_q, near_k, near_v, size) for near_q, near_k, near_v in pieces], dim=-2
    )


def _padding_attended(q: Tensor, k: Tensor, v: Tensor, reach: int) -> Tensor:
    padded_q, padded_k, padded_v = (F.pad(x, (0, 0, reach, reach)) for x in (q, k, v))
    inside = _window(padded_q, padded_k, padded_v, reach)
    return inside[..., reach : reach + q.shape[-2], :]


def _outside(q: Tensor, k: Tensor, v: Tensor, reach: int) -> Tensor:
    return _banded(q, k, v, lambda offset: offset.abs() <= reach)


_ENDS = (
    (
        "one-too-far",
        "How many positions lie between a query and the last key that it sees?",
        lambda q, k, v, reach: _window(q, k, v, reach + 1),
        lambda attend: lambda q, k, v, reach: attend(q, k, v, reach + 1),
    ),
    (
        "one-too-short",
        "Is a key at exactly the given distance inside your window?",
        lambda q, k, v, reach: _window(q, k, v, max(reach - 1, 0)),
        lambda attend: lambda q, k, v, reach: attend(q, k, v, max(reach - 1, 0)),
    ),
    (
        "past-only",
        "Your window looks to one side; what was asked for?",
        partial(_window, ahead=False),
        None,
    ),
    (
        "future-only",
        "Your window looks to one side; what was asked for?",
        partial(_window, behind=False),
        None,
    ),
    (
        "around-the-ends",
        "Change the last value: does the answer at the very first position move?",
        _around_the_ends,
        None,
    ),
    (
        "padding-attended",
        "At the ends of the sequence, what takes a share of the weight?",
        _padding_attended,
        None,
    ),
    (
        "inverted",
        "Which keys does your window hide: those nearby, or those far away?",
        _outside,
        None,
    ),
    (
        "blocks",
        "Do two neighbours always see each other, wherever they lie in the sequence?",
        _blocks,
        None,
    ),
    (
        "everything-seen",
        "Change a value far away: should the answer here move?",
        lambda q, k, v, reach: _window(q, k, v, reach + q.shape[-2]),
        lambda attend: lambda q, k, v, reach: attend(q, k, v, reach + q.shape[-2]),
    ),
)


def _rescaled(
    factor: Callable[[Tensor, Tensor], float],
) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    return lambda attend: lambda q, k, v, reach: attend(factor(q, k) * q, k, v, reach)


MISTAKES: tuple[Mistake, ...] = tuple(
    Mistake(f"window/{name}", "windowed", says, code, around=around)
    for name, says, code, around in (
        *_ENDS,
        *(
            (name, says, partial(_window, factor=factor), _rescaled(factor))
            for name, says, factor in SCALES
        ),
    )
)


def _gathered(q: Tensor, k: Tensor, v: Tensor, reach: int) -> Tensor:
    length = q.shape[-2]
    wanted = torch.arange(length).unsqueeze(-1) + torch.arange(-reach, reach + 1)
    index = wanted.clamp(0, length - 1)  # (T, 2 reach + 1)
    near_k, near_v = k[..., index, :], v[..., index, :]  # (..., T, 2 reach + 1, d)
    scores = (q.unsqueeze(-2) * near_k).sum(-1) / math.sqrt(q.shape[-1])
    weights = torch.softmax(scores.masked_fill(wanted != index, -1e9), dim=-1)
    return (weights.unsqueeze(-1) * near_v).sum(-2)


def _shifted(q: Tensor, k: Tensor, v: Tensor, reach: int) -> Tensor:
    length, position = q.shape[-2], torch.arange(q.shape[-2])
    scores, values = [], []
    for offset in range(-reach, reach + 1):
        seen = (position + offset >= 0) & (position + offset < length)
        score = (q * k.roll(-offset, dims=-2)).sum(-1) * q.shape[-1] ** -0.5
        scores.append(score.masked_fill(~seen, -math.inf))
        values.append(v.roll(-offset, dims=-2))
    weights = torch.softmax(torch.stack(scores), dim=0)
    return (weights.unsqueeze(-1) * torch.stack(values)).sum(0)


# Each at a cost linear in the length, as is asked for.
VARIANTS: tuple[Variant, ...] = (
    Variant("window/position-by-position", "windowed", _window),
    Variant("window/gathered", "windowed", _gathered),
    Variant("window/shifted", "windowed", _shifted),
)
