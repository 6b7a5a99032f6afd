"""Pairs of students whose code is alike: for the staff to look at, never scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from reports.fingerprints import Code

_FEWEST = 8  # fingerprints; about as many lines
_SMALLEST = 0.25  # share of what is somebody's own
_MOST_PAIRS = 40
# What more students than this have in common is how one writes it: a published skeleton, a formula.
_FEW, _MANY = 4, 20

_Prints: TypeAlias = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two students and the fingerprints that they share.

    Attributes:
        shares: of what is each one's own, how much the other has too, in [0, 1].
    """

    codes: tuple[Code, Code]
    shared: frozenset[int]
    shares: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Alike:
    """Places of two students, and what they share."""

    one: int
    other: int
    shared: frozenset[int]
    shares: tuple[float, float]


def paired(found: Sequence[Alike], code_at: Callable[[int], Code]) -> tuple[Pair, ...]:
    """The pairs with the code of both; `code_at` has that of the student at a place."""
    return tuple(
        Pair((code_at(each.one), code_at(each.other)), each.shared, each.shares) for each in found
    )


def alike(prints: Sequence[Sequence[int]]) -> tuple[Alike, ...]:
    """Which students share much of their own code, the most alike first.

    Args:
        prints: of each student, each once. They are all that is kept of a class: a few KB each.
    """
    flat, owners = _by_print(prints)
    groups = _rare(flat, len(prints))
    own = np.bincount(
        np.concatenate([owners[s : s + n] for s, n in groups] or [owners[:0]]),
        minlength=len(prints),
    )
    found = [
        Alike(one, other, frozenset(shared), (len(shared) / own[one], len(shared) / own[other]))
        for (one, other), shared in _met(flat, owners, groups).items()
        if len(shared) >= _FEWEST and len(shared) >= _SMALLEST * min(own[one], own[other])
    ]
    found.sort(key=lambda each: (-max(each.shares), -len(each.shared), each.one, each.other))
    return tuple(found[:_MOST_PAIRS])


def _by_print(prints: Sequence[Sequence[int]]) -> tuple[_Prints, _Prints]:
    """All fingerprints in order, and whose each one is."""
    flat = np.concatenate(
        [np.asarray(own, np.uint32) for own in prints] or [np.zeros(0, np.uint32)]
    )
    owners = np.repeat(np.arange(len(prints), dtype=np.uint32), [len(own) for own in prints])
    order = np.argsort(flat, kind="stable")
    return flat[order], owners[order]


def _rare(flat: _Prints, students: int) -> list[tuple[int, int]]:
    """Where each fingerprint begins that is somebody's own, and how many have it."""
    starts = np.flatnonzero(np.diff(flat, prepend=flat[:1] + 1))
    counts = np.diff(starts, append=len(flat))
    rare = counts <= min(max(_FEW, students // 10), _MANY)
    return list(zip(starts[rare].tolist(), counts[rare].tolist(), strict=True))


def _met(
    flat: _Prints, owners: _Prints, groups: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], list[int]]:
    """What each two students who meet in a fingerprint share."""
    met: dict[tuple[int, int], list[int]] = {}
    for start, count in groups:
        for pair in combinations(owners[start : start + count].tolist(), 2):
            met.setdefault(pair, []).append(int(flat[start]))
    return met
