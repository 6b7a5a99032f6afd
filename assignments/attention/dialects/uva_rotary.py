"""Checks of UvA's rotary positions, wherever pairs lie, whichever way and from where they turn."""

from __future__ import annotations

import numpy as np

from assignments.attention.definitions import draw, wide
from assignments.attention.dialects.uva_parts import (
    HEAD,
    HEADS,
    TURNS,
    built,
    fits,
    readings,
    rotated,
    sequences,
    values_of,
)
from assignments.attention.position_checks import either, paces
from grader.checks import (
    Array,
    Expected,
    Handle,
    Subject,
    check,
    evidence,
    expect_all_close,
    expect_close,
    expect_shape,
)
from grader.errors import SubjectError


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
                if fits(answer, reading.attended(turn(q), turn(k), v)):
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


@check("rotary-embedding", points=0.5)
def rotary_turns_pairs_at_their_own_pace(subject: Subject) -> None:
    """From one position to the next each pair turns by its own angle, the first by one radian."""
    module, length = built(subject, "CausalSelfAttention"), 8
    if _turns_inside(subject, module):
        return
    q, k = _turned_axes(subject, module, length)
    # What an axis at position t and at 0 have in common is the cosine of the angle between them.
    kept = np.einsum("jhtd,jhd->tj", wide(q), wide(k)[:, :, 0]) / HEADS
    _expect_cosines(kept, np.arange(length), length, "by what each axis keeps of itself,")


@check("rotary-embedding", points=0.5)
def rotary_turns_the_first_position_by_its_number(subject: Subject) -> None:
    """Position 0 stays as it is; where positions count from 1, the first turns by one pace."""
    module, length = built(subject, "CausalSelfAttention"), 4
    if _turns_inside(subject, module):
        return
    for turned in _turned_axes(subject, module, length):
        kept = np.einsum("jhj->j", wide(turned)[:, :, 0])[np.newaxis] / HEADS

        def judge(start: int, kept: Array = kept) -> None:
            _expect_cosines(kept, np.asarray([start]), length, _FIRST)

        either(judge, (0, 1))


_FIRST = "by what each axis keeps of itself at the first position,"


def _turned_axes(subject: Subject, module: Handle, length: int) -> tuple[Array, Array]:
    """Each axis at all positions, one example for each, turned as queries and as keys."""
    axes = np.tile(np.eye(HEAD, dtype=np.float32)[:, np.newaxis, np.newaxis], (1, HEADS, length, 1))
    q, k = rotated(subject, module, axes, axes)
    expect_shape(q, axes.shape)
    expect_shape(k, axes.shape)
    return q, k


def _expect_cosines(kept: Array, positions: Array, length: int, what: str) -> None:
    """Demands the cosines of these positions' angles, (T, hd), for pairs of either layout."""
    angles = np.outer(positions, paces(HEAD))

    def judge(halves: int) -> None:
        whole = np.concatenate([angles, angles], 1) if halves else np.repeat(angles, 2, 1)
        right = Expected(np.cos(whole), 2 + 12 * whole, "the cosine of a pair's angle")
        expect_close(
            kept.astype(np.float32), right, given={"T": length},
            function=f"apply_rotary_emb, {what}",
        )  # fmt: skip

    either(judge, (0, 1))
