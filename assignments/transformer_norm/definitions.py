"""What the checks of normalisation compare with: definitions in NumPy, never the reference.

Norms are written out, Jacobians are complex steps (exact to float64), blocks are composed of maps
of the grader's own. Streams have the shape (B, T, D).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from grader.checks import Array, Expected

Map: TypeAlias = Callable[[Array], Array]

# Of few bits each, so that they are the same numbers in every precision; lengths are coprime.
_STREAM = (1.0, -1.0, 2.0, 0.5, -3.0, 1.5, 0.25, -0.5, 4.0, -1.75, 0.75)
_GAIN = (1.5, 0.5, -1.0, 2.0, 0.75, 1.25, -0.5)
_SHIFT = (0.25, -0.5, 1.0, -0.125, 0.75)
_MIXING = (0.5, -0.25, 0.125, 0.75, -0.5, 0.25, -0.125, 0.375, -0.375)
_SHAPES = ((1, 1, 2), (1, 1, 3), (1, 2, 3), (2, 3, 4), (3, 2, 7))
_STEP = 1e-30  # of the complex step: far below rounding, squared still a number


class Given(NamedTuple):
    """What a norm is asked: stream (B, T, D), gain and shift (D,), epsilon."""

    x: Array
    weight: Array
    bias: Array
    eps: float


def cycled(values: Sequence[float], shape: tuple[int, ...]) -> Array:
    """The values over and over again, float32."""
    return np.resize(np.asarray(values, np.float32), shape)


def streams() -> list[Array]:
    """Streams (B, T, D) in float32, simplest first."""
    return [cycled(_STREAM, shape) for shape in _SHAPES]


def gain(size: int) -> Array:
    """A gain (D,) of distinct entries, one of them negative."""
    return cycled(_GAIN, (size,))


def shift(size: int) -> Array:
    """A shift (D,)."""
    return cycled(_SHIFT, (size,))


def norm_inputs() -> list[Given]:
    """Norms with gain one first, then with any; values that hardly differ or do not at all last."""
    made = []
    for x in streams():
        size = x.shape[-1]
        plain = np.ones(size, np.float32), np.zeros(size, np.float32)
        learned = gain(size), shift(size)
        made += [Given(x, *plain, 1e-5), Given(x, *learned, 1e-5), Given(x + 2, *learned, 0.25)]
        made += [Given(x / 256, *learned, 1e-5), Given(np.full_like(x, 1.5), *learned, 0.5)]
    return sorted(made, key=lambda given: given.eps == 0.5)  # stable: equal values come last


def normalised(x: Array, weight: Array, bias: Array, eps: float) -> Array:
    """Mean and variance of each row by their definitions; takes complex numbers, too."""
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = (centred**2).mean(axis=-1, keepdims=True)
    return np.asarray(weight * centred / np.sqrt(variance + eps) + bias)


def rms_normalised(x: Array, weight: Array, eps: float) -> Array:
    """Each row divided by the root of its mean square."""
    return np.asarray(weight * x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + eps))


def expected_norm(given: Given, size: Array | None = None) -> Expected:
    """Layer norm with the scale of its rounding errors.

    Args:
        given: stream and parameters.
        size: scale of the errors that the stream already has; its own size by default.
    """
    x, weight, bias = (part.astype(np.float64) for part in given[:3])
    value = normalised(x, weight, bias, given.eps)
    scale = np.abs(weight) * _spread(x, size, given.eps) + np.abs(bias)
    return Expected(value, scale, "layer norm by its definition")


def expected_rms(given: Given) -> Expected:
    """Root-mean-square norm; nothing in it cancels."""
    x, weight = given.x.astype(np.float64), given.weight.astype(np.float64)
    value = rms_normalised(x, weight, given.eps)
    return Expected(value, 3 * np.abs(value), "x over its root mean square, times the gain,")


def _spread(x: Array, size: Array | None, eps: float) -> Array:
    """Scale of the errors of the normalised row.

    Centring keeps the absolute errors of x and of its mean; the mean square of the row less the
    square of its mean, a fair way to a variance, loses their ratio to the variance.
    """
    known = np.abs(x) if size is None else size
    variance = x.var(axis=-1, keepdims=True) + eps
    of_centred = known + known.mean(axis=-1, keepdims=True)
    ratio = 2 * (known**2).mean(axis=-1, keepdims=True) / variance + 1
    n = np.abs(x - x.mean(axis=-1, keepdims=True)) / np.sqrt(variance)
    return np.asarray(of_centred / np.sqrt(variance) + n * ratio)


def jacobian_of(function: Map, x: Array) -> Array:
    """Derivative of a map of rows (..., D) at x (D,), by complex steps, shape (outputs, D)."""
    steps = x.astype(np.complex128) + 1j * _STEP * np.eye(len(x))
    return np.asarray(function(steps).imag.T / _STEP)


def expected_jacobian(x: Array, weight: Array, eps: float) -> Expected:
    """Jacobian of layer norm at a vector (D,), shape (D, D)."""
    wide, gains = x.astype(np.float64), np.abs(weight.astype(np.float64))
    value = jacobian_of(lambda v: normalised(v, weight.astype(np.float64), 0 * gains, eps), wide)
    root, size = np.sqrt(wide.var() + eps), len(wide)
    spread = _spread(wide, None, eps)  # scale of n, which is at least |n|
    ratio = 2 * (wide**2).mean() / (wide.var() + eps) + 1
    terms = (np.eye(size) + 1 / size) * ratio + (2 + ratio) * np.outer(spread, spread) / size
    says = "the change of each output by each input (in small steps)"
    return Expected(value, gains[:, None] / root * terms, says)


class Affine:
    """A sublayer of the grader's own, x M + c, which keeps all that it is given.

    Args:
        size: D.
        turn: where in the list of weights to begin, so that sublayers differ.
    """

    def __init__(self, size: int, turn: int = 0) -> None:
        self.matrix = cycled(_MIXING[turn:] + _MIXING[:turn], (size, size)).astype(np.float64)
        self.constant = cycled(_SHIFT[turn % 5 :], (size,)).astype(np.float64)
        self.given: list[Array] = []

    def __call__(self, x: Array) -> Array:
        """The sublayer as student's code calls it."""
        self.given.append(np.asarray(x))
        return np.asarray(self.exact(x.astype(np.float64)).astype(x.dtype))

    def exact(self, x: Array) -> Array:
        """The map in the precision of x."""
        return np.asarray(x @ self.matrix + self.constant)

    def size(self, scale: Array) -> Array:
        """Scale of the answer's errors, from that of x."""
        return np.asarray(scale @ np.abs(self.matrix) + np.abs(self.constant))


