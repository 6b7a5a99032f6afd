"""Checks of padding masks, where a year's `MultiHeadedAttention` takes one.

That year's mask is (B, T) and tells by ones which tokens are there. It may be handed on as truth
values or as numbers and with axes for heads and queries: whichever a method works with is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from assignments.attention.definitions import draw, weights_of, wide
from assignments.attention.dialects.ift6135_parts import (
    FEATURES,
    LENGTH,
    as_heads,
    asked,
    built,
)
from assignments.attention.position_checks import either
from grader.checks import (
    Array,
    CheckFailure,
    Expected,
    Handle,
    Subject,
    check,
    evidence,
    expect_close,
    expect_shape,
)
from grader.errors import SubjectError

_NAMES = ("mask", "attention_mask", "attn_mask", "padding_mask", "pad_mask", "masks")
# Two sequences, one of five tokens and one of three.
_REAL = (LENGTH, 3)
_MASK = np.arange(LENGTH) < np.asarray(_REAL)[:, np.newaxis]


def _forms(mask: Array) -> Iterator[Array]:
    for dtype in (np.int64, np.bool_, np.float32):
        typed = mask.astype(dtype)
        yield typed
        yield typed[:, np.newaxis]
        yield typed[:, np.newaxis, np.newaxis]
        yield np.repeat(typed[:, np.newaxis, np.newaxis], LENGTH, axis=2)


def _takes(subject: Subject, layer: Handle, method: str, *given: Array) -> str | None:
    """What a method calls its mask; None where it takes none."""
    for name in _NAMES:
        more: dict[str, Any] = {name: _MASK.astype(np.int64)}
        try:
            subject.call(layer, *given, method=method, **more)
        except SubjectError as error:
            if "unexpected keyword argument" in str(error):
                continue
        return name
    evidence(mask="taken by no method" if method == "forward" else f"not taken by {method}")
    return None


def _judge_forms(judge: Callable[[int], None]) -> None:
    """Demands that one form of the mask works; a wrong answer tells more than a form refused."""
    refusals: list[SubjectError] = []
    failures: list[CheckFailure] = []
    for form in range(len(list(_forms(_MASK)))):
        try:
            judge(form)
        except SubjectError as error:
            refusals.append(error)
        except CheckFailure as failure:
            failures.append(failure)
        else:
            return
    raise [*failures, *refusals][0]


@check("attention-weights", points=0.5)
def class_weights_skip_padding(subject: Subject) -> None:
    """Where weights take a mask, padding gets none and the tokens that are there share it all."""
    layer, (q, k) = built(subject), as_heads(4, 2)
    name = _takes(subject, layer, "get_attention_weights", q, k)
    if name is None:
        return

    def judge(form: int) -> None:
        mask = list(_forms(_MASK))[form]
        answer = asked(subject, layer, "get_attention_weights", q, k, **{name: mask})
        expect_shape(answer, (*q.shape[:-1], LENGTH), function="get_attention_weights")
        for example, real in enumerate(_REAL):
            _judge_example(q[example], k[example], answer[example][:, :real], real)

    _judge_forms(judge)


def _judge_example(q: Array, k: Array, answer: Array, real: int) -> None:
    """Weights of the queries that are there; what padding looks at does not matter."""
    there = np.broadcast_to(np.arange(LENGTH) < real, (real, LENGTH))

    def judge(full: int) -> None:
        mask = there if full else there & np.tri(real, LENGTH, dtype=bool)
        given = {"queries": q, "keys": k, "mask": there[0].astype(np.int64)}
        right = weights_of(q[:, :real], k, mask)
        expect_close(answer, right, given=given, function="get_attention_weights, with a mask,")

    either(judge, (1, 0))


@check("attention-applied", points=0.5)
def class_values_skip_padding(subject: Subject) -> None:
    """Where attention takes a mask, what padding holds changes no other answer."""
    layer, (q, k, v) = built(subject), as_heads(5, 3)
    other = [np.where(_MASK[:, np.newaxis, :, np.newaxis], x, 1 - x[..., ::-1]) for x in (k, v)]
    given = {"queries": q, "keys": k, "values": v}
    _expect_padding_ignored(subject, layer, "apply_attention", (q, k, v), (q, *other), given)


@check("attention-layer", points=0.5)
def class_hands_the_mask_on(subject: Subject) -> None:
    """Where the layer takes a mask, what padding holds changes no other answer."""
    layer = built(subject)
    x = draw(np.random.default_rng(6), 2, LENGTH, FEATURES, size=2.0)
    other = np.where(_MASK[..., np.newaxis], x, 1 - x[..., ::-1])
    _expect_padding_ignored(subject, layer, "forward", (x,), (other,), {"hidden_states": x})


def _expect_padding_ignored(
    subject: Subject,
    layer: Handle,
    method: str,
    given: tuple[Array, ...],
    changed: tuple[Array, ...],
    shown: dict[str, Array],
) -> None:
    name = _takes(subject, layer, method, *given)
    if name is None:
        return

    def judge(form: int) -> None:
        mask = list(_forms(_MASK))[form]
        before, after = (
            asked(subject, layer, method, *each, **{name: mask}) for each in (given, changed)
        )
        expect_shape(after, before.shape, function=method)
        size = np.full(before.shape, 64 * (1 + np.abs(wide(before)).max()))
        for example, real in enumerate(_REAL):
            there = _positions(before, real)
            right = Expected(
                wide(before)[example][there], size[example][there], "the answer with other padding"
            )
            answer, where = after[example][there], f"{method}, with a mask,"
            expect_close(answer, right, given=shown | {"mask": mask}, function=where)

    _judge_forms(judge)


def _positions(answer: Array, real: int) -> tuple[slice, ...]:
    """Where the tokens that are there lie in one example's answer: before the features."""
    if answer.ndim < 3:
        raise CheckFailure(f"An answer of shape {answer.shape} has no axis for positions.")
    return (*(slice(None),) * (answer.ndim - 3), slice(real))
