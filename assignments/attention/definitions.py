"""What the checks of attention compare with: definitions written out in NumPy, never the reference.

Scores are sums over features, weights are shares of exponentials, heads are taken one by one. All
inputs are multiples of 1/8 in float32, so that they are the same numbers in every precision.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from grader.checks import Array, CheckFailure, Expected, as_array, evidence
from grader.errors import SubjectError

# A finite number below the others is as good as minus infinity: what it leaves of a closed key's
# weight, e^-46 and less, stays below this share.
_LEFT_OF_A_CLOSED_KEY = 1e-14


class Sequences(NamedTuple):
    """Queries (..., Q, d_k), keys (..., K, d_k) and values (..., K, d_v), float32."""

    q: Array
    k: Array
    v: Array

    @property
    def mask(self) -> Array:
        """Boolean (Q, K): every query has an open key, and a closed one beside it."""
        return open_places(self.q.shape[-2], self.k.shape[-2])


def draw(rng: np.random.Generator, *shape: int, steps: int = 8, size: float = 1.0) -> Array:
    """Multiples of `size / steps` in [-size, size]."""
    return np.asarray(rng.integers(-steps, steps + 1, shape) * (size / steps), np.float32)


def open_places(queries: int, keys: int) -> Array:
    """A mask in which every row holds a true entry and, where there is room, a false one."""
    row, column = np.ogrid[:queries, :keys]
    opened = ((row + column) % 3 == 0) | (column == row % keys)
    return np.asarray(opened & ((column != (row + 1) % keys) | (keys == 1)))


def ladder() -> list[Sequences]:
    """Batches of sequences, one query and one key first."""
    rng = np.random.default_rng(0)
    sizes = (
        (1, 1, 1, 1, 1),
        (1, 1, 2, 1, 1),
        (1, 2, 3, 2, 1),
        (1, 3, 2, 4, 2),
        (2, 3, 4, 3, 2),
        (1, 4, 4, 9, 3),
        (2, 4, 5, 9, 3),
        (3, 5, 5, 4, 4),
    )
    return [
        Sequences(
            draw(rng, batch, queries, d_k, size=2.0),
            draw(rng, batch, keys, d_k, size=2.0),
            draw(rng, batch, keys, d_v, size=2.0),
        )
        for batch, queries, keys, d_k, d_v in sizes
        for _ in range(2)
    ]


def scores_of(q: Array, k: Array) -> Expected:
    """Inner products of queries and keys, over the root of their number of features."""
    products = wide(q)[..., :, np.newaxis, :] * wide(k)[..., np.newaxis, :, :]
    return Expected.of_terms([products / np.sqrt(q.shape[-1])])


def shares(scores: Expected, mask: Array | None, says: str = "") -> Expected:
    """Exponentials of the open scores as shares of their sum over the keys.

    An error of a score is a relative error of its weight and of their sum.
    """
    opened = np.broadcast_to(True if mask is None else mask, scores.value.shape)
    largest = np.where(opened, scores.value, -np.inf).max(axis=-1, keepdims=True)
    weights = np.where(opened, np.exp(np.minimum(scores.value - largest, 0)), 0)
    weights /= weights.sum(axis=-1, keepdims=True)
    assert scores.scale is not None
    growth = 3 + 2 * scores.scale.max(axis=-1, keepdims=True)
    return Expected(weights, growth * weights + _LEFT_OF_A_CLOSED_KEY, says)


def weights_of(q: Array, k: Array, mask: Array | None = None) -> Expected:
    """How much each query takes of each key, (..., Q, K)."""
    says = "each key's share of the exponentials of the scaled scores"
    return shares(scores_of(q, k), mask, says)


def taken(weights: Expected, v: Array) -> Expected:
    """Values added up in these shares, (..., Q, d_v)."""
    assert weights.scale is not None
    return Expected(
        weights.value @ wide(v), weights.scale @ np.abs(wide(v)), "the values, weighted by shares,"
    )


def pulled_back(given: Sequences, cotangent: Array) -> tuple[Expected, Expected, Expected]:
    """Gradients of `sum(cotangent * answer)` with respect to queries, keys and values."""
    q, k, v = map(wide, given)
    weights = weights_of(q, k)
    assert weights.scale is not None
    w, root, says = weights.value, np.sqrt(q.shape[-1]), "the derivative"
    by_weight, size = cotangent @ turned(v), np.abs(cotangent) @ np.abs(turned(v))
    by_score = w * (by_weight - (w * by_weight).sum(-1, keepdims=True)) / root
    size = weights.scale * (size + (weights.scale * size).sum(-1, keepdims=True)) / root
    return (
        Expected(by_score @ k, size @ np.abs(k), says),
        Expected(turned(by_score) @ q, turned(size) @ np.abs(q), says),
        Expected(turned(w) @ cotangent, turned(weights.scale) @ np.abs(cotangent), says),
    )


def windows(given: Sequences, reach: int) -> Expected:
    """Each position's attention to those at most `reach` away, one position after the other."""
    length, rows = given.q.shape[-2], []
    for t in range(length):
        near = slice(max(t - reach, 0), t + reach + 1)
        weights = weights_of(given.q[..., t : t + 1, :], given.k[..., near, :])
        rows.append(taken(weights, given.v[..., near, :]))
    value, scale = (
        np.concatenate(parts, axis=-2)
        for parts in zip(*((row.value, row.scale) for row in rows), strict=True)
    )
    return Expected(value, scale, "the values of each window, weighted by their shares,")


