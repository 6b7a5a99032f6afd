from __future__ import annotations

import json
import math
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grader.wire.codec import (
    MAX_DEPTH,
    MAX_EMPTY,
    MAX_NODES,
    MAX_TEXT,
    Encoder,
    WireError,
    decode,
    encode,
)
from grader.wire.messages import Callback, Failure, Handle

INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
DTYPES = st.sampled_from(
    [np.dtype(f"{kind}{size}") for kind in "iu" for size in (1, 2, 4, 8)]
    + [np.dtype(name) for name in ("float64", "float32", "float16", "bool")]
)
ARRAYS = hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
LEAVES = st.one_of(
    st.none(), st.booleans(), INT64, st.floats(), TEXT, ARRAYS, st.builds(Handle, INT64, TEXT)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(TEXT, inner, max_size=4),
    ),
    max_leaves=12,
)


def same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and _same_bits(one, other)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[k], other[k]) for k in one)
    if isinstance(one, float) and math.isnan(one):
        return math.isnan(other)
    return bool(one == other)


def _same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    return np.ascontiguousarray(one).tobytes() == np.ascontiguousarray(other).tobytes()


def block(header: dict[str, Any], data: bytes = b"") -> bytes:
    """A safetensors block, well formed or not."""
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


@given(VALUES)
@settings(derandomize=True, max_examples=300)
def test_every_value_comes_back_as_it_was(value: Any) -> None:
    assert same(decode(*encode(value)), value)


def test_failures_come_back_and_long_ones_are_cut() -> None:
    assert decode(*encode(Failure("no", "missing"))) == Failure("no", "missing")
    assert len(decode(*encode(Failure("x" * 10_000))).message) == 2000


def test_type_names_of_handles_are_cut() -> None:
    assert decode(*encode(Handle(3, "x" * 1000))) == Handle(3, "x" * 80)


def test_numpy_scalars_cross_as_arrays_without_dimensions() -> None:
    back = decode(*encode(np.float32(1.5)))
    assert back.shape == ()
    assert back.dtype == np.float32


def test_arrays_of_any_memory_layout_and_byte_order_keep_their_values() -> None:
    grid = np.arange(12.0).reshape(3, 4)
    assert np.array_equal(decode(*encode(grid.T[::2])), grid.T[::2])
    assert np.array_equal(decode(*encode(grid.astype(">f4"))), grid)


def test_what_arrives_can_be_written_to() -> None:
    # torch.from_numpy warns about memory that cannot be.
    assert decode(*encode(np.ones(3))).flags.writeable


def test_callbacks_cross_by_number() -> None:
    functions: list[Callback] = []

    def register(callback: Callback) -> int:
        functions.append(callback)
        return len(functions) - 1

    callback = Callback(lambda: None)
    header, payload = Encoder(register).encode([callback, 1])
    assert decode(header, payload, lambda number: functions[number]) == [callback, 1]


class Text(str):
    __slots__ = ()


class Whole(int):
    pass


