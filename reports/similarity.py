"""Pairs of students whose code is alike: for the staff to look at, never scored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

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


def pairs(codes: Sequence[Code]) -> tuple[Pair, ...]:
    """Pairs that share much of their own code, the most alike first."""
    holders = Counter(print_ for code in codes for print_ in code.prints)
    limit = min(max(_FEW, len(codes) // 10), _MANY)
    own = [frozenset(p for p in code.prints if holders[p] <= limit) for code in codes]
    found = [_pair(codes, own, *places) for places in _meeting(own)]
    alike = [pair for pair in found if max(pair.shares) >= _SMALLEST]
    return tuple(sorted(alike, key=lambda pair: (-max(pair.shares), -len(pair.shared))))[
        :_MOST_PAIRS
    ]


def _meeting(own: Sequence[frozenset[int]]) -> list[tuple[int, int]]:
    """Places of those who share enough; no two are compared that share nothing."""
    holders: dict[int, list[int]] = {}
    for place, prints in enumerate(own):
        for print_ in prints:
            holders.setdefault(print_, []).append(place)
    met = Counter(pair for places in holders.values() for pair in combinations(places, 2))
    return [pair for pair, count in met.items() if count >= _FEWEST]


def _pair(codes: Sequence[Code], own: Sequence[frozenset[int]], one: int, other: int) -> Pair:
    shared = own[one] & own[other]
    shares = (len(shared) / len(own[one]), len(shared) / len(own[other]))
    return Pair((codes[one], codes[other]), shared, shares)
