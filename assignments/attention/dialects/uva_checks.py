"""Checks that only the UvA sheet asks for: its norm, its causal attention and its decoder block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np

from assignments.attention.definitions import draw, wide
from assignments.attention.dialects.uva_blocks import (
    block_adds_two_normed_sublayers,
    stream_runs_through,
)
from assignments.attention.dialects.uva_parts import (
    HEAD,
    HEADS,
    TURNS,
    Attention,
    built,
    expect_causal,
    readings,
    rotated,
    sequences,
    values_of,
)
from assignments.attention.position_checks import either, paces
from grader.checks import (
    Array,
    CheckFailure,
    Expected,
    Handle,
    Subject,
    as_array,
    check,
    evidence,
    expect,
    expect_all_close,
    expect_close,
    expect_shape,
)
from grader.checks.comparison import compare
from grader.errors import SubjectError

__all__ = ["block_adds_two_normed_sublayers", "stream_runs_through"]

# The norm


def _norm(subject: Subject, size: int) -> Handle:
    try:
        return subject.new("RMSNorm", size, 1e-6)
    except SubjectError:
        return subject.new("RMSNorm", size)  # with an epsilon of its own


def _large(size: int) -> Array:
    """Rows (2, 3, D) beside whose squares any usual epsilon is lost in rounding."""
    return draw(np.random.default_rng(size), 2, 3, size, size=256.0) + np.float32(64)


def _normed(x: Array) -> Expected:
    squares = (wide(x) ** 2).mean(axis=-1, keepdims=True)
    return Expected(wide(x) / np.sqrt(squares), None, "x over its root mean square")


@check("rms-norm", points=1.25)
def norm_divides_by_the_root_mean_square(subject: Subject) -> None:
    """Every position's features are divided by their root mean square; nothing is subtracted."""
    for size in (2, 3, 8):
        x = _large(size)
        answer = subject.call(_norm(subject, size), x)
        expect_close(answer, _normed(x), given={"x": x}, function="RMSNorm")


@check("rms-norm", points=0.5)
def norm_has_a_gain_for_each_feature(subject: Subject) -> None:
    """One learned factor for each feature scales what was normed."""
    size = 5
    x, norm = _large(size), _norm(subject, 5)
    state = subject.state(norm)
    gains = [name for name, array in state.items() if array.size == size]
    expect(
        len(gains) == 1, f"Your RMSNorm has {len(gains)} parameters of the size of the features."
    )
    gain = np.arange(1, size + 1, dtype=np.float32) / 4
    before = wide(as_array(subject.call(norm, x)))
    expect_shape(before, x.shape, function="RMSNorm")
    subject.load_state(norm, state | {gains[0]: gain.reshape(state[gains[0]].shape)})
    # Whatever was normed, rightly or not: that is for another check to say.
    right = Expected(before * gain, None, "what it was before, times the gain,")
    answer = subject.call(norm, x)
    expect_close(answer, right, given={"x": x, "gain": gain}, function="RMSNorm")


@check("rms-norm", points=0.25)
def norm_of_zeros_is_zero(subject: Subject) -> None:
    """Features that are all zero stay zero."""
    zeros = np.zeros((1, 2, 4), np.float32)
    answer = subject.call(_norm(subject, 4), zeros)
    expect_close(answer, Expected(zeros), given={"x": zeros}, function="RMSNorm")


# Rotary positions


def _rows(length: int) -> tuple[Array, Array]:
    """A query and a key for each head, the same at all positions, (2, H, T, hd)."""
    rng = np.random.default_rng(length)
    q, k = draw(rng, 2, 2, HEADS, 1, HEAD, size=2.0)
    return np.repeat(q, length, axis=-2), np.repeat(k, length, axis=-2)


