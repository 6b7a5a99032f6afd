"""Checks that only the IFT6135 sheet asks for: the methods of `MultiHeadedAttention`.

One year's sheet asks for causal weights, another's does not: either is right. Every later method is
judged by the student's own earlier ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from assignments.attention.definitions import draw, weights_of, wide
from assignments.attention.head_definitions import parted
from assignments.attention.position_checks import either
from grader.checks import (
    Array,
    Expected,
    Handle,
    Subject,
    as_array,
    check,
    evidence,
    expect_close,
    expect_shape,
)
from grader.errors import SubjectError

HEAD, HEADS, LENGTH = 4, 3, 5
FEATURES = HEAD * HEADS
_PROJECTIONS = ("W_Q", "W_K", "W_V")


def _layer(subject: Subject) -> Handle:
    layer = subject.new("MultiHeadedAttention", HEAD, HEADS, LENGTH, seed=1)
    subject.call(layer, method="eval")
    return layer


def _method(subject: Subject, layer: Handle, method: str, *given: Any) -> Array:
    """What a method answers; of several things, such as values and weights, the first."""
    answer = subject.call(layer, *given, method=method)
    first = answer[0] if isinstance(answer, tuple | list) and answer else answer
    return as_array(first, method)


def _heads(seed: int, count: int) -> list[Array]:
    """Queries, keys and values as heads see them, (B, H, T, hd), float32."""
    rng = np.random.default_rng(seed)
    return [draw(rng, 2, HEADS, LENGTH, HEAD, size=2.0) for _ in range(count)]


def _features() -> Array:
    """All features different, (B, T, H hd), float32."""
    return np.arange(2 * LENGTH * FEATURES, dtype=np.float32).reshape(2, LENGTH, FEATURES)


@check("attention-weights", points=2)
def class_weights_are_shares(subject: Subject) -> None:
    """A key's weight is its share of the exponentials of the scaled scores of one query."""
    layer = _layer(subject)
    for seed in range(3):
        q, k = _heads(seed, 2)
        answer = _method(subject, layer, "get_attention_weights", q, k)

        def judge(full: int, q: Array = q, k: Array = k, answer: Array = answer) -> None:
            mask = None if full else np.tri(LENGTH, dtype=bool)
            right = weights_of(q, k, mask)
            expect_close(
                answer, right, given={"queries": q, "keys": k}, function="get_attention_weights"
            )
            evidence(causal=not full)

        either(judge, (1, 0))


@check("heads-apart", points=1)
def class_shares_features(subject: Subject) -> None:
    """Each head gets features of its own at every position, and positions keep their order."""
    layer, x = _layer(subject), _features()
    answer = _method(subject, layer, "split_heads", x)

    def judge(every_other: int) -> None:
        order = np.arange(FEATURES).reshape(HEAD, HEADS).T.ravel() if every_other else slice(None)
        right = Expected(parted(x[..., order], HEADS), says="each head's own features")
        expect_close(answer, right, given={"tensor": x}, function="split_heads")

    either(judge, (0, 1))


@check("heads-together", points=1)
def class_merges_what_it_splits(subject: Subject) -> None:
    """What has been split is put back as it was."""
    layer, x = _layer(subject), _features()

    def judge(own: int) -> None:
        split = _method(subject, layer, "split_heads", x) if own else parted(x, HEADS)
        answer = _method(subject, layer, "merge_heads", split)
        right = Expected(x, says="what was split")
        expect_close(answer, right, given={"tensor": split}, function="merge_heads")

    either(judge, (0, 1))


@check("attention-applied", points=1.5)
def class_weights_its_values(subject: Subject) -> None:
    """The values, weighted and added up for every head, are merged."""
    layer = _layer(subject)
    q, k, v = _heads(7, 3)
    weights = _method(subject, layer, "get_attention_weights", q, k)
    expect_shape(weights, (2, HEADS, LENGTH, LENGTH), function="get_attention_weights")
    found = (wide(weights) @ wide(v)).astype(np.float32)
    value = _method(subject, layer, "merge_heads", found)
    expect_shape(value, (2, LENGTH, FEATURES), function="merge_heads")
    right = Expected(value, 4 * np.full(value.shape, LENGTH * 2.0), "your own weights' values")
    answer = _method(subject, layer, "apply_attention", q, k, v)
    expect_close(
        answer, right, given={"queries": q, "keys": k, "values": v}, function="apply_attention"
    )


@check("attention-layer", points=2)
def class_projects_before_and_after(subject: Subject) -> None:
    """The layer projects, splits, attends, merges and projects once more."""
    layer = _layer(subject)
    x = draw(np.random.default_rng(9), 2, LENGTH, FEATURES, size=2.0)
    answer = _method(subject, layer, "forward", x)
    expect_shape(answer, x.shape, function="forward")
    try:
        parts = [_method(subject, layer, name, x) for name in _PROJECTIONS]
    except SubjectError as error:
        if error.fault != "missing":
            raise
        evidence(projections="under other names")
        return
    heads = [_method(subject, layer, "split_heads", part) for part in parts]
    attended = _method(subject, layer, "apply_attention", *heads)
    value = _method(subject, layer, "W_O", attended)
    right = Expected(value, 16 * (1 + np.abs(wide(value))), "what your own methods lead to")
    expect_close(answer, right, given={"hidden_states": x}, function="forward")
