"""Checks that only the UvA sheet asks for: its norm, its causal attention and its decoder block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np

from assignments.attention.definitions import draw, wide
from assignments.attention.dialects.uva_blocks import (
    block_adds_two_normed_sublayers,
    feed_forward_bends,
    stream_runs_through,
)
from assignments.attention.dialects.uva_parts import (
    HEAD,
    HEADS,
    TURNS,
    Attention,
    built,
    expect_causal,
    fits,
    readings,
    rotated,
    sequences,
    values_of,
)
from assignments.attention.dialects.uva_rotary import (
    rotary_keeps_lengths,
    rotary_scores_depend_on_the_distance,
    rotary_turns_pairs_at_their_own_pace,
    rotary_turns_the_first_position_by_its_number,
)
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
    expect_close,
    expect_shape,
)
from grader.errors import SubjectError

__all__ = [
    "block_adds_two_normed_sublayers",
    "feed_forward_bends",
    "rotary_keeps_lengths",
    "rotary_scores_depend_on_the_distance",
    "rotary_turns_pairs_at_their_own_pace",
    "rotary_turns_the_first_position_by_its_number",
    "stream_runs_through",
]

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


# Causal attention

Turned: TypeAlias = tuple[Array, Array, Array]  # queries, keys and values


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
    if not found:
        return None
    # The first position sees itself alone: that tells most readings from the student's at once.
    near = [each for each in found if each.begins(answer, x)]
    turns = [turn for each in near or found for turn in _turns(subject, module, x, each)]
    if near and any(fits(answer, one.attended(*turned)) for one, turned, _ in turns):
        return None
    known = _EXPLAINED if near else _EXPLAINED[-1:]
    hints = (hint for hint, explains in known if any(explains(answer, *t) for t in turns))
    reading, turned, _ = turns[0]
    try:
        expect_close(
            answer, reading.attended(*turned), given={"x": x}, function="CausalSelfAttention"
        )
    except CheckFailure as failure:
        return CheckFailure(failure.message, failure.counterexample, hint=next(hints, ""))
    return None


def _turns(
    subject: Subject, module: Handle, x: Array, reading: Attention
) -> Iterator[tuple[Attention, Turned, Turned]]:
    """A reading with queries and keys turned, in every way that may be meant, and as they were."""
    q, k, v = reading.projected(x)
    for pair in _turned(subject, module, q, k):
        yield reading, (*pair, v), (q, k, v)


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


# What else may have been computed, with a sentence that leads there.
_EXPLAINED: tuple[tuple[str, Callable[[Array, Attention, Turned, Turned], bool]], ...] = (
    (
        "How do your scores spread as the features grow in number? Try a large head.",
        lambda answer, one, qkv, _: fits(answer, one.attended(*qkv, factor=HEAD**0.5)),
    ),
    (
        "How many features does one head have? That is what its scores are sums of.",
        lambda answer, one, qkv, _: fits(answer, one.attended(*qkv, factor=HEADS**-0.5)),
    ),
    (
        "Exchange two earlier tokens: does a later answer notice?",
        lambda answer, one, _, plain: fits(answer, one.attended(*plain)),
    ),
    (
        "Change the last token: which positions' answers should change?",
        lambda answer, one, qkv, _: fits(answer, one.attended(*qkv, causal=False)),
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
    if failure is not None and not fits(found, Expected(written, size)):
        raise failure
