"""Public checks of positions; `checks.py` brings them in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from assignments.attention.definitions import draw, wide
from grader.checks import (
    Array,
    CheckFailure,
    Expected,
    Subject,
    as_array,
    check,
    expect_all_close,
    expect_close,
    expect_shape,
)
from grader.errors import SubjectError

__all__ = [
    "angles_grow_evenly_with_the_position",
    "every_position_has_one_length",
    "positions_are_sines_and_cosines",
    "scores_depend_on_the_distance",
    "turning_keeps_lengths",
    "turns_by_the_given_angles",
]

BASE = 10000.0


def paces(features: int, base: float = BASE) -> Array:
    """Angle from one position to the next for each pair of features, (D / 2,)."""
    return np.asarray(base ** (-np.arange(0, features, 2) / features))


def narrowed(answer: Any) -> Any:
    """In float32: torch's default is enough for a table, whatever its answer is widened to."""
    is_wide = isinstance(answer, np.ndarray) and answer.dtype == np.float64
    return answer.astype(np.float32) if is_wide else answer


# 5.1 Sinusoidal positions


def sinusoids(length: int, features: int, halves: bool = False) -> Expected:
    """A sine and a cosine for each pair; with `halves` all sines come before all cosines."""
    angles = np.outer(np.arange(length), paces(features))
    size = 1 + angles * (1 + np.log(BASE))  # a power is as exact as its exponent is small
    order = np.concatenate if halves else _in_turn
    value, scale = order([np.sin(angles), np.cos(angles)], -1), order([size, size], -1)
    return Expected(value, scale, "the sine or the cosine of the position's angle")


def _in_turn(parts: list[Array], axis: int) -> Array:
    return np.stack(parts, axis=axis).reshape(len(parts[0]), -1)


SIZES = ((1, 2), (2, 2), (3, 2), (3, 4), (6, 8))


@check("positions", points=0.75)
def positions_are_sines_and_cosines(subject: Subject) -> None:
    """Every pair of features holds the sine and the cosine of one angle."""
    answers = list(map(narrowed, subject.map("sinusoidal_positions", SIZES)))
    either(
        lambda halves: expect_all_close(
            answers, [sinusoids(*size, bool(halves)) for size in SIZES], given=SIZES
        ),
        (0, 1),
    )


def either(judge: Callable[[int], None], conventions: tuple[int, ...]) -> None:
    """Demands that one of the conventions fits; a failure speaks of the first, the sheet's own."""
    failures = []
    for convention in conventions:
        try:
            judge(convention)
        except (CheckFailure, SubjectError) as failure:
            failures.append(failure)
        else:
            return
    raise failures[0]


@check("positions", points=0.25)
def every_position_has_one_length(subject: Subject) -> None:
    """All positions lie equally far from the origin, so that none outweighs another."""
    for length, features in SIZES:
        answer = as_array(subject.call("sinusoidal_positions", length, features))
        expect_shape(answer, (length, features))
        squares = (wide(answer) ** 2).sum(axis=-1)
        expect_close(
            squares.astype(np.float32),
            Expected(np.full(length, features / 2), np.full(length, 10.0 * length * features)),
            given={"length": np.asarray(length), "features": np.asarray(features)},
            function="sinusoidal_positions, the sum of a row's squares,",
        )


# 5.2 Angles


