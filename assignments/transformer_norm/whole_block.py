"""A class that is a whole pre-norm block, judged by what its weights do.

Such as IFT6135's `PreNormAttentionBlock(embed_dim, hidden_dim, num_heads, sequence_length)` with
`forward(x, mask)`. Whichever attention, MLP and norms stand in it: silenced by their weights, they
leave the stream, one branch, or the other, and the two follow each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from assignments.transformer_norm.definitions import cycled
from assignments.transformer_norm.modules import note
from grader.checks import Array, Callback, CheckFailure, Handle, Subject, as_array, expect
from grader.checks.subject import Value
from grader.errors import SubjectError

D, HIDDEN, HEADS, LENGTH, BATCH = 8, 20, 2, 5, 3
_ROLES = {
    "dim": "embed_dim d_model dim hidden_size n_embd size emb_dim embedding_dim model_dim",
    "hidden": "hidden_dim d_ff ff_dim mlp_dim dim_feedforward ffn_dim d_hidden intermediate_size",
    "heads": "num_heads n_heads heads nhead n_head h num_attention_heads",
    "length": "sequence_length seq_len seq_length max_len block_size n_positions context_length",
    "dropout": "dropout p dropout_rate dropout_prob",
}
_SIZES = {"dim": D, "hidden": HIDDEN, "heads": HEADS, "length": LENGTH, "dropout": 0.0}
# Rows of the stream have variances of one and more: an epsilon of 1e-3 or less moves a normed row
# by 5e-4 of itself, and the branches at the weights that modules start with by no more.
_EPSILONS = 1e-3
_GAINS = (1.25, 0.75, 1.0, 1.125, 0.875, 1.0625, 0.9375)
# Rounding of float32 in values below 10 that meet a few hundred terms.
_ROUNDING = 1e-4


def stream() -> Array:
    """A stream (B, T, D) of distinct rows, float32."""
    return cycled((1.0, -1.0, 2.0, 0.5, -3.0, 1.5, 0.25), (BATCH, LENGTH, D))


@dataclass(frozen=True, slots=True)
class WholeBlock:
    """One object of the student's class, with the weights that it was made with.

    Attributes:
        subject: the student's code.
        name: of the class.
        handle: the object.
        weights: as drawn, with another gain for each norm.
        gains: names of the gains of its norms: vectors that began at one.
        mask: what forward takes beside x.
    """

    subject: Subject
    name: str
    handle: Handle
    weights: Mapping[str, Array]
    gains: tuple[str, ...]
    mask: tuple[Value, ...]

    def __call__(self, x: Array, weights: Mapping[str, Array] | None = None) -> Array:
        """What the block makes of a stream under these weights, in float64."""
        self.subject.load_state(self.handle, weights or self.weights)
        answer = self.subject.call(self.handle, x, *self.mask)
        return _stream_of(answer, self.name).astype(np.float64)

    def silent(self, *parts: str) -> dict[str, Array]:
        """Weights with the last layer of the MLP, or all of attention, at zero."""
        chosen = {key for part in parts for key in self._keys(part)}
        return {k: np.zeros_like(v) if k in chosen else v for k, v in self.weights.items()}

    def without(self, gain: str, weights: Mapping[str, Array]) -> dict[str, Array]:
        """Weights with one gain at zero."""
        return {k: np.zeros_like(v) if k == gain else v for k, v in weights.items()}

    def _keys(self, part: str) -> list[str]:
        hidden = self._hidden()
        mlp = {_owner(k) for k, v in self.weights.items() if sorted(v.shape) == [D, hidden]}
        last = {_owner(k) for k, v in self.weights.items() if v.shape == (D, hidden)}
        if part == "mlp":
            return [k for k in self.weights if _owner(k) in last]
        norms = set(map(_owner, self.gains))
        return [k for k in self.weights if _owner(k) not in mlp | norms]

    def _hidden(self) -> int:
        """Features inside of the MLP: as many as were asked for, or a ratio of the class's own."""
        shapes = {v.shape for v in self.weights.values() if v.ndim == 2}
        widths = [size for rows, size in shapes if rows == D < size and (size, D) in shapes]
        return HIDDEN if HIDDEN in widths else max(widths, default=HIDDEN)


def _owner(key: str) -> str:
    return key.rpartition(".")[0]


def made(subject: Subject, name: str) -> WholeBlock:
    """An object of the class in evaluation mode, and a call of it that works.

    Raises:
        SubjectError: no way of building or calling it works; the error is that of the first way.
    """
    handle = _built(subject, name)
    with suppress(SubjectError):
        subject.call(handle, method="eval")
    x, errors = stream(), []
    ones = np.ones((BATCH, LENGTH), np.int64)
    square = np.ones((LENGTH, LENGTH), np.int64)
    # All to be seen: ones keep in most codes, zeros in those that mark what to leave out.
    masks = (
        ones,
        ones.astype(bool),
        square,
        square.astype(bool),
        ones[:, None, None],
        0 * ones > 0,
    )
    for mask in ((ones,), (), (None,), *((each,) for each in masks[1:])):
        try:
            answer = _stream_of(subject.call(handle, x, *mask), name)
        except (SubjectError, CheckFailure) as error:
            errors.append(error)
            continue
        if np.isfinite(answer).all():
            return WholeBlock(subject, name, handle, *_weights(subject.state(handle)), mask)
    raise errors[0] if errors else CheckFailure(f"Your {name} returned no finite numbers.")


