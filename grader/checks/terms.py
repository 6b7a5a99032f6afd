"""What is wrong with a sum of terms, when no catalogued mistake explains it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from grader.checks.subject import Array

# Names a term of a formula and computes it from float64 inputs, with the shape of the answer.
Terms = Mapping[str, Callable[..., Any]]

_WORST_CONDITION = 1e4  # beyond it, float32 answers leave the weights undetermined
_FIT = 1e-4


def weights(
    terms: Terms, inputs: Sequence[Sequence[Any]], answers: Sequence[Array]
) -> Array | None:
    """Weights with which the terms add up to the answers; None where they do not.

    Args:
        terms: by name.
        inputs: of each answer, in the order that the terms take them.
        answers: finite numbers.
    """
    columns = [
        np.concatenate([np.ravel(term(*map(_wide, given))) for given in inputs])
        for term in terms.values()
    ]
    basis, target = np.stack(columns, axis=1), np.concatenate([np.ravel(_wide(a)) for a in answers])
    if len(target) != len(basis) or len(basis) < len(columns) + 3 or not np.isfinite(target).all():
        return None
    if not np.linalg.cond(basis) <= _WORST_CONDITION:
        return None
    fitted = np.linalg.lstsq(basis, target)[0]
    error = np.abs(basis @ fitted - target)
    explained = np.all(error <= _FIT * np.maximum(np.abs(target).max(), 1e-30))
    return np.asarray(fitted) if explained else None


def misweighted(
    terms: Terms, inputs: Sequence[Sequence[Any]], answers: Sequence[Array], right: Sequence[Array]
) -> str:
    """A sentence that names the terms with another weight than they should have, or nothing."""
    found, wanted = weights(terms, inputs, answers), weights(terms, inputs, right)
    if found is None or wanted is None:
        return ""
    wrong = [
        f"{name} (yours: {weight:.3g})"
        for name, weight, due in zip(terms, found, wanted, strict=True)
        if not abs(weight - due) <= 1e-3 * max(1.0, abs(due))
    ]
    return f"The right terms are there; look at the weight of {' and of '.join(wrong)}." * bool(
        wrong
    )


def _wide(value: Any) -> Array:
    return np.asarray(value, dtype=np.float64)