class Normed:
    """A layer norm of the grader's own with gain and shift, as a map.

    Args:
        size: D.
        turn: where in the lists of gains and shifts to begin.
    """

    def __init__(self, size: int, turn: int = 0) -> None:
        self.weight = cycled(_GAIN[turn:] + _GAIN[:turn], (size,))
        self.bias = cycled(_SHIFT[turn % 5 :], (size,))

    def __call__(self, x: Array) -> Array:
        """The norm as student's code calls it."""
        return np.asarray(self.exact(x.astype(np.float64)).astype(x.dtype))

    def exact(self, x: Array) -> Array:
        """The map in the precision of x."""
        return normalised(x, self.weight.astype(np.float64), self.bias.astype(np.float64), 1e-5)

    def size(self, x: Array, scale: Array) -> Array:
        """Scale of the answer's errors, from that of x, by the derivative at x.

        The map itself is evaluated in float64.
        """
        root = np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
        n = np.abs(x - x.mean(axis=-1, keepdims=True)) / root
        along = (n * scale).mean(axis=-1, keepdims=True)
        moved = scale + scale.mean(axis=-1, keepdims=True) + n * along
        return np.asarray(np.abs(self.weight) / root * moved + np.abs(self.exact(x)))


class Stream(NamedTuple):
    """A value on its way through a block, in float64, with the scale of its errors."""

    value: Array
    scale: Array

    @classmethod
    def of(cls, x: Array) -> Stream:
        """An input, which is exact."""
        return cls(x.astype(np.float64), np.abs(x.astype(np.float64)))

    def through(self, part: Affine | Normed) -> Stream:
        """What a sublayer or a norm makes of it."""
        if isinstance(part, Affine):
            return Stream(part.exact(self.value), part.size(self.scale))
        return Stream(part.exact(self.value), part.size(self.value, self.scale))

    def plus(self, other: Stream) -> Stream:
        """The sum of two."""
        return Stream(self.value + other.value, self.scale + other.scale)

    def expected(self, says: str) -> Expected:
        """As what an answer is held against."""
        return Expected(self.value, self.scale, says)
