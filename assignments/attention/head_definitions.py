"""Heads by definition: features shared out by index, each head attending on its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from assignments.attention.definitions import (
    Right,
    as_large_as,
    draw,
    open_places,
    shares,
    taken,
    turned,
    wide,
)
from grader.checks import Array, Expected, Subject, as_array

# Weight (outputs, inputs) and bias (outputs,) of queries, keys, values and output, in this order.
Projections: TypeAlias = tuple[Array, ...]


class Inputs(NamedTuple):
    """What multi-head attention is asked: sequences (B, T, D), projections, number of heads."""

    queries: Array
    keys: Array
    values: Array
    projections: Projections
    heads: int

    @property
    def mask(self) -> Array:
        """Boolean (Q, K), shared by all heads and all examples."""
        return open_places(self.queries.shape[1], self.keys.shape[1])


def inputs() -> list[Inputs]:
    """One head and one query first; then several heads, other keys than queries, and batches."""
    rng = np.random.default_rng(2)
    sizes = ((1, 1, 2, 2, 1), (1, 2, 2, 2, 2), (1, 3, 2, 4, 2), (2, 3, 4, 6, 2), (2, 4, 4, 6, 3))
    return [inputs_of(rng, *each) for each in sizes for _ in range(2)]


def inputs_of(
    rng: np.random.Generator, batch: int, queries: int, keys: int, size: int, heads: int
) -> Inputs:
    """Multiples of 1/8 in [-1, 1], all parameters included."""
    shapes = ((size, size), (size,))
    projections = tuple(draw(rng, *shape) for _ in range(4) for shape in shapes)
    return Inputs(
        draw(rng, batch, queries, size),
        draw(rng, batch, keys, size),
        draw(rng, batch, keys, size),
        projections,
        heads,
    )


def parted(x: Array, heads: int) -> Array:
    """Consecutive features for each head, (..., H, T, D / H)."""
    return np.stack(np.split(x, heads, axis=-1), axis=-3)


def joined(x: Array) -> Array:
    """The heads' features one after the other, (..., T, H D / H)."""
    return np.concatenate(list(np.moveaxis(x, -3, 0)), axis=-1)


def attended(given: Inputs, mask: Array | None = None) -> Expected:
    """Every head's attention by its own features, put together and projected, (B, Q, D)."""
    q, k, v = projected(given)
    sizes = [parted(each, given.heads) for each in _sizes(given)]
    heads = [parted(each, given.heads) for each in (q, k, v)]
    root = np.sqrt(heads[0].shape[-1])
    scores = Expected(heads[0] @ turned(heads[1]) / root, sizes[0] @ turned(sizes[1]) / root)
    weights = shares(scores, mask)
    assert weights.scale is not None
    *_, weight, bias = map(wide, given.projections)
    value = joined(taken(weights, heads[2]).value) @ weight.T + bias
    scale = joined(weights.scale @ sizes[2]) @ np.abs(weight).T + np.abs(bias)
    return Expected(value, scale, "what the heads find, joined and projected,")


def projected(given: Inputs) -> tuple[Array, Array, Array]:
    """Queries, keys and values after their projections, float64."""
    q, k, v = (wide(x) @ wide(weight).T + wide(bias) for x, weight, bias in _pairs(given))
    return q, k, v


def _sizes(given: Inputs) -> list[Array]:
    return [
        np.abs(wide(x)) @ np.abs(wide(weight)).T + np.abs(wide(bias))
        for x, weight, bias in _pairs(given)
    ]


def _pairs(given: Inputs) -> list[tuple[Array, Array, Array]]:
    sequences = (given.queries, given.keys, given.values)
    weights, biases = given.projections[0:6:2], given.projections[1:6:2]
    return list(zip(sequences, weights, biases, strict=True))


def from_own_parts(
    subject: Subject, given: Sequence[Inputs], masks: Sequence[Array | None], right: Right
) -> Right:
    """What the student's own split, attention and merge make of the right projections.

    A part that is not defined is taken by definition.

    Raises:
        SubjectError: a part raises.
        ValueError: the outcome has another shape than the right one.
    """
    made = [
        _through_own_parts(subject, each, mask) for each, mask in zip(given, masks, strict=True)
    ]
    return [as_large_as(value, each) for value, each in zip(made, right, strict=True)]


def _through_own_parts(subject: Subject, given: Inputs, mask: Array | None) -> Array:
    def own(function: str, otherwise: Callable[..., Array], *args: Any) -> Array:
        if subject.definition(function).kind == "missing":
            return otherwise(*args)
        answer = subject.call(function, *args)
        return as_array(answer[0] if isinstance(answer, tuple | list) and answer else answer)

    def by_definition(q: Array, k: Array, v: Array, mask: Array | None = None) -> Array:
        root = np.sqrt(q.shape[-1])
        return taken(shares(Expected(wide(q) @ turned(wide(k)) / root), mask), v).value

    q, k, v = (
        own("split_heads", parted, each.astype(np.float32), given.heads)
        for each in projected(given)
    )
    masked = () if mask is None else (mask,)
    found = own("scaled_dot_product", by_definition, q, k, v, *masked)
    merged = wide(own("merge_heads", joined, found.astype(np.float32)))
    *_, weight, bias = map(wide, given.projections)
    return np.asarray(merged @ weight.T + bias)