@pytest.mark.parametrize(
    "value",
    [
        object(),
        b"bytes",
        {1, 2},
        1j,
        2**63,
        -(2**63) - 1,
        Text("a subclass"),
        Whole(3),
        {1: "a number as key"},
        {Text("k"): 1},
        "half a pair \ud800",
        {"\ud800": 1},
        "x" * (MAX_TEXT + 1),
        np.array([1j]),
        np.array(["text"]),
        np.array([None]),
        np.array([1], "datetime64[s]"),
        Callback(lambda: None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_plain_data_is_refused(value: Any) -> None:
    with pytest.raises(WireError):
        encode(value)


def test_nesting_is_bounded_on_both_sides() -> None:
    deep: Any = 0
    for _ in range(MAX_DEPTH + 1):
        deep = [deep]
    with pytest.raises(WireError, match="nested"):
        encode(deep)
    with pytest.raises(WireError, match="nested"):
        decode(json.dumps(deep).encode(), b"")


def test_as_many_nodes_as_allowed_pass_and_one_more_does_not() -> None:
    assert len(decode(json.dumps([0] * (MAX_NODES - 1)).encode(), b"")) == MAX_NODES - 1
    with pytest.raises(WireError, match="too many"):
        decode(json.dumps([0] * MAX_NODES).encode(), b"")


HOSTILE_HEADERS = {
    "empty": b"",
    "not json": b"{",
    "not utf-8": b'"\xff\xfe\xfd"',
    "nan": b"NaN",
    "infinity": b"-Infinity",
    "1e999": b"1e999",
    "nested 1e999": b'{"dict": {"loss": [-1e999]}}',
    "an integer of 5000 digits": b"9" * 5000,
    "an integer of 65 bits": b"18446744073709551616",
    "a hundred thousand brackets": b"[" * 100_000,
    "a hundred thousand closed brackets": b"[" * 100_000 + b"]" * 100_000,
    "deep dictionaries": b'{"dict":{"a":' * 30 + b"0" + b"}}" * 30,
    "no tag": b"{}",
    "two tags": b'{"tuple": [], "dict": {}}',
    "unknown tag": b'{"pickle": "x"}',
    "a method as tag": b'{"_tagged": 1}',
    "tuple of a dict": b'{"tuple": {}}',
    "dict of a list": b'{"dict": []}',
    "array of a number": b'{"array": 0}',
    "array of a list": b'{"array": []}',
    "absent array": b'{"array": "7"}',
    "float of a number": b'{"float": 1}',
    "float of a list": b'{"float": []}',
    "float of other text": b'{"float": "1e5"}',
    "handle of one": b'{"handle": [1]}',
    "handle of text": b'{"handle": ["1", "x"]}',
    "handle of a bool": b'{"handle": [true, "x"]}',
    "handle without text": b'{"handle": [1, 2]}',
    "failure of a dict": b'{"failure": {}}',
    "failure of numbers": b'{"failure": [1, 2]}',
    "callback": b'{"callback": 0}',
    "half a surrogate pair": b'"\\ud800"',
    "half a pair as key": b'{"dict": {"\\udfff": 1}}',
    "half a pair in a failure": b'{"failure": ["\\ud800", "error"]}',
    "long text": b'"' + b"x" * (MAX_TEXT + 1) + b'"',
}


@pytest.mark.parametrize("header", HOSTILE_HEADERS.values(), ids=HOSTILE_HEADERS.keys())
def test_hostile_headers_are_refused(header: bytes) -> None:
    with pytest.raises(WireError):
        decode(header, b"")


def test_a_callback_number_is_a_number() -> None:
    with pytest.raises(WireError, match="expected int"):
        decode(b'{"callback": "0"}', b"", lambda number: number)


def _tensor(dtype: str, shape: list[int], size: int) -> bytes:
    entry = {"0": {"dtype": dtype, "shape": shape, "data_offsets": [0, size]}}
    return block(entry, b"\0" * size)


HOSTILE_PAYLOADS = {
    "garbage": b"garbage",
    "eight bytes": b"\xff" * 8,
    "header longer than the block": struct.pack("<Q", 1 << 40) + b"{}",
    "not json": struct.pack("<Q", 3) + b"{x}",
    "offsets beyond the end": block({"0": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}),
    "shape does not fit": _tensor("F32", [5], 16),
    "shape overflows": _tensor("F32", [1 << 62, 4], 16),
    "negative shape": _tensor("F32", [-1], 4),
    "empty but huge": _tensor("F32", [0, 1 << 62], 0),
    "too many dimensions": _tensor("F32", [0] * 70, 0),
    "complex": _tensor("C64", [1], 8),
    "bfloat16": _tensor("BF16", [1], 2),
    "float8": _tensor("F8_E4M3", [1], 1),
    "unknown dtype": _tensor("Q7", [1], 1),
    "pickle": b"\x80\x04\x95.",
    "zip": b"PK\x03\x04" + b"\0" * 40,
}


@pytest.mark.parametrize("payload", HOSTILE_PAYLOADS.values(), ids=HOSTILE_PAYLOADS.keys())
def test_hostile_payloads_are_refused(payload: bytes) -> None:
    with pytest.raises(WireError):
        decode(b'{"array": "0"}', payload)


def test_an_empty_array_whose_sum_over_an_axis_would_fill_the_memory_is_refused() -> None:
    with pytest.raises(WireError, match="dimensions"):
        decode(b'{"array": "0"}', _tensor("F32", [MAX_EMPTY + 1, 0], 0))
    assert decode(b'{"array": "0"}', _tensor("F32", [MAX_EMPTY, 0], 0)).shape == (MAX_EMPTY, 0)
    # Whoever sends it hears of it, so that one such answer does not end the conversation.
    with pytest.raises(WireError, match="dimensions"):
        encode([np.zeros((MAX_EMPTY + 1, 0))])


def test_one_array_cannot_be_referred_to_twice() -> None:
    payload = _tensor("F32", [4], 16)
    with pytest.raises(WireError, match="does not hold"):
        decode(b'[{"array": "0"}, {"array": "0"}]', payload)


def test_a_bool_is_true_or_false_whatever_byte_was_sent() -> None:
    payload = block({"0": {"dtype": "BOOL", "shape": [3], "data_offsets": [0, 3]}}, b"\x00\x01\x02")
    back = decode(b'{"array": "0"}', payload)
    assert back.dtype == np.bool_
    assert back.tobytes() == b"\x00\x01\x01"
