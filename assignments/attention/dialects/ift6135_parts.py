"""`MultiHeadedAttention` objects of students, and what their parameters may mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np

from assignments.attention.definitions import draw, wide
from grader.checks import Array, Handle, Subject, as_array
from grader.checks.subject import Value

HEAD, HEADS, LENGTH = 4, 3, 5
FEATURES = HEAD * HEADS


def built(subject: Subject) -> Handle:
    """An object of the class, without dropout, with weights of its own."""
    layer = subject.new("MultiHeadedAttention", HEAD, HEADS, LENGTH, seed=1)
    subject.call(layer, method="eval")
    return layer


def asked(subject: Subject, layer: Handle, method: str, *given: Any, **more: Any) -> Array:
    """What a method answers; of several things, such as values and weights, the first."""
    return first_of(subject.call(layer, *given, method=method, **more), method)


def first_of(answer: Value, method: str) -> Array:
    """The array in an answer, or the first of several."""
    first = answer[0] if isinstance(answer, tuple | list) and answer else answer
    return as_array(first, method)


def as_heads(seed: int, count: int) -> list[Array]:
    """Queries, keys and values as heads see them, (B, H, T, hd), float32."""
    rng = np.random.default_rng(seed)
    return [draw(rng, 2, HEADS, LENGTH, HEAD, size=2.0) for _ in range(count)]


class Projections(NamedTuple):
    """One reading of a layer's parameters: what x is multiplied with from the right.

    Attributes:
        joint: (3, C, C), for queries, keys and values.
        output: (C, C), or None where no parameter is left for it.
    """

    joint: Array
    output: Array | None


def without_biases(state: Mapping[str, Array]) -> dict[str, Array]:
    """The same state with all vectors of the features' size at zero."""
    sizes = {(FEATURES,), (3 * FEATURES,)}
    return {n: np.zeros_like(v) if v.shape in sizes else v for n, v in state.items()}


def readings(state: Mapping[str, Array]) -> Iterator[Projections]:
    """Every way of reading parameters as projections; none where none fits."""
    square = [wide(v) for v in state.values() if v.shape == (FEATURES, FEATURES)]
    joint = [wide(v) for v in state.values() if v.shape == (3 * FEATURES, FEATURES)]
    joint += [wide(v).T for v in state.values() if v.shape == (FEATURES, 3 * FEATURES)]
    if len(joint) == 1 and len(square) <= 1:
        for parts in _layouts(joint[0]):
            for order in permutations(range(3)):
                yield from _with_output(parts[list(order)], square)
    elif not joint and 3 <= len(square) <= 4:
        for chosen in permutations(range(len(square)), 3):
            left = [w for i, w in enumerate(square) if i not in chosen]
            picked = np.stack([square[i] for i in chosen])
            for parts in (np.swapaxes(picked, 1, 2), picked):
                yield from _with_output(parts, left)


def _layouts(rows: Array) -> Iterator[Array]:
    """A joint projection as (3, C, C): thirds, or a third of every head, or every third row."""
    for sizes in ((3, HEADS, HEAD), (HEADS, 3, HEAD), (FEATURES, 3)):
        third = np.moveaxis(rows.reshape(*sizes, FEATURES), sizes.index(3), 0)
        yield np.swapaxes(third.reshape(3, FEATURES, FEATURES), 1, 2)


def _with_output(parts: Array, left: list[Array]) -> Iterator[Projections]:
    if not left:
        yield Projections(parts, None)
    for output in left:
        yield Projections(parts, output.T)
        yield Projections(parts, output)
