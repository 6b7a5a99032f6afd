"""Public checks of masks, heads and windows; `checks.py` brings them in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from assignments.attention.definitions import (
    Sequences,
    as_large_as,
    draw,
    first_of,
    judge_by_either,
    ladder,
    wide,
    windows,
)
from assignments.attention.head_definitions import (
    Inputs,
    attended,
    from_own_parts,
    inputs,
    parted,
)
from assignments.attention.masks import Given, answers_to, judge_masked
from grader.checks import (
    Array,
    CheckFailure,
    Expected,
    Subject,
    as_array,
    check,
    expect,
    expect_all_close,
    expect_shape,
)
from grader.errors import SubjectError

__all__ = [
    "answers_far_away_stay",
    "causal_mask_is_boolean",
    "heads_attend_on_their_own",
    "heads_look_where_they_may",
    "merging_undoes_splitting",
    "past_is_open_and_future_closed",
    "split_gives_consecutive_features",
    "windows_are_attended",
]

# 1.3 The causal mask

LENGTHS = (1, 2, 3, 5, 8)


@check("causal", points=0.75)
def past_is_open_and_future_closed(subject: Subject) -> None:
    """A position may look at itself and at what came before, and at nothing else."""
    answers = subject.map("causal_mask", [(length,) for length in LENGTHS])
    for length, mask in zip(LENGTHS, _opened(list(map(as_array, answers))), strict=True):
        expect_shape(mask, (length, length))
        wrong = np.argwhere(mask != np.tri(length, dtype=bool))
        if wrong.size:
            row, column = map(int, wrong[0])
            verb = "may" if mask[row, column] else "may not"
            raise CheckFailure(
                f"For length = {length}, under your mask position {row} {verb} look at position "
                f"{column}."
            )


def _opened(masks: list[Array]) -> list[Array]:
    """Where masks are open: of truth values, of 1 and 0, or of what is added to the scores."""
    is_added = any(mask.size and mask.min() < -10 for mask in masks if mask.dtype != np.bool_)
    return [np.asarray(mask == 0 if is_added else mask != 0) for mask in masks]


@check("causal", points=0.25)
def causal_mask_is_boolean(subject: Subject) -> None:
    """The mask holds truth values, for other functions to take as such."""
    answer = as_array(subject.call("causal_mask", 4))
    expect(answer.dtype == np.bool_, f"Your causal_mask returns numbers of type {answer.dtype}.")


# 2.1 and 2.2 Heads apart, and together again


def _features() -> list[tuple[Array, int]]:
    """Features that are all different, with a number of heads: one position and one head first."""
    sizes = ((1, 1, 2, 1), (1, 1, 2, 2), (1, 2, 2, 2), (1, 3, 4, 2), (2, 3, 6, 2), (2, 4, 6, 3))
    return [
        (np.arange(batch * length * size, dtype=np.float32).reshape(batch, length, size), heads)
        for batch, length, size, heads in sizes
    ]


@check("split", points=1)
def split_gives_consecutive_features(subject: Subject) -> None:
    """Each head gets consecutive features of every position, and keeps the positions in order."""
    answers = subject.map("split_heads", _features())
    right = [
        Expected(parted(x, heads), says="each head's own features") for x, heads in _features()
    ]
    expect_all_close(answers, right, given=_features())


@check("merge", points=0.5)
def merging_undoes_splitting(subject: Subject) -> None:
    """Heads come back side by side, the first head's features first."""
    given = [(np.asarray(parted(x, heads)),) for x, heads in _features()]
    right = [Expected(x, says="the features that were split") for x, _ in _features()]
    answers = subject.map("merge_heads", given)
    judge_by_either(
        lambda found, expected: expect_all_close(found, expected, given=given),
        answers,
        right,
        lambda: [
            as_large_as(_merged_as_split(subject, x, heads), each)
            for (x, heads), each in zip(_features(), right, strict=True)
        ],
    )


def _merged_as_split(subject: Subject, x: Array, heads: int) -> Array:
    """What undoes the student's own split, applied to heads of consecutive features.

    Raises:
        ValueError: that split does not keep all features.
    """
    index = np.arange(x.size, dtype=np.float32).reshape(x.shape)
    places = as_array(subject.call("split_heads", index, heads)).ravel().astype(int)
    if sorted(places) != list(range(x.size)):
        raise ValueError("the split loses features")
    merged = np.zeros(x.size)
    merged[places] = parted(x, heads).ravel()
    return merged.reshape(x.shape)


