"""Checks of a decoder block, by its own sublayers, or by what its weights do where these hide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import permutations

import numpy as np

from assignments.attention.definitions import draw, wide
from assignments.attention.dialects.uva_parts import (
    BLOCK,
    FEATURES,
    attention_of,
    built,
    fits,
    is_gain,
    sequences,
    silenced,
    values_of,
)
from grader.checks import (
    Array,
    CheckFailure,
    Expected,
    Handle,
    Subject,
    check,
    evidence,
    expect,
    expect_close,
)
from grader.errors import SubjectError

# Names under which such blocks are published, in the order in which they act.
_NAMES: tuple[tuple[str, ...], ...] = (
    ("layer_norm_1", "ln_1", "norm_1", "norm1", "ln1", "rms_1", "layer_norm1"),
    ("self_attention", "attn", "attention", "self_attn", "causal_attention"),
    ("layer_norm_2", "ln_2", "norm_2", "norm2", "ln2", "rms_2", "layer_norm2"),
    ("mlpf", "mlp", "feed_forward", "ffn", "ff", "feedforward"),
)


@check("decoder-block", points=1.5)
def block_adds_two_normed_sublayers(subject: Subject) -> None:
    """Attention and the feed-forward part each see a normed stream, and are added to the stream."""
    block, x = built(subject, "TransformerDecoderBlock"), sequences(4)
    subject.load_state(block, _told_apart(subject.state(block)))
    answer = values_of(subject.call(block, x))
    names = [_first(subject, block, choices, x) for choices in _NAMES]
    evidence(sublayers=[name or "unknown" for name in names])
    if None in names:
        _judge_by_weights(subject, block, x, answer)
        return

    def through(stream: Array, parts: Sequence[str | None]) -> Array:
        for part in parts:
            stream = values_of(subject.call(block, stream, method=part))
        return wide(stream)

    attended = wide(x) + through(x, names[:2])
    right = attended + through(attended.astype(np.float32), names[2:])
    # What comes in rounded goes through a norm, attention and two maps.
    size = np.full(x.shape, 64 * (1 + np.abs(right).max()))
    expected = Expected(right, size, "what your own sublayers lead to, each after its norm,")
    expect_close(answer, expected, given={"x": x}, function="TransformerDecoderBlock")


def _told_apart(state: Mapping[str, Array]) -> dict[str, Array]:
    """A state in which no two norms have the same gain, and no map is silent."""
    gains = [name for name, array in state.items() if array.size == FEATURES]
    factors = {name: np.float32(1 + place / 4) for place, name in enumerate(gains)}
    return {
        n: array * factors[n] if n in factors else _stirred(n, array) for n, array in state.items()
    }


def _stirred(name: str, array: Array) -> Array:
    """Weights that begin at zero would hide what stands before them."""
    hides = array.ndim == 2 and not array.any() and not _is_mask(name, array)
    return draw(np.random.default_rng(3), *array.shape) if hides else array


def _first(subject: Subject, block: Handle, choices: Sequence[str], x: Array) -> str | None:
    """The first name under which the block has something that keeps the shape of a stream."""
    for name in choices:
        try:
            answer = values_of(subject.call(block, x, method=name))
        except SubjectError:
            continue
        if answer.shape == x.shape:
            return name
    return None


def _judge_by_weights(subject: Subject, block: Handle, x: Array, answer: Array) -> None:
    """Judges a block whose parts have names of their own, by what its norms' gains do.

    Raises:
        CheckFailure: no two of its norms stand where they should.
    """
    state = subject.state(block)
    attention = attention_of(state)
    gains = [name for name in state if is_gain(name, state)]
    if attention is None or len(gains) < 2:
        evidence(sublayers="not to be told apart")
        return
    silent = silenced(state, attention)
    tries = []
    for first, second in permutations(gains, 2):
        with suppress(SubjectError):
            subject.load_state(block, state)
            normed = values_of(subject.call(block, x, method=first.rpartition(".")[0]))
            attended = x + values_of(subject.call(block, normed, method=attention))
            subject.load_state(block, silent)
            right = wide(values_of(subject.call(block, attended)))
            size = np.full(x.shape, 64 * (1 + np.abs(right).max()))
            tries.append(Expected(right, size, "what your own sublayers lead to"))
            if fits(answer, tries[-1]) and _is_normed(subject, block, silent, second):
                return
    if not tries:
        evidence(sublayers="not to be called")
        return
    expect_close(answer, tries[0], given={"x": x}, function="TransformerDecoderBlock")
    raise CheckFailure(
        "Without attention, stretch the stream: what your feed-forward part adds should stay the "
        "same, and a norm of its own should have a say in it."
    )


def _is_normed(subject: Subject, block: Handle, silent: Mapping[str, Array], gain: str) -> bool:
    """Whether the branch behind attention is that of a normed stream, with this gain."""
    # So large that no epsilon is felt; what is added is then lost in rounding, but for this much.
    x = 64 * sequences(4)
    found = []
    for factor, state in ((1, silent), (4, silent), (1, {**silent, gain: 2 * silent[gain]})):
        subject.load_state(block, state)
        stream = np.float32(factor) * x
        found.append(wide(values_of(subject.call(block, stream))) - stream)
    rounding = 64 * 2.0**-24 * 4 * np.abs(x).max()
    here, stretched, gained = found
    return bool(
        np.all(np.abs(here - stretched) <= rounding) and np.any(np.abs(here - gained) > rounding)
    )


@check("decoder-block", points=0.75)
def feed_forward_bends(subject: Subject) -> None:
    """Between its two maps the feed-forward part has an activation: it is no linear map."""
    block = built(subject, "TransformerDecoderBlock")
    values_of(subject.call(block, sequences(4)))  # one that does nothing yet has no weights either
    state = _told_apart(subject.state(block))
    attention = attention_of(state)
    if attention is None:
        evidence(sublayers="not to be told apart")
        return
    subject.load_state(block, silenced(state, attention))
    # Two directions, their sum, and the first one's opposite, one at each position. All are of one
    # length and without a mean: no norm changes what they have to do with each other.
    first, second = np.tile([1.0, -1], FEATURES // 2), np.tile([1.0, 1, -1, -1], FEATURES // 4)
    rows = np.stack([first, second, (first + second) / 2**0.5, -first]).astype(np.float32)
    x = np.stack([rows, 8 * rows])
    answer = wide(values_of(subject.call(block, x)))
    if not np.ptp(answer, axis=1).any():
        evidence(stream="lost with attention")  # which is for another check to say
        return
    added = answer - x
    bias = (added[:, :1] + added[:, 3:]) / 2
    bent = added[:, 2:3] - bias - (added[:, :2] - bias).sum(1, keepdims=True) / 2**0.5
    rounding = 64 * 2.0**-24 * 8 * (1 + np.abs(added).max())
    expect(
        np.abs(bent).max() > rounding,
        "What your feed-forward part makes of a sum is the sum of what it makes of its terms. What "
        "could two linear maps in a row do that one cannot?",
    )


@check("decoder-block", points=0.75)
def stream_runs_through(subject: Subject) -> None:
    """With all weights at zero sublayers add nothing, and the stream leaves as it came in."""
    block, x = built(subject, "TransformerDecoderBlock"), sequences(4)
    state = subject.state(block)
    subject.load_state(
        block,
        {
            name: array if _is_mask(name, array) else np.zeros_like(array)
            for name, array in state.items()
        },
    )
    answer = values_of(subject.call(block, x))
    right = Expected(x, 4 * np.abs(x), "the stream that went in")
    expect_close(answer, right, given={"x": x}, function="TransformerDecoderBlock without weights")


def _is_mask(name: str, array: Array) -> bool:
    """Whether an entry of a state is no weight: it is as large as the block is long."""
    return array.dtype.kind in "biu" or BLOCK in array.shape or "mask" in name or "freq" in name
