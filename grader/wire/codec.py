"""Plain values to bytes and back: a JSON tree, and the arrays in one safetensors block.

The decoder is written for hostile input. It builds exact builtin types and numpy arrays only,
counts what it builds, and raises `WireError` for everything that it does not know.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors

from grader.wire.messages import Array, Callback, Failure, Handle, Value

MAX_DEPTH = 24
MAX_NODES = 200_000
MAX_TEXT = 1 << 20
MAX_INTEGER = 1 << 63
# The dimensions of an empty array cost nothing to send, and memory once an axis is summed over.
MAX_EMPTY = 1 << 20
# By what safetensors calls them; numpy works a name out again each time it is asked for.
_DTYPES = {
    np.dtype(f"{kind}{bits}"): f"{letter}{bits}"
    for kind, letter in (("int", "I"), ("uint", "U"), ("float", "F"))
    for bits in (8, 16, 32, 64)
    if (kind, bits) != ("float", 8)
} | {np.dtype(bool): "BOOL"}


class WireError(Exception):
    """A message that is malformed, too large or of an unknown kind."""


class Encoder:
    """Turns one value into a JSON tree and the arrays that it refers to.

    Args:
        register: gives a callback its number; None where callbacks cannot be sent.
    """

    def __init__(self, register: Callable[[Callback], int] | None = None) -> None:
        self._register = register
        self._arrays: dict[str, Array] = {}

    def encode(self, value: Value) -> tuple[bytes, bytes]:
        """Header and payload."""
        tree = self._node(value, 0)
        return json.dumps(tree, allow_nan=False).encode(), _packed(self._arrays)

    def _node(self, value: Value, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise WireError(f"the value is nested deeper than {MAX_DEPTH} levels")
        if value is None or type(value) is bool:
            return value
        if type(value) is str:
            return _bounded_text(value)
        if type(value) is int:
            return _bounded(value)
        if type(value) is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        if isinstance(value, np.ndarray | np.generic):
            return {"array": self._array(np.asarray(value))}
        return self._composite(value, depth)

    def _composite(self, value: Value, depth: int) -> Any:
        if type(value) is list:
            return [self._node(item, depth + 1) for item in value]
        if type(value) is tuple:
            return {"tuple": [self._node(item, depth + 1) for item in value]}
        if type(value) is dict:
            return {"dict": {_key(k): self._node(item, depth + 1) for k, item in value.items()}}
        if type(value) is Handle:
            return {"handle": [value.number, value.type_name[:80]]}
        if type(value) is Failure:
            return {"failure": [value.message[:2000], value.fault]}
        if type(value) is Callback and self._register is not None:
            return {"callback": self._register(value)}
        raise WireError(f"a {type(value).__name__} cannot cross: only plain data and arrays do")

    def _array(self, array: Array) -> str:
        native = array.dtype.newbyteorder("=")
        if native not in _DTYPES:
            raise WireError(f"an array of dtype {array.dtype.name} cannot cross")
        _require_moderate(array)
        key = str(len(self._arrays))
        self._arrays[key] = array.astype(native, copy=False)
        return key


def _packed(arrays: Mapping[str, Array]) -> bytes:
    """Arrays as safetensors; its own writer takes as long as the rest of a call of many arrays."""
    if not arrays:
        return b""
    entries, parts, end = {}, [], 0
    for key, array in arrays.items():
        begin, end = end, end + array.nbytes
        name, offsets = _DTYPES[array.dtype], (begin, end)
        entries[key] = {"dtype": name, "shape": array.shape, "data_offsets": offsets}
        parts.append(array.tobytes())
    header = json.dumps(entries).encode()
    header = header.ljust(len(header) + -len(header) % 8)
    return b"".join((len(header).to_bytes(8, "little"), header, *parts))


def encode(value: Value) -> tuple[bytes, bytes]:
    """Header and payload of a value without callbacks."""
    return Encoder().encode(value)


def decode(header: bytes, payload: bytes, callback: Callable[[int], Value] | None = None) -> Value:
    """The value that `encode` was given.

    Args:
        header: the JSON tree.
        payload: the safetensors block.
        callback: makes the stand-in for a callback's number; None where none are expected.

    Raises:
        WireError: anything else than what `encode` produces.
    """
    try:
        tree = json.loads(header, parse_constant=_no_constant)
        arrays = load_tensors(payload) if payload else {}
    except (ValueError, RecursionError, SafetensorError, KeyError, TypeError) as error:
        raise WireError(f"malformed message: {type(error).__name__}") from error
    return _Decoder(arrays, callback).value(tree, 0)


class _Decoder:
    def __init__(self, arrays: dict[str, Array], callback: Callable[[int], Value] | None) -> None:
        self._arrays = arrays
        self._callback = callback
        self._nodes = 0

    def value(self, node: Any, depth: int) -> Value:
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            raise WireError("the message is nested too deep or has too many parts")
        if node is None or type(node) is bool:
            return node
        if type(node) is str:
            return _bounded_text(node)
        if type(node) is int:
            return _bounded(node)
        if type(node) is float:
            return _finite(node)
        if type(node) is list:
            return [self.value(item, depth + 1) for item in node]
        return self._tagged(node, depth)

    def _tagged(self, node: dict[str, Any], depth: int) -> Value:
        if len(node) != 1:
            raise WireError("a tagged value has exactly one tag")
        ((tag, body),) = node.items()
        reader = getattr(self, f"_read_{tag}", None) if tag in _TAGS else None
        if reader is None:
            raise WireError("unknown tag")
        return reader(body, depth)

    def _read_tuple(self, body: Any, depth: int) -> tuple[Value, ...]:
        return tuple(self.value(item, depth + 1) for item in _expect(list, body))

    def _read_dict(self, body: Any, depth: int) -> dict[str, Value]:
        items = _expect(dict, body).items()
        return {_bounded_text(key): self.value(item, depth + 1) for key, item in items}

    def _read_array(self, body: Any, _depth: int) -> Array:
        # Taken out: a payload that is referred to a thousand times would be copied as often.
        array = self._arrays.pop(_expect(str, body), None)
        if array is None or array.dtype not in _DTYPES:
            raise WireError("the message refers to an array that it does not hold")
        _require_moderate(array)
        # A byte of 2 is neither True nor False to numpy.
        return np.asarray(array.view(np.uint8) != 0) if array.dtype == np.bool_ else array

    def _read_float(self, body: Any, _depth: int) -> float:
        if body not in ("nan", "inf", "-inf"):
            raise WireError("a tagged float is nan, inf or -inf")
        return float(body)

    def _read_handle(self, body: Any, _depth: int) -> Handle:
        number, name = _pair(body)
        return Handle(_expect(int, number), _bounded_text(_expect(str, name)))

    def _read_failure(self, body: Any, _depth: int) -> Failure:
        message, fault = _pair(body)
        return Failure(_bounded_text(_expect(str, message)), _bounded_text(_expect(str, fault)))

    def _read_callback(self, body: Any, _depth: int) -> Value:
        if self._callback is None:
            raise WireError("a callback can be sent to the student's side only")
        return self._callback(_expect(int, body))


_TAGS = frozenset(("tuple", "dict", "array", "float", "handle", "failure", "callback"))


def _expect(kind: type, body: Any) -> Any:
    if type(body) is not kind:
        raise WireError(f"expected {kind.__name__}, got {type(body).__name__}")
    return body


def _pair(body: Any) -> tuple[Any, Any]:
    if len(_expect(list, body)) != 2:
        raise WireError("expected a pair")
    return body[0], body[1]


def _key(key: Any) -> str:
    if type(key) is not str:
        raise WireError("keys of a dictionary are strings")
    return _bounded_text(key)


def _require_moderate(array: Array) -> None:
    if not array.size and math.prod(filter(None, array.shape)) > MAX_EMPTY:
        raise WireError("an array without elements has dimensions that are too large")


def _bounded(value: int) -> int:
    if not -MAX_INTEGER <= value < MAX_INTEGER:
        raise WireError("an integer does not fit in 64 bits")
    return value


def _bounded_text(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise WireError(f"a text is longer than {MAX_TEXT} characters")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise WireError("a text holds half of a surrogate pair") from error
    return text


def _finite(value: float) -> float:
    # json.loads turns 1e999 into inf without asking parse_constant.
    if not math.isfinite(value):
        raise WireError("a number is too large")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
