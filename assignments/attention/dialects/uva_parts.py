"""Objects of the student's classes, and what their parameters may mean.

A module's weights are learned, so their rows may hold queries, keys, values and heads in any order:
whichever order explains the answers is the student's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np

from assignments.attention.definitions import draw, shares, turned, wide
from grader.checks import Array, Expected, Handle, Subject, as_array, expect, expect_shape
from grader.checks.comparison import compare
from grader.errors import SubjectError

FEATURES, HEADS, BLOCK = 12, 2, 16
HEAD = FEATURES // HEADS

_CONFIG = {
    "model_type": "gpt",
    "n_layer": 2,
    "n_head": HEADS,
    "n_embd": FEATURES,
    "vocab_size": 11,
    "block_size": BLOCK,
    "embd_pdrop": 0.0,
    "resid_pdrop": 0.0,
    "attn_pdrop": 0.0,
    "dropout": 0.0,
    "bias": True,
    "debug": False,
    "abs_emb": False,
    "use_flash_attn": False,
}
# Where an object that takes any attribute can be had: a module of networks imports one of these.
_BAGS = (
    ("torch", "nn.Module"),
    ("nn", "Module"),
    ("Module", None),
    ("CN", None),
    ("CfgNode", None),
)


def built(subject: Subject, name: str, **changed: Any) -> Handle:
    """An object of a class that takes a `config`, without dropout, with weights of its own.

    Raises:
        SubjectError: the class cannot be built, or nothing in its file can hold a config.
    """
    config = _bag(subject)
    for key, value in (_CONFIG | changed).items():
        subject.call(config, key, value, method="__setattr__")
    made = subject.new(name, config, seed=1)
    subject.call(made, method="eval")
    return made


def _bag(subject: Subject) -> Handle:
    for name, method in _BAGS:
        if subject.definition(name).kind != "missing":
            return subject.new(name, method=method)
    raise SubjectError("nothing here can hold a config: import torch, or torch.nn as nn")


def sequences(length: int, batch: int = 2) -> Array:
    """Inputs (B, T, C), float32, large enough for scores that differ."""
    return draw(np.random.default_rng(length), batch, length, FEATURES, size=4.0)


class Attention(NamedTuple):
    """One reading of a module's parameters, for all heads.

    Attributes:
        joint: weights (3, H, hd, C) of queries, keys and values.
        joint_bias: (3, H, hd).
        output: weights (C, H, hd).
        output_bias: (C,).
    """

    joint: Array
    joint_bias: Array
    output: Array
    output_bias: Array

    def projected(self, x: Array) -> Array:
        """Queries, keys and values (3, B, H, T, hd), float64."""
        found = np.einsum("btc,phdc->pbhtd", wide(x), self.joint)
        return np.asarray(found + self.joint_bias[:, np.newaxis, :, np.newaxis])

    def begins(self, answer: Array, x: Array) -> bool:
        """Whether an answer's first position holds its own values, as one without a past does."""
        values = np.einsum("bc,hdc->bhd", wide(x)[:, 0], self.joint[2]) + self.joint_bias[2]
        right = np.einsum("bhd,chd->bc", values, self.output) + self.output_bias
        return bool(np.all(np.abs(wide(answer)[:, 0] - right) <= 1e-3 * (1 + np.abs(right).max())))

    def attended(
        self, q: Array, k: Array, v: Array, factor: float = 1.0, causal: bool = True
    ) -> Expected:
        """What positions find in their past, joined and projected, (B, T, C).

        With another factor on the scores, or without the mask, what a mistake would find.
        """
        q, k, v = wide(q), wide(k), wide(v)
        root = np.sqrt(q.shape[-1]) / factor
        sizes = np.abs(q) @ turned(np.abs(k)) / root
        # A projected entry is as exact as the sum of its terms, which is larger than itself.
        scores = Expected(q @ turned(k) / root, 8 * (1 + sizes))
        weights = shares(scores, np.tri(q.shape[-2], dtype=bool) if causal else None)
        assert weights.scale is not None
        value = np.einsum("bhtd,chd->btc", weights.value @ v, self.output) + self.output_bias
        size = np.einsum("bhtd,chd->btc", weights.scale @ (8 + np.abs(v)), np.abs(self.output))
        return Expected(value, size + np.abs(self.output_bias), "attention to the past")


def readings(state: Mapping[str, Array]) -> Iterator[Attention]:
    """Every way of reading parameters as projections, the usual one first; none where none fits."""
    square = [name for name, array in state.items() if array.shape == (FEATURES, FEATURES)]
    joint = [name for name, array in state.items() if array.shape == (3 * FEATURES, FEATURES)]
    if len(joint) == 1 and len(square) == 1:
        parts = list(_joint_layouts(_rows(state, joint[0])))
        yield from _ordered(parts, wide(state[square[0]]), _bias(state, square[0]))
    elif len(square) == 4:
        for last in reversed(square):
            apart = [_rows(state, name) for name in square if name != last]
            parts = [np.stack([_heads(part, whole) for part in apart]) for whole in (True, False)]
            yield from _ordered(parts, wide(state[last]), _bias(state, last))


def _rows(state: Mapping[str, Array], weight: str) -> Array:
    """A weight (outputs, inputs) with its bias as one more column."""
    return np.concatenate([wide(state[weight]), _bias(state, weight)[:, np.newaxis]], axis=1)