def _turns_inside(subject: Subject, module: Handle) -> bool:
    """Whether a class without apply_rotary_emb turns queries and keys all the same.

    Raises:
        SubjectError: there is no such method, and the answers know of no positions.
    """
    try:
        rotated(subject, module, *_rows(2))
    except SubjectError as error:
        if error.fault != "missing":
            return False
        x = sequences(5)
        answer = values_of(subject.call(module, x))
        found = (r for r in readings(subject.state(module)) if answer.shape == x.shape)
        for reading in found:
            q, k, v = reading.projected(x)
            for turn in TURNS:
                if _fits(answer, reading.attended(turn(q), turn(k), v)):
                    evidence(rotary="inside of forward")
                    return True
        raise
    return False


@check("rotary-embedding", points=0.5)
def rotary_keeps_lengths(subject: Subject) -> None:
    """Queries and keys that are turned keep their lengths."""
    module = built(subject, "CausalSelfAttention")
    if _turns_inside(subject, module):
        return
    for length in (2, 7):
        given = _rows(length)
        found = rotated(subject, module, *given)
        for name, before, after in zip(("xq", "xk"), given, found, strict=True):
            expect_shape(after, before.shape, function=f"apply_rotary_emb, for {name},")
            squares = (wide(before) ** 2).sum(axis=-1)
            right = Expected(squares, 2 * squares, "the squared length that it had")
            name = f"apply_rotary_emb, by the squared lengths of {name},"
            expect_all_close(
                [(wide(after) ** 2).sum(axis=-1).astype(np.float32)], [right],
                given=[{"T": length}], function=name,
            )  # fmt: skip


@check("rotary-embedding", points=1)
def rotary_scores_depend_on_the_distance(subject: Subject) -> None:
    """Moved along together, a query and a key keep their score."""
    module = built(subject, "CausalSelfAttention")
    if _turns_inside(subject, module):
        return
    for length in (3, 9):
        q, k = rotated(subject, module, *_rows(length))
        expect_shape(q, (2, HEADS, length, HEAD))
        expect_shape(k, (2, HEADS, length, HEAD))
        scores = wide(q) @ np.swapaxes(wide(k), -1, -2)
        right = Expected(
            scores[..., :-1, :-1],
            np.full(scores[..., 1:, 1:].shape, HEAD * 4.0 * (4 + length)),
            "the score one position earlier",
        )
        expect_close(
            scores[..., 1:, 1:].astype(np.float32), right, given={"T": length},
            function="apply_rotary_emb, by the scores of what it turned,",
        )  # fmt: skip


@check("rotary-embedding", points=1)
def rotary_turns_pairs_at_their_own_pace(subject: Subject) -> None:
    """From one position to the next each pair turns by its own angle, the first by one radian."""
    module, length = built(subject, "CausalSelfAttention"), 8
    if _turns_inside(subject, module):
        return
    axes = np.tile(np.eye(HEAD, dtype=np.float32)[:, np.newaxis, np.newaxis], (1, HEADS, length, 1))
    q, k = rotated(subject, module, axes, axes)
    expect_shape(q, axes.shape)
    # What an axis at position t and at 0 have in common is the cosine of the angle between them.
    kept = np.einsum("jhtd,jhd->tj", wide(q), wide(k)[:, :, 0]) / HEADS
    angles = np.outer(np.arange(length), paces(HEAD))

    def judge(halves: int) -> None:
        whole = np.concatenate([angles, angles], 1) if halves else np.repeat(angles, 2, 1)
        right = Expected(np.cos(whole), 2 + 12 * whole, "the cosine of a pair's angle")
        expect_close(
            kept.astype(np.float32), right, given={"T": length},
            function="apply_rotary_emb, by what each axis keeps of itself,",
        )  # fmt: skip

    either(judge, (0, 1))


# Causal attention


