"""Pairs of students whose code is alike: for the staff to look at, never scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from reports.fingerprints import Code

_FEWEST = 8  # fingerprints; about as many lines
_SMALLEST = 0.25  # share of what is somebody's own
_MOST_PAIRS = 40
# What more students than this have in common is how one writes it: a published skeleton, a formula.
_FEW, _MANY = 4, 20


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


def pairs(codes: Sequence[Code]) -> tuple[Pair, ...]:
    """Pairs that share much of their own code, the most alike first."""
    return paired(alike([sorted(code.prints) for code in codes]), codes.__getitem__)


def paired(found: Sequence[Alike], code_at: Callable[[int], Code]) -> tuple[Pair, ...]:
    """The same with the code of both; `code_at` has that of the student at a place."""
    return tuple(
        Pair((code_at(each.one), code_at(each.other)), each.shared, each.shares) for each in found
    )


def alike(prints: Sequence[Sequence[int]]) -> tuple[Alike, ...]:
    """Which students share much of their own code, the most alike first.

    Args:
        prints: of each student, each once. They are all that is kept of a class: a few KB each.
    """
    flat = np.concatenate(
        [np.asarray(own, np.uint32) for own in prints] or [np.zeros(0, np.uint32)]
    )
    owners = np.repeat(np.arange(len(prints), dtype=np.uint32), [len(own) for own in prints])
    order = np.argsort(flat, kind="stable")
    flat, owners = flat[order], owners[order]
    starts = np.flatnonzero(np.diff(flat, prepend=flat[:1] + 1))
    counts = np.diff(starts, append=len(flat))
    rare = counts <= min(max(_FEW, len(prints) // 10), _MANY)
    groups = list(zip(starts[rare].tolist(), counts[rare].tolist(), strict=True))
    own = np.bincount(
        np.concatenate([owners[s : s + n] for s, n in groups] or [owners[:0]]),
        minlength=len(prints),
    )
    met: dict[tuple[int, int], list[int]] = {}
    for start, count in groups:
        for pair in combinations(owners[start : start + count].tolist(), 2):
            met.setdefault(pair, []).append(int(flat[start]))
    found = [
        Alike(one, other, frozenset(shared), (len(shared) / own[one], len(shared) / own[other]))
        for (one, other), shared in met.items()
        if len(shared) >= _FEWEST and len(shared) >= _SMALLEST * min(own[one], own[other])
    ]
    found.sort(key=lambda each: (-max(each.shares), -len(each.shared), each.one, each.other))
    return tuple(found[:_MOST_PAIRS])
