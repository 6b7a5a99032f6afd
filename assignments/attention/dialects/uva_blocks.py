"""Checks of a decoder block, by its own sublayers where they can be told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from assignments.attention.definitions import wide
from assignments.attention.dialects.uva_parts import (
    BLOCK,
    FEATURES,
    built,
    sequences,
    values_of,
)
from grader.checks import (
    Array,
    Expected,
    Handle,
    Subject,
    check,
    evidence,
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


@check("decoder-block", points=2)
def block_adds_two_normed_sublayers(subject: Subject) -> None:
    """Attention and the feed-forward part each see a normed stream, and are added to the stream."""
    block, x = built(subject, "TransformerDecoderBlock"), sequences(4)
    subject.load_state(block, _told_apart(subject.state(block)))
    answer = values_of(subject.call(block, x))
    names = [_first(subject, block, choices, x) for choices in _NAMES]
    evidence(sublayers=[name or "unknown" for name in names])
    if None in names:
        return  # its parts have names of their own, and the other checks decide

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
    """A state in which no two norms have the same gain."""
    gains = [name for name, array in state.items() if array.size == FEATURES]
    factors = {name: np.float32(1 + place / 4) for place, name in enumerate(gains)}
    return {n: array * factors[n] if n in factors else array for n, array in state.items()}


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


@check("decoder-block", points=1)
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
