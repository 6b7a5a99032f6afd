"""What is noted while one check runs, so that expectations need not be told where they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from grader.errors import AssignmentError


@dataclass(slots=True)
class Recorder:
    """The check that is running, and the facts it has left so far.

    Attributes:
        function: the function under test, named in messages.
        arguments: names of its positional arguments.
        hidden: whether inputs and expected values must stay out of messages.
        alpha: what the check may still spend on false failures; None where nobody counts.
        facts: evidence, plain builtins.
    """

    function: str = ""
    arguments: tuple[str, ...] = ()
    hidden: bool = False
    alpha: float | None = None
    facts: dict[str, Any] = field(default_factory=dict)


_current: ContextVar[Recorder | None] = ContextVar("recorder", default=None)


def current() -> Recorder:
    """The running check's recorder; an unattached one outside of a run."""
    return _current.get() or Recorder()


@contextmanager
def recording(recorder: Recorder) -> Iterator[Recorder]:
    """Makes `recorder` the current one for the length of the block."""
    token = _current.set(recorder)
    try:
        yield recorder
    finally:
        _current.reset(token)


def evidence(**facts: Any) -> None:
    """Leaves facts beside the verdict, whichever way it goes."""
    current().facts.update(plain(facts))


def spend(alpha: float) -> None:
    """Takes a test's alpha out of what the check has declared.

    Raises:
        AssignmentError: the check spends more than it declares.
    """
    recorder = current()
    if recorder.alpha is None:
        return
    recorder.alpha -= alpha
    if recorder.alpha < -1e-6 * alpha:  # rounding of a sum of shares
        raise AssignmentError(
            f"its tests spend {-recorder.alpha:.1e} more than the alpha that @check declares; "
            "share it among them"
        )


def plain(value: Any) -> Any:
    """The value in builtins that JSON knows; long arrays become their shape and range."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist() if value.size <= 16 else _summary(np.asarray(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    return value if isinstance(value, float) and np.isfinite(value) else str(value)


def _summary(array: np.ndarray[Any, Any]) -> dict[str, Any]:
    summary: dict[str, Any] = {"shape": list(array.shape), "dtype": str(array.dtype)}
    if array.dtype.kind in "biuf":
        summary |= {"min": array.min().item(), "max": array.max().item()}
    return summary
