"""Expected values in float64, with the scale that rounding errors are measured in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from grader.checks.subject import Array

# Correct ways of writing the functions of a VAE with the sums of a library, which add up in pairs,
# peak at 8.8 unit roundoffs of the sum of their absolute terms in float32, over 1e5 inputs of up to
# 4096 dimensions (tests/calibration/test_deterministic_checks.py prints them); 32 leaves a factor
# of 3.6. Whoever adds one term after the other rounds once for each: see `Expected.additions`.
ROUNDINGS = 32


@dataclass(frozen=True, slots=True)
class Expected:
    """A right answer and how far an honest one may stray from it.

    Attributes:
        value: float64. NaN is met by nothing: where one answer of a student is what another is
            held against, NaN fails too, and where it is the author's, the audit finds it.
        scale: sum of the absolute terms of the formula, float64, shape of `value`; rounding
            errors grow with it, not with the value that is left after cancellation.
        says: what the value is, to stand before "is 2.0" in a message; empty for nothing special.
        additions: terms of the longest sum in it. Added one after the other, n terms err by up to
            n unit roundoffs of the sum of their absolute values (Higham 2002, eq. 4.4).
    """

    value: Array
    scale: Array | None = None
    says: str = ""
    additions: int = 1

    def __post_init__(self) -> None:
        value = np.asarray(self.value, dtype=np.float64)
        scale = np.abs(value) if self.scale is None else np.asarray(self.scale, dtype=np.float64)
        object.__setattr__(self, "value", value)
        object.__setattr__(self, "scale", np.broadcast_to(scale, value.shape))

    @classmethod
    def of_terms(cls, terms: Iterable[Any], axis: int | None = -1, says: str = "") -> Expected:
        """The sum of `terms` over themselves and over `axis` (None: over no axis)."""
        arrays = [np.asarray(term, dtype=np.float64) for term in terms]
        value, scale = sum(arrays), sum(np.abs(term) for term in arrays)
        if axis is None:
            return cls(np.asarray(value), np.asarray(scale), says)
        count = np.shape(value)[axis]
        return cls(np.sum(value, axis=axis), np.sum(scale, axis=axis), says, count)

    def tolerance(self, dtype: np.dtype[Any], condition: Any = 1.0) -> Array:
        """Largest error that rounding in `dtype` explains.

        Args:
            dtype: precision the answer was computed in.
            condition: how much the formula amplifies the rounding of its inputs.
        """
        assert self.scale is not None
        limits = np.finfo(dtype)
        roundoff, underflow = float(limits.eps) / 2, float(limits.smallest_subnormal)
        roundings = max(ROUNDINGS, self.additions)
        return np.asarray(roundings * (roundoff * self.scale * condition + underflow))


def by_shape(oracle: Callable[..., Expected], inputs: Sequence[Sequence[Array]]) -> list[Expected]:
    """What the oracle expects of every input, asked once for all inputs of the same shapes.

    Args:
        oracle: treats every entry of a new first axis as an input of its own.
        inputs: arguments of the oracle, one tuple for each answer.
    """
    places: dict[tuple[Any, ...], list[int]] = {}
    for i, given in enumerate(inputs):
        places.setdefault(tuple(array.shape for array in given), []).append(i)
    found: dict[int, Expected] = {}
    for same in places.values():
        whole = oracle(*map(np.stack, zip(*(inputs[i] for i in same), strict=True)))
        assert whole.scale is not None
        parts = zip(same, whole.value, whole.scale, strict=True)
        found |= {i: replace(whole, value=value, scale=scale) for i, value, scale in parts}
    return [found[i] for i in range(len(inputs))]


def precision(answer: Any, given: Sequence[Any]) -> np.dtype[Any]:
    """The lowest floating precision among the answer and the inputs it was computed from.

    An answer widened to float64 (`.item()`, `.tolist()`) is no more exact than its inputs, and a
    lone number without floating inputs was most likely computed in torch's default, float32.
    """
    inputs = [value.dtype for value in given if _is_floating(value)]
    if np.ndim(answer) == 0 and not inputs:
        inputs = [np.dtype(np.float32)]
    own = [answer.dtype] if _is_floating(answer) else [np.dtype(np.float64)]
    return max(inputs + own, key=lambda dtype: float(np.finfo(dtype).eps))


def _is_floating(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "f"
