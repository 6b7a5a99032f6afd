"""Ladders of inputs, simplest first: the first rung that fails is a minimal counterexample.

All values are multiples of 1/4, so they are the same numbers in every floating precision. Beside
zero, which hides most mistakes, each ladder holds sizes 1, 2 and 3 and more: a factor 1/2 and a
mean over two dimensions cannot be told apart at size 2.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from grader.checks.subject import Array

_MEANS = (1.0, -1.0, 2.0, 0.5, -2.0, 1.5, -0.75)
_LOG_STDS = (0.5, -0.5, 1.0, -1.0, 0.25, -1.25)  # as many as to be coprime with the means
_RUNGS_PER_SHAPE = 32


class Gaussian(NamedTuple):
    """A diagonal Gaussian, both of the same shape, float32."""

    mean: Array
    log_std: Array


def gaussians(*, batched: bool = True) -> list[Gaussian]:
    """256 diagonal Gaussians, simplest first.

    Args:
        batched: shapes (B, D) for B and D in 1, 2, 3, beginning with one row; otherwise (D,) for
            D in 1..8.
    """
    shapes: list[tuple[int, ...]] = [(size,) for size in range(1, 9)]
    if batched:
        shapes = [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3), (3, 2), (3, 3)]
    return [rung for shape in shapes for rung in _gaussians_of(shape)]


def arrays(
    shapes: Sequence[tuple[int, ...]],
    values: Sequence[float] = (0.0, *_MEANS),
    dtype: DTypeLike = np.float32,
) -> list[Array]:
    """Arrays of `values` for each shape: constant ones, one entry of its own, all different."""
    return [
        array.astype(dtype)
        for shape in shapes
        for array in (
            *(np.full(shape, value) for value in values),
            *(_single(shape, value) for value in values if value != 0),
            *(_rolled(shape, values, start) for start in range(len(values))),
        )
    ]


def combinations(**choices: Sequence[float]) -> list[dict[str, Array]]:
    """Scalars by name in up to 256 combinations, simplest first, as float32.

    Args:
        choices: values for each name, simplest first.
    """
    places = itertools.product(*(range(len(values)) for values in choices.values()))
    ordered = sorted(places, key=lambda at: (sum(map(bool, at)), sum(at)))[:256]
    return [
        {
            name: np.asarray(values[i], dtype=np.float32)
            for (name, values), i in zip(choices.items(), at, strict=True)
        }
        for at in ordered
    ]


def images(shape: tuple[int, int, int], levels: int, dtype: DTypeLike = np.int64) -> list[Array]:
    """Images of one shape (C, H, W) in batches of one: flat, one dot, ramps, then textures.

    Args:
        shape: channels, height, width.
        levels: number of grey values; they run over 0..levels - 1.
        dtype: of the result, shape (1, C, H, W).
    """
    size, top = int(np.prod(shape)), levels - 1
    ramp = np.arange(size).reshape(shape)
    rows, columns = np.indices(shape)[1:]
    dot = (ramp == 0) * top
    flat = [np.full(shape, value) for value in (0, top, levels // 2)]
    ramps = [rows * top // max(shape[1] - 1, 1), columns * top // max(shape[2] - 1, 1)]
    textures = [ramp * step % levels for step in (1, 3, 5, 7, 11, 13)]
    made = [*flat, dot, *ramps, (rows + columns) % 2 * top, *textures]
    return [image[np.newaxis].astype(dtype) for image in made]


@functools.cache
def _gaussians_of(shape: tuple[int, ...]) -> list[Gaussian]:
    """The rungs of one shape; read-only, since all checks of a process share them."""
    zeros = np.zeros(shape)
    rungs = [(zeros, zeros)]
    rungs += [(_single(shape, mean), zeros) for mean in _MEANS[:5]]
    rungs += [(zeros, _single(shape, log_std)) for log_std in _LOG_STDS[:5]]
    rungs += [
        (_rolled(shape, _MEANS, start), _rolled(shape, _LOG_STDS, start))
        for start in range(_RUNGS_PER_SHAPE - len(rungs))
    ]
    return [Gaussian(_fixed(mean), _fixed(log_std)) for mean, log_std in rungs]


def _fixed(values: Array) -> Array:
    array = values.astype(np.float32)
    array.flags.writeable = False
    return array


def _single(shape: tuple[int, ...], value: float) -> Array:
    array = np.zeros(shape)
    array.flat[array.size - 1] = value
    return array


def _rolled(shape: tuple[int, ...], values: Sequence[Any], start: int) -> Array:
    return np.take(values, np.arange(start, start + math.prod(shape)), mode="wrap").reshape(shape)
