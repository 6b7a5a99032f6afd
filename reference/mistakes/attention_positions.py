"""Sinusoidal positions as students get them wrong, and as they get them right.

Sines in the first half of the columns and cosines in the second are a convention, no mistake.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from reference.mistakes.catalogue import Mistake, Variant


def _angles(length: int, features: int, base: float, exponent: float = -2.0) -> Tensor:
    pairs = torch.arange(features // 2, dtype=torch.float64)
    paces: Tensor = base ** (exponent * pairs / features)
    return torch.outer(torch.arange(length, dtype=torch.float64), paces)


def _interleaved(sines: Tensor, cosines: Tensor) -> Tensor:
    return torch.stack([sines, cosines], dim=-1).flatten(-2)


def _of_angles(exponent: float) -> Callable[..., Tensor]:
    def embed(length: int, features: int, base: float = 10000.0) -> Tensor:
        angles = _angles(length, features, base, exponent)
        return _interleaved(angles.sin(), angles.cos())

    return embed


def _rows_masked(length: int, features: int, base: float = 10000.0) -> Tensor:
    angles = _angles(length, features, base).repeat_interleave(2, dim=-1)
    angles[0::2] = angles[0::2].sin()
    angles[1::2] = angles[1::2].cos()
    return angles


def _sines_only(length: int, features: int, base: float = 10000.0) -> Tensor:
    sines = _angles(length, features, base).sin()
    return _interleaved(sines, sines)


MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "positions/rows-masked",
        "sinusoidal_positions",
        "Does one position hold sines and cosines, or do your rows take turns? Check the axis.",
        _rows_masked,
    ),
    Mistake(
        "positions/sines-only",
        "sinusoidal_positions",
        "Is every position's vector of one length? What keeps a point on a circle?",
        _sines_only,
    ),
    Mistake(
        "positions/pairs-counted-as-features",
        "sinusoidal_positions",
        "Your slowest pair is faster than it should be: what does the exponent count?",
        _of_angles(-1.0),
    ),
    Mistake(
        "positions/rising-frequencies",
        "sinusoidal_positions",
        "Do later pairs of features turn faster than the first, or more slowly?",
        _of_angles(2.0),
    ),
)


def _filled(length: int, features: int, base: float = 10000.0) -> Tensor:
    table = torch.zeros(length, features)
    position = torch.arange(0, length, dtype=torch.float).unsqueeze(1)
    pace = torch.exp(torch.arange(0, features, 2).float() * (-math.log(base) / features))
    table[:, 0::2] = torch.sin(position * pace)
    table[:, 1::2] = torch.cos(position * pace)
    return table


def _in_a_loop(length: int, features: int, base: float = 10000.0) -> Tensor:
    rows = [
        [
            (math.cos if i % 2 else math.sin)(t / base ** (2 * (i // 2) / features))
            for i in range(features)
        ]
        for t in range(length)
    ]
    return torch.tensor(rows)


def _in_halves(length: int, features: int, base: float = 10000.0) -> Tensor:
    angles = _angles(length, features, base).float()
    return torch.cat([torch.sin(angles), torch.cos(angles)], dim=1)


# Right by another convention than the reference's.
CONVENTIONS: tuple[Variant, ...] = (
    Variant("positions/halves", "sinusoidal_positions", _in_halves),
)

VARIANTS: tuple[Variant, ...] = (
    Variant("positions/filled", "sinusoidal_positions", _filled),
    Variant("positions/loop", "sinusoidal_positions", _in_a_loop),
    Variant(
        "positions/stacked",
        "sinusoidal_positions",
        lambda length, features, base=10000.0: _of_angles(-2.0)(length, features, base).float(),
    ),
    *CONVENTIONS,
)