@check("causal-attention", points=2)
def attention_is_that_of_its_own_weights(subject: Subject) -> None:
    """Each head's queries and keys are turned, scaled scores are shared out, heads are joined."""
    module, x = built(subject, "CausalSelfAttention"), sequences(5)
    answer = values_of(subject.call(module, x))
    expect_shape(answer, x.shape, function="CausalSelfAttention")
    failure = _mismatch(subject, module, x, answer)
    if failure is not None:
        raise failure


def _mismatch(subject: Subject, module: Handle, x: Array, answer: Array) -> CheckFailure | None:
    """How an answer differs from attention with the module's weights, in any order of theirs."""
    found = list(readings(subject.state(module)))
    evidence(readings=len(found))  # none where the parameters have shapes of their own
    turns = []
    for reading in found:
        q, k, v = reading.projected(x)
        for pair in _turned(subject, module, q, k):
            turns.append((reading, (*pair, v), (q, k, v)))
            if _fits(answer, reading.attended(*turns[-1][1])):
                return None
    if not turns:
        return None
    hints = (hint for hint, explains in _EXPLAINED if any(explains(answer, *t) for t in turns))
    reading, turned, _ = turns[0]
    try:
        expect_close(
            answer, reading.attended(*turned), given={"x": x}, function="CausalSelfAttention"
        )
    except CheckFailure as failure:
        return CheckFailure(failure.message, failure.counterexample, hint=next(hints, ""))
    return None


def _turned(subject: Subject, module: Handle, q: Array, k: Array) -> Iterator[tuple[Array, Array]]:
    """Queries and keys as the student's own method turns them; without one, in any usual way."""
    try:
        yield rotated(subject, module, q, k)
    except SubjectError as error:
        if error.fault != "missing":
            raise
        yield q, k  # that nothing turns them costs the points of another question
        for turn in TURNS:
            yield turn(q), turn(k)


def _fits(answer: Array, right: Expected) -> bool:
    return compare(answer, right, [answer]) is None


Turned: TypeAlias = tuple[Array, Array, Array]

# What else may have been computed, with a sentence that leads there.
_EXPLAINED: tuple[tuple[str, Callable[[Array, Attention, Turned, Turned], bool]], ...] = (
    (
        "How do your scores spread as the features grow in number? Try a large head.",
        lambda answer, one, qkv, _: _fits(answer, one.attended(*qkv, factor=HEAD**0.5)),
    ),
    (
        "How many features does one head have? That is what its scores are sums of.",
        lambda answer, one, qkv, _: _fits(answer, one.attended(*qkv, factor=HEADS**-0.5)),
    ),
    (
        "Exchange two earlier tokens: does a later answer notice?",
        lambda answer, one, _, plain: _fits(answer, one.attended(*plain)),
    ),
    (
        "Change the last token: which positions' answers should change?",
        lambda answer, one, qkv, _: _fits(answer, one.attended(*qkv, causal=False)),
    ),
)


@check("causal-attention", points=1.5)
def attention_sees_no_future(subject: Subject) -> None:
    """A token changes the answers at its own and at later positions, and no others."""
    for flash in (False, True):
        module = built(subject, "CausalSelfAttention", use_flash_attn=flash)
        expect_causal(subject, module, f"With use_flash_attn = {flash}, y")


@check("causal-attention", points=0.5)
def fast_attention_is_right_as_well(subject: Subject) -> None:
    """With use_flash_attn, the answer is what the written-out way gives with the same weights."""
    slow, fast = (
        built(subject, "CausalSelfAttention", use_flash_attn=flash) for flash in (False, True)
    )
    state, x = subject.state(slow), sequences(7)
    subject.load_state(fast, subject.state(fast) | state)
    written, found = (values_of(subject.call(module, x)) for module in (slow, fast))
    expect_shape(found, x.shape, function="CausalSelfAttention")
    failure = _mismatch(subject, fast, x, found)
    size = np.full(x.shape, 64 * (1 + np.abs(wide(written)).max()))
    if failure is not None and not _fits(found, Expected(written, size)):
        raise failure
