"""Between plain arrays and the tensors that a student's code works with."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from grader.wire.codec import WireError, encode
from grader.wire.messages import Array, Callback, Handle, Value


def to_student(value: Value, resolve: Callable[[Handle | Callback], Any]) -> Any:
    """Arrays become tensors that own their memory; handles and callbacks become objects."""
    if isinstance(value, np.ndarray | np.generic):
        import torch

        return torch.from_numpy(np.array(value))
    if isinstance(value, Handle | Callback):
        return resolve(value)
    if _is_shape(value):
        import torch

        return torch.Size(value)
    if isinstance(value, list | tuple):
        return type(value)(to_student(item, resolve) for item in value)
    if isinstance(value, dict):
        return {key: to_student(item, resolve) for key, item in value.items()}
    return value


def _is_shape(value: Value) -> bool:
    """A tuple of whole numbers: what `x.shape` is, and `x.shape[1:].numel()` asks for."""
    if type(value) is not tuple or not value:
        return False
    # A loop: by now `all` may be a function of the student's.
    for item in value:  # noqa: SIM110
        if type(item) is not int:
            return False
    return True


def from_student(value: Any, keep: Callable[[Any], Handle]) -> Value:
    """What the student's code returned, as plain values; what is none becomes a handle."""
    if value is None or type(value) in (bool, float):
        return value
    if type(value) in (int, str):
        return _fitting(value)
    array = as_array(value)
    if array is not None:
        return array
    if isinstance(value, list | tuple):
        items = [from_student(item, keep) for item in value]
        return tuple(items) if isinstance(value, tuple) else items
    if isinstance(value, dict):
        return {_fitting(str(key)): from_student(item, keep) for key, item in value.items()}
    return keep(value)


def as_array(value: Any) -> Array | None:
    """A tensor or numpy value as a plain array; None for anything else.

    Raises:
        TypeError: a sparse, quantised, complex or meta tensor, or an array of objects.
    """
    if isinstance(value, np.ndarray | np.generic):
        if value.dtype.kind not in "fiub":
            raise TypeError(f"an array of dtype {value.dtype} is not a numeric answer")
        plain = value.dtype.newbyteorder("=") if value.dtype.itemsize <= 8 else np.float64
        return np.array(value, dtype=plain)
    # Without torch in the process there are no tensors, and importing it takes seconds.
    torch = sys.modules.get("torch")
    return _tensor_array(value) if torch and isinstance(value, torch.Tensor) else None


def _fitting(value: Any) -> Any:
    # Refused here, one answer costs nothing to the others that would cross in the same message.
    try:
        encode(value)
    except WireError as error:
        raise TypeError(str(error)) from error
    return value


def _tensor_array(tensor: Any) -> Array:
    import torch

    dense = tensor.layout == torch.strided and not tensor.is_meta
    if not dense or tensor.is_quantized or tensor.is_complex():
        raise TypeError(f"a tensor of layout {tensor.layout} and dtype {tensor.dtype} is no answer")
    plain = tensor.detach().cpu().resolve_neg()
    if plain.dtype == torch.bfloat16:
        plain = plain.float()
    return np.array(plain.numpy())