@check("angles", points=0.5)
def angles_grow_evenly_with_the_position(subject: Subject) -> None:
    """From one position to the next each pair turns by its own pace, the first by one radian."""
    sizes = ((2, 2, BASE), (3, 2, BASE), (3, 4, BASE), (6, 8, BASE), (3, 4, 100.0), (5, 6, 16.0))
    given = [
        (length, size) if base == BASE else (length, size, base) for length, size, base in sizes
    ]
    answers = subject.map("rotary_angles", given)
    steps, right = [], []
    for (length, size, base), answer in zip(sizes, answers, strict=True):
        angles = narrowed(as_array(answer))
        expect_shape(angles, (length, size // 2))
        pace = np.broadcast_to(paces(size, base), (length - 1, size // 2))
        steps.append(angles[1:] - angles[:-1])
        scale = (length + 1) * pace * (2 + np.log(base))
        right.append(Expected(pace, scale, "how far a pair turns from one position to the next"))
    shown = [dict(zip(("length", "head_size", "base"), size, strict=False)) for size in sizes]
    name = "rotary_angles, from each position to the next,"
    expect_all_close(steps, right, given=shown, function=name)


# 5.3 Turning


def turning_inputs() -> list[tuple[Array, Array]]:
    """Vectors (B, H, T, D) with angles (T, D / 2), one pair first."""
    rng = np.random.default_rng(4)
    sizes = ((1, 1, 2, 2), (1, 1, 3, 4), (2, 3, 5, 6), (1, 2, 4, 8))
    return [(draw(rng, *shape, size=2.0), angles_of(*shape[2:])) for shape in sizes]


def angles_of(length: int, size: int) -> Array:
    """Angles of the positions from 0 on, of paces that differ much, float32."""
    pace = np.asarray([1.0, 0.5, 0.125, 1.75])[: size // 2]
    return np.asarray(np.outer(np.arange(length), pace), np.float32)


@check("rotary", points=0.25)
def turning_keeps_lengths(subject: Subject) -> None:
    """A vector that is turned keeps its length."""
    given = turning_inputs()
    answers = subject.map("apply_rotary", given)
    found, right = [], []
    for (x, _), answer in zip(given, answers, strict=True):
        turned = wide(as_array(answer))
        expect_shape(turned, x.shape)
        found.append((turned**2).sum(axis=-1))
        squares = (wide(x) ** 2).sum(axis=-1)
        right.append(Expected(squares, 2 * squares, "the squared length that it had"))
    expect_all_close(found, right, given=given, function="apply_rotary, the squared length,")


@check("rotary", points=0.5)
def scores_depend_on_the_distance(subject: Subject) -> None:
    """Moved along together, a query and a key keep their score."""
    rng = np.random.default_rng(5)
    for length, size in ((3, 2), (5, 4), (6, 8)):
        vectors = draw(rng, 2, size, size=2.0)
        rows = [np.tile(x, (1, 1, length, 1)) for x in vectors]
        angles = angles_of(length, size)
        given = [(x, angles) for x in rows]
        q, k = (wide(as_array(answer)) for answer in subject.map("apply_rotary", given))
        for turned in (q, k):
            expect_shape(turned, (1, 1, length, size))
        scores = q[0, 0] @ k[0, 0].T
        bound = np.abs(vectors[0]).max() * np.abs(vectors[1]).max() * size
        right = scores[:-1, :-1]
        expect_close(
            scores[1:, 1:],
            Expected(right, 4 * bound + np.abs(right), "the score one position earlier"),
            given={"q": vectors[0], "k": vectors[1], "angles": angles},
            function="apply_rotary, by the scores of turned queries and keys,",
        )


@check("rotary", points=0.5)
def turns_by_the_given_angles(subject: Subject) -> None:
    """Each pair turns by the angle that it is given for its position."""
    sizes = ((2, 2), (4, 4), (5, 8))
    given = [(_axes(length, size), angles_of(length, size)) for length, size in sizes]
    found = []
    for (x, _), answer in zip(given, subject.map("apply_rotary", given), strict=True):
        expect_shape(answer, x.shape)
        found.append(np.einsum("jhtj->tj", wide(as_array(answer))).astype(np.float32))
    says = "the cosine of its angle"

    def judge(halves: int) -> None:
        order: Callable[[Array], Array] = (
            (lambda a: np.concatenate([a, a], -1)) if halves else (lambda a: np.repeat(a, 2, -1))
        )
        right = [Expected(np.cos(order(wide(a))), 1 + order(wide(a)), says) for _, a in given]
        name = "apply_rotary, by what each axis keeps of itself,"
        expect_all_close(found, right, given=given, function=name)

    either(judge, (0, 1))


def _axes(length: int, size: int) -> Array:
    """One example for each axis, the same vector of length one at all positions."""
    return np.asarray(np.tile(np.eye(size)[:, np.newaxis, np.newaxis], (1, 1, length, 1)), "f4")