def _joint_layouts(rows: Array) -> Iterator[Array]:
    """Rows of a joint projection as (3, H, hd, C + 1): which axis varies fastest is free."""
    sizes = {"p": 3, "h": HEADS, "d": HEAD}
    for order in ("phd", "hpd", "hdp", "pdh", "dhp", "dph"):
        parted = rows.reshape(*(sizes[axis] for axis in order), -1)
        yield np.moveaxis(parted, [order.index(axis) for axis in "phd"], [0, 1, 2])


def _heads(rows: Array, together: bool) -> Array:
    """Rows (C, C + 1) as (H, hd, C + 1): a head's rows lie together, or every H-th is its own."""
    if together:
        return rows.reshape(HEADS, HEAD, -1)
    return np.swapaxes(rows.reshape(HEAD, HEADS, -1), 0, 1)


def _ordered(parts: list[Array], output: Array, output_bias: Array) -> Iterator[Attention]:
    columns = (
        output.reshape(FEATURES, HEADS, HEAD),
        np.swapaxes(output.reshape(FEATURES, HEAD, HEADS), 1, 2),
    )
    for part in parts:
        for order in permutations(range(3)):
            mixed = part[list(order)]
            for column in columns:
                yield Attention(mixed[..., :-1], mixed[..., -1], column, output_bias)


def _bias(state: Mapping[str, Array], weight: str) -> Array:
    """The bias beside a weight, or zeros."""
    name = weight.removesuffix("weight") + "bias"
    size = len(state[weight])
    found = state.get(name, np.zeros(size)) if name != weight else np.zeros(size)
    return wide(found) if found.shape == (size,) else np.zeros(size)


def rotated(subject: Subject, module: Handle, q: Array, k: Array) -> tuple[Array, Array]:
    """Queries and keys (B, H, T, hd), turned by the student's own method.

    Raises:
        SubjectError: it raises, or returns something else than two tensors.
    """
    # In order in memory, as students' own are: some look at pairs as complex numbers.
    given = (*(np.ascontiguousarray(x, np.float32) for x in (q, k)), q.shape[-2])
    answer = subject.call(module, *given, method="apply_rotary_emb")
    if not (isinstance(answer, tuple | list) and len(answer) == 2):
        raise SubjectError("apply_rotary_emb should return two tensors: queries and keys")
    return as_array(answer[0]), as_array(answer[1])


def _turn(x: Array, halves: bool) -> Array:
    """Pairs of features turned by their positions' angles, (..., T, hd), float64."""
    angles = np.outer(np.arange(x.shape[-2]), 10000.0 ** (-np.arange(0, HEAD, 2) / HEAD))
    first, second = np.split(x, 2, axis=-1) if halves else (x[..., ::2], x[..., 1::2])
    cos, sin = np.cos(angles), np.sin(angles)
    pair = (first * cos - second * sin, first * sin + second * cos)
    return np.concatenate(pair, -1) if halves else np.stack(pair, -1).reshape(x.shape)


TURNS = (partial(_turn, halves=True), partial(_turn, halves=False))


def fits(answer: Array, right: Expected) -> bool:
    """Whether an answer is that one, up to rounding."""
    return compare(answer, right, [answer]) is None


def values_of(answer: Any) -> Array:
    """What a layer returns: its output, or the output and more."""
    return as_array(answer[0] if isinstance(answer, tuple | list) and answer else answer)


def expect_causal(subject: Subject, module: Handle, your: str) -> None:
    """Demands that a change at one position leaves the answers before it.

    Raises:
        CheckFailure: one moves, or none at all does.
    """
    x = sequences(6)
    before = values_of(subject.call(module, x))
    expect_shape(before, x.shape)
    tolerance = 64 * 2.0**-24 * 8 * (1 + np.abs(before).max())
    for place in range(x.shape[1]):
        other = x.copy()
        other[:, place] = -other[:, place][:, ::-1] + 1
        after = values_of(subject.call(module, other))
        still = np.all(np.abs(after - before) <= tolerance, axis=(0, 2))
        moved = np.flatnonzero(~still[:place])
        expect(
            not moved.size,
            f"{your}our answer at position {[*moved, 0][0]} changes with the token at {place}.",
        )
        expect(not still[place], f"{your}our answer at position {place} ignores its own token.")


def attention_of(state: Mapping[str, Array]) -> str | None:
    """The path inside of a block under which all weights of attention lie, and no others.

    None where they lie beside those of something else.
    """
    joint = [name for name, array in state.items() if array.shape == (3 * FEATURES, FEATURES)]
    square = [name for name, array in state.items() if array.shape == (FEATURES, FEATURES)]
    wanted = 1 if len(joint) == 1 else 4
    path = ([*joint, *square] or [""])[0].rpartition(".")[0]
    while path:
        within = [name for name in square if name.startswith(path + ".")]
        if len(within) >= wanted:
            return path if len(within) == wanted else None
        path = path.rpartition(".")[0]
    return None


def silenced(state: Mapping[str, Array], path: str) -> dict[str, Array]:
    """The same weights without those that lie under a path."""
    return {
        name: np.zeros_like(array)
        if name.startswith(path + ".") and FEATURES in array.shape
        else array
        for name, array in state.items()
    }


def is_gain(name: str, state: Mapping[str, Array]) -> bool:
    """Whether a weight is the gain of a norm: no matrix lies beside it."""
    beside = [array for other, array in state.items() if _owner(other) == _owner(name)]
    return state[name].size == FEATURES and all(array.size == FEATURES for array in beside)


def _owner(name: str) -> str:
    return name.rpartition(".")[0]