def _weights(state: Mapping[str, Array]) -> tuple[dict[str, Array], tuple[str, ...]]:
    """Weights in which no two norms are alike, and the names of their gains."""
    gains = tuple(k for k, v in state.items() if v.shape == (D,) and np.all(v == 1))
    turned = {k: cycled(_GAINS[i % 5 :], (D,)) for i, k in enumerate(gains)}
    return {**state, **turned}, gains


def _built(subject: Subject, name: str) -> Handle:
    words = {word: role for role, known in _ROLES.items() for word in known.split()}
    parameters = subject.definition(name).parameters
    chosen = {p: _SIZES[words[p.lower()]] for p in parameters if p.lower() in words}
    ways: list[tuple[tuple[int, ...], dict[str, Any]]] = [
        ((), chosen),
        ((D, HIDDEN, HEADS), {}),
        ((D, HIDDEN, HEADS, LENGTH), {}),
    ]
    errors = []
    for args, kwargs in ways:
        try:
            return subject.new(name, *args, seed=1, **kwargs)
        except SubjectError as error:
            errors.append(error)
    raise errors[0]


def _stream_of(answer: Value, name: str) -> Array:
    """The stream in an answer, which may hold attention weights, too."""
    first = answer[0] if isinstance(answer, tuple | list) and answer else answer
    array = as_array(first, name)
    expect(
        array.shape == (BATCH, LENGTH, D),
        f"Your {name} returned shape {array.shape} for a stream of shape {(BATCH, LENGTH, D)}.",
    )
    return array


def judge_silence(block: WholeBlock) -> None:
    """Demands that silent sublayers leave x.

    Raises:
        CheckFailure: they do not.
    """
    x = stream()
    note_parts(block, x)
    left = block(x, block.silent("attention", "mlp"))
    expect(
        np.abs(left - x) <= _ROUNDING,
        f"With the weights of attention and MLP at zero your {block.name} should leave x as it is, "
        "and it does not.",
        x=x,
        left=left,
    )


def judge_branches(block: WholeBlock) -> None:
    """Demands two branches, each of a norm of its own, one after the other.

    Raises:
        CheckFailure: a branch, a norm or a residual is missing or elsewhere.
    """
    x = stream()
    note_parts(block, x)
    norms = [
        _expect_normed_branch(block, block.silent(silent), x, loud)
        for silent, loud in (("mlp", "attention"), ("attention", "mlp"))
    ]
    expect(
        norms[0] != norms[1] or norms[0] is None,
        f"The same norm stands before attention and before the MLP in your {block.name}.",
    )
    first, second = block.silent("mlp"), block.silent("attention")
    after = block(block(x, first).astype(np.float32), second)
    expect(
        np.abs(after - block(x)) <= _ROUNDING,
        f"Your {block.name} is not attention's branch followed by the MLP's: what does the MLP "
        "see, and what is its answer added to?",
    )


def _expect_normed_branch(
    block: WholeBlock, weights: Mapping[str, Array], x: Array, loud: str
) -> str | None:
    """Demands one branch that sees a normed stream; the gain of its norm, if it has one."""
    here = block(x, weights) - x
    moved = block(2 * x + 3, weights) - (2 * x + 3)
    size = np.abs(here).max()
    expect(size > _EPSILONS, f"In your {block.name} {loud} adds nothing to the stream.")
    expect(
        np.abs(here - moved) <= _EPSILONS * (1 + size),
        f"Shift and stretch x: what {loud} adds in your {block.name} should stay the same.",
    )
    felt = [
        gain
        for gain in block.gains
        if np.abs(block(x, block.without(gain, weights)) - x - here).max() > _ROUNDING
    ]
    expect(
        len(felt) == 1 or len(block.gains) == 0,
        f"{len(felt)} norms of your {block.name} have a say in what {loud} adds; one should.",
    )
    return felt[0] if felt else None


def note_parts(block: WholeBlock, x: Array) -> None:
    """Lets diagnosis see the block as a function of its parts, where they have the usual names."""
    names = ("attn", "linear", "layer_norm_1", "layer_norm_2")
    subject, handle = block.subject, block.handle

    def part(method: str, value: Array) -> Array:
        # Diagnosis asks after the check, which may have left other weights.
        subject.load_state(handle, block.weights)
        more = block.mask if method == "attn" else ()
        return _stream_of(subject.call(handle, value, *more, method=method), method)

    with suppress(SubjectError, CheckFailure):
        answer = block(x).astype(np.float32)
        parts = [partial(part, name) for name in names]
        for each in parts:
            each(x)
        note(subject, "pre_norm_block", (x, *map(Callback, parts)), answer)
