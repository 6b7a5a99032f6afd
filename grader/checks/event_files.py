"""Scalars in TensorBoard's event files, read without TensorBoard.

A file is a sequence of records: length (8 bytes), its checksum (4), the data, their checksum (4).
The data are a protocol buffer `Event`: field 2 is the step, field 5 a `Summary`, whose repeated
field 1 holds a tag (1) and a number, either as `simple_value` (2) or in a `TensorProto` (8).
Everything is a stranger's: lengths are held against what is there, and what makes no sense is
passed over.

Source: tensorboard/compat/proto/event.proto, summary.proto and tensor.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

MOST_EVENTS = 100_000
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MOST_VARINT_BYTES = 10

Scalar = tuple[str, int, float]
Field = tuple[int, int | bytes]


def scalars(content: bytes) -> Iterator[Scalar]:
    """Tag, step and value of every scalar, in the order of the file."""
    for event in _records(content):
        step, summaries = 0, []
        for number, value in _fields(event):
            if number == 2 and isinstance(value, int):
                step = value
            elif number == 5 and isinstance(value, bytes):
                summaries.append(value)
        for summary in summaries:
            yield from ((tag, step, value) for tag, value in _tagged(summary))


def _records(content: bytes) -> Iterator[bytes]:
    place = 0
    for _ in range(MOST_EVENTS):
        if place + 12 > len(content):
            return
        (length,) = struct.unpack_from("<Q", content, place)
        end = place + 12 + length
        if end + 4 > len(content):
            return  # a file that is still being written ends in the middle of a record
        yield content[place + 12 : end]
        place = end + 4


def _tagged(summary: bytes) -> Iterator[tuple[str, float]]:
    for number, entry in _fields(summary):
        if number != 1 or not isinstance(entry, bytes):
            continue
        fields = dict(_fields(entry))  # of a repeated one the last counts, as it should
        tag, simple, tensor = fields.get(1), fields.get(2), fields.get(8)
        value = _single(simple) if 2 in fields else _of_tensor(tensor)
        if isinstance(tag, bytes) and value is not None:
            yield tag.decode("utf-8", "replace")[:200], value


def _of_tensor(tensor: int | bytes | None) -> float | None:
    """The only number of a float tensor; None for anything else."""
    fields = dict(_fields(tensor)) if isinstance(tensor, bytes) else {}
    if fields.get(1) != 1:  # DT_FLOAT
        return None
    return _single(fields.get(4)) if 4 in fields else _single(fields.get(5))


def _single(raw: int | bytes | None) -> float | None:
    if not isinstance(raw, bytes) or len(raw) != 4:
        return None
    (value,) = struct.unpack("<f", raw)
    return float(value)


def _fields(message: bytes) -> Iterator[Field]:
    """Number and content of each field; a message that breaks off ends where it does."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, place = _varint(message, place)
            yield number, value
            continue
        if kind == _BYTES:
            length, place = _varint(message, place)
        else:
            length = {_FIXED64: 8, _FIXED32: 4}.get(kind, len(message))
        if place + length > len(message):
            return
        yield number, message[place : place + length]
        place += length


def _varint(message: bytes, place: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    value = 0
    for shift, byte in enumerate(message[place : place + _MOST_VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value, place + shift + 1
    return 0, len(message)
