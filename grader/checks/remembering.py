"""What an oracle has worked out already: every submission is asked the same.

A seed belongs to the course and the check, not to the submission, so the expected values of one
submission are those of the next.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from grader.checks.subject import Array

_Answer = TypeVar("_Answer")
_Key = tuple[tuple[int, ...], str, bytes]
# More than the inputs of an assignment's checks, and below 256 MiB in all.
_MOST = 512
_LARGEST_BYTES = 1 << 19


def remembered(oracle: Callable[..., _Answer]) -> Callable[..., _Answer]:
    """A function of arrays that works nothing out twice.

    Args:
        oracle: its answer depends on its arguments alone, all of them arrays, and nobody changes
            what it has returned.
    """

    @functools.lru_cache(_MOST)
    def kept(*keys: _Key) -> _Answer:
        return oracle(*map(_array, keys))

    @functools.wraps(oracle)
    def asked(*arrays: Any) -> _Answer:
        given = [np.asarray(array) for array in arrays]
        if sum(array.nbytes for array in given) > _LARGEST_BYTES:
            return oracle(*given)
        return kept(*map(_key, given))

    return asked


def _key(array: Array) -> _Key:
    return array.shape, array.dtype.str, array.tobytes()


def _array(key: _Key) -> Array:
    shape, dtype, content = key
    return np.frombuffer(content, dtype).reshape(shape).copy()  # torch takes writable ones only
