"""`MultiHeadedAttention` objects of students, and what their parameters may mean."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import permutations, product
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
    """Every way of reading parameters as projections; none where none fits.

    Names such as W_Q, key_layer or v_proj say what a projection is for; others leave it open.
    """
    square = {name: v for name, v in state.items() if v.shape == (FEATURES, FEATURES)}
    joint = {n: v for n, v in state.items() if set(v.shape) == {FEATURES, 3 * FEATURES}}
    if len(joint) == 1 and len(square) <= 1:
        rows = wide(*joint.values())
        for parts in _layouts(rows if len(rows) > FEATURES else rows.T):
            for order in permutations(range(3)):
                yield from _with_output(parts[list(order)], square)
    elif not joint and 3 <= len(square) <= 4:
        for chosen in _orders(list(square)):
            left = {name: square[name] for name in square if name not in chosen}
            for applied in product(*(_applied(name, square[name]) for name in chosen)):
                yield from _with_output(np.stack(applied), left)


def _orders(names: list[str]) -> Iterator[tuple[str, ...]]:
    """Three of the names for queries, keys and values: those that say so, or any."""
    said = [[name for name in names if role in _words(name)] for role in ("q", "k", "v")]
    if all(len(each) == 1 for each in said):
        yield said[0][0], said[1][0], said[2][0]
    else:
        yield from permutations(names, 3)


def _words(name: str) -> set[str]:
    """First letters of the words in a parameter's name, without that of its weight."""
    words = re.split(r"[._\d]+", name.lower().removesuffix("weight"))
    known = {"query", "queries", "key", "keys", "value", "values"}
    return {word[0] for word in words if word in known or len(word) == 1} | {
        word[1] for word in words if word in ("wq", "wk", "wv")
    }


def _applied(name: str, matrix: Array) -> Iterator[Array]:
    """What x is multiplied with from the right: layers of torch keep it transposed."""
    yield wide(matrix).T
    if not name.endswith(".weight"):
        yield wide(matrix)


def _layouts(rows: Array) -> Iterator[Array]:
    """A joint projection as (3, C, C): thirds, or a third of every head, or every third row."""
    for sizes in ((3, HEADS, HEAD), (HEADS, 3, HEAD), (FEATURES, 3)):
        third = np.moveaxis(rows.reshape(*sizes, FEATURES), sizes.index(3), 0)
        yield np.swapaxes(third.reshape(3, FEATURES, FEATURES), 1, 2)


def _with_output(parts: Array, left: Mapping[str, Array]) -> Iterator[Projections]:
    if not left:
        yield Projections(parts, None)
    for name, matrix in left.items():
        for output in _applied(name, matrix):
            yield Projections(parts, output)
