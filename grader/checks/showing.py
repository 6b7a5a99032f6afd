"""Values as people read them: rounded, short, with shape and dtype beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from grader.checks.recording import current
from grader.checks.subject import Array, Callback, Handle
from grader.checks.verdict import Shown

_LONGEST = 12  # numbers written out; beyond it, shape and range say more


def show(value: Any) -> Shown:
    """One value as text with its shape and dtype."""
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        return Shown(_array_text(array), array.shape, str(array.dtype))
    if isinstance(value, bool | int | float):
        return Shown(number(value))
    if isinstance(value, Callback):
        return Shown("a function of the check")
    if isinstance(value, Handle):
        return Shown(f"your {value.type_name or 'object'}")
    return Shown(repr(value) if isinstance(value, str) else kind(value))


def number(value: float) -> str:
    """Six significant digits; a float looks like a float."""
    if isinstance(value, bool | int | np.integer | np.bool_):
        return str(value)
    text = f"{value:.6g}"
    return f"{text}.0" if text.lstrip("-").isdigit() else text


def kind(value: Any) -> str:
    """What a value is, in words, without asking the value itself."""
    if isinstance(value, np.ndarray):
        return f"numbers of type {value.dtype}"
    if isinstance(value, Handle):
        return f"a {value.type_name or 'value'}"  # as the student's side calls it
    words = {type(None): "None", str: "text", dict: "a dict", bool: "a truth value"}
    return words.get(type(value), f"a {type(value).__name__}")


def named(given: Any) -> dict[str, Any]:
    """Inputs by name: from a mapping, a named tuple, or the function's declared arguments."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return dict(given)
    if hasattr(given, "_asdict"):
        return dict(given._asdict())
    values: Sequence[Any] = given
    names = current().arguments
    return {
        names[i] if i < len(names) else f"argument {i + 1}": item for i, item in enumerate(values)
    }


def listed(given: Mapping[str, Any]) -> str:
    """Inputs in a sentence: `mean = [2.0], log_std = [0.0]`."""
    return ", ".join(f"{name} = {show(value).text}" for name, value in given.items())


def _array_text(array: Array) -> str:
    if array.size <= _LONGEST and array.dtype.kind in "biuf":
        return _nested(array.tolist())
    if array.size == 0 or array.dtype.kind not in "biuf":
        return f"{array.dtype} of shape {array.shape}"
    low, high = number(array.min().item()), number(array.max().item())
    return f"shape {array.shape}, from {low} to {high}"


def _nested(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_nested, value))}]"
    return number(value)