# 2.3 Multi-head attention


@check("heads", points=1.25)
def heads_attend_on_their_own(subject: Subject) -> None:
    """Each head attends by its own features; what the heads find is joined and projected."""
    _judge_heads(subject, [tuple(each) for each in inputs()], inputs(), masked=False)


@check("heads", points=1)
def heads_look_where_they_may(subject: Subject) -> None:
    """What the mask closes has no part in any head's answer."""
    _judge_heads(subject, [(*each, each.mask) for each in inputs()], inputs(), masked=True)


def _judge_heads(subject: Subject, given: Given, whole: Sequence[Inputs], masked: bool) -> None:
    masks = [each.mask if masked else None for each in whole]
    right = [attended(each, mask) for each, mask in zip(whole, masks, strict=True)]

    def judge(answers: list[Any]) -> None:
        judge_by_either(
            lambda found, expected: expect_all_close(found, expected, given=given),
            answers,
            right,
            lambda: from_own_parts(subject, whole, masks, right),
        )

    judge_masked(subject, "multi_head", given, right, judge)


# 4.1 Windows


def _windowed() -> list[tuple[Array, Array, Array, int]]:
    rng = np.random.default_rng(3)
    sizes = (
        (1, 1, 1, 1, 0),
        (1, 2, 1, 1, 0),
        (1, 3, 2, 1, 1),
        (1, 5, 4, 2, 1),
        (2, 7, 9, 3, 2),
        (1, 4, 3, 2, 4),
    )
    return [
        (
            draw(rng, batch, length, d_k, size=2.0),
            draw(rng, batch, length, d_k, size=2.0),
            draw(rng, batch, length, d_v, size=2.0),
            reach,
        )
        for batch, length, d_k, d_v, reach in sizes
        for _ in range(2)
    ]


@check("window", points=1)
def windows_are_attended(subject: Subject) -> None:
    """Every position attends to those at most `reach` away; at the ends the window is cut off."""
    given = _windowed()
    right = [windows(Sequences(q, k, v), reach) for q, k, v, reach in given]
    answers = first_of(subject.map("windowed", given), right)
    judge_by_either(
        lambda found, expected: expect_all_close(found, expected, given=given),
        answers,
        right,
        lambda: [
            as_large_as(_banded_by_own(subject, *each), one)
            for each, one in zip(given, right, strict=True)
        ],
    )


def _banded_by_own(subject: Subject, q: Array, k: Array, v: Array, reach: int) -> Array:
    """The student's own full attention with all but the window closed."""
    position = np.arange(q.shape[-2])
    band = np.abs(position[:, np.newaxis] - position) <= reach
    (answer,) = answers_to(subject, "scaled_dot_product", [(q, k, v, band)])
    if isinstance(answer, SubjectError):
        raise answer
    return wide(as_array(answer[0] if isinstance(answer, tuple | list) and answer else answer))


@check("window", points=0.5)
def answers_far_away_stay(subject: Subject) -> None:
    """A key and its value change answers at most `reach` away, and no others."""
    q, k, v = ladder()[-4]
    length, reach = 9, 2
    q, k, v = (np.resize(x, (1, length, x.shape[-1])) for x in (q, k, v))
    given, right = [(q, k, v, reach)], windows(Sequences(q, k, v), reach)
    for place in range(length):
        other_k, other_v = k.copy(), v.copy()
        other_k[:, place], other_v[:, place] = -k[:, place] + 0.5, v[:, place] + 8
        given.append((q, other_k, other_v, reach))
    before, *after = (
        wide(as_array(answer)) for answer in first_of(subject.map("windowed", given), [right] * 10)
    )
    expect_shape(before, right.value.shape)
    assert right.scale is not None
    for place, answer in enumerate(after):
        expect_shape(answer, right.value.shape)
        far = np.abs(np.arange(length) - place) > reach
        moved = ~np.all(np.abs(answer - before) <= 64 * 2.0**-24 * right.scale, axis=(0, 2))
        places = np.flatnonzero(moved & far)
        expect(
            not places.size,
            f"With reach = {reach}, your answer at position {[*places, 0][0]} changes with the key "
            f"and value at position {place}.",
        )