class Alignment(NamedTuple):
    """States (..., Q, n), annotations (..., K, m), and the parameters that join them, float32."""

    states: Array
    annotations: Array
    of_state: Array
    of_annotation: Array
    direction: Array


def alignments() -> list[Alignment]:
    """Alignments of one state with one annotation first."""
    rng = np.random.default_rng(1)
    sizes = ((1, 1, 1, 1, 1, 1), (1, 1, 2, 1, 1, 1), (1, 2, 3, 2, 1, 2), (2, 3, 4, 2, 3, 5))
    return [
        Alignment(
            draw(rng, batch, queries, n),
            draw(rng, batch, keys, m),
            draw(rng, size, n),
            draw(rng, size, m),
            draw(rng, size, size=2.0),
        )
        for batch, queries, keys, n, m, size in sizes
        for _ in range(3)
    ]


def aligned(given: Alignment) -> Expected:
    """One score for each state and each annotation, (..., Q, K), pair by pair."""
    states, annotations, of_state, of_annotation, direction = map(wide, given)
    hidden = (states @ of_state.T)[..., :, np.newaxis, :] + (annotations @ of_annotation.T)[
        ..., np.newaxis, :, :
    ]
    inside = (np.abs(states) @ np.abs(of_state).T)[..., :, np.newaxis, :] + (
        np.abs(annotations) @ np.abs(of_annotation).T
    )[..., np.newaxis, :, :]
    return Expected(
        np.tanh(hidden) @ direction, (1 + inside) @ np.abs(direction), "the alignment of each pair"
    )


def turned(array: Array) -> Array:
    """The last two axes exchanged."""
    return np.swapaxes(array, -1, -2)


def wide(array: Array) -> Array:
    """The same numbers in float64."""
    return np.asarray(array, np.float64)


Right: TypeAlias = Sequence[Expected]


def judge_by_either(
    judge: Callable[[Sequence[Any], Right], None],
    answers: Sequence[Any],
    right: Right,
    own: Callable[[], Right],
) -> None:
    """Judges by the right values, and where that fails by what follows from the student's own.

    A mistake costs its points once, where the function is asked for that it is made in.

    Raises:
        CheckFailure: neither explains the answers; it tells of the right ones.
    """
    try:
        judge(answers, right)
    except (CheckFailure, SubjectError) as failure:
        try:
            judge(*_with_gaps_closed(answers, own()))
        except (CheckFailure, SubjectError, ValueError):
            raise failure from None
        evidence(follows_from_own_functions=True)


def _with_gaps_closed(answers: Sequence[Any], own: Right) -> tuple[list[Any], list[Expected]]:
    """NaN that a student's own functions lead to is no second mistake: zero on both sides."""
    closed, expected = [], []
    for answer, each in zip(map(as_array, answers), own, strict=True):
        assert each.scale is not None
        gaps = np.isnan(each.value)
        if answer.shape == gaps.shape:
            answer = np.where(gaps & np.isnan(answer), answer.dtype.type(0), answer)
            each = Expected(np.where(gaps, 0, each.value), np.nan_to_num(each.scale), each.says)
        closed.append(answer)
        expected.append(each)
    return closed, expected


def first_of(answers: Sequence[Any], right: Right) -> list[Any]:
    """The values of answers that hold the weights as well, whichever come first."""
    return [_first(answer, each.value.shape) for answer, each in zip(answers, right, strict=True)]


def _first(answer: Any, shape: tuple[int, ...]) -> Any:
    if not (isinstance(answer, tuple | list) and answer):
        return answer
    fitting = (part for part in answer if isinstance(part, np.ndarray) and part.shape == shape)
    return next(fitting, answer[0])


def as_large_as(value: Array, right: Expected) -> Expected:
    """Another value in the place of the right one, with roundings of its own size.

    Raises:
        ValueError: it has another shape.
    """
    if value.shape != right.value.shape:
        raise ValueError(f"shape {value.shape} where {right.value.shape} is expected")
    assert right.scale is not None
    return Expected(value, right.scale + np.abs(value), right.says)
