"""The IDX files in which MNIST and its relatives come.

Format: two zero bytes, a type code, the number of axes, each axis as a big-endian uint32, data.
Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from grader.errors import SubmissionError

MAX_BYTES = 256 << 20  # MNIST's 60,000 images take 47 MB
_UNSIGNED_BYTE = 0x08
_MAX_AXES = 4


def read_idx(path: Path) -> NDArray[np.uint8]:
    """An IDX file of unsigned bytes, compressed with gzip or not.

    Raises:
        SubmissionError: the file is missing, malformed or too large.
    """
    try:
        with _opened(path) as file:
            return _read(path, file)
    except (OSError, EOFError, zlib.error) as error:
        raise SubmissionError(f"{path.name} cannot be read: {error}") from error


def write_idx(path: Path, array: NDArray[np.uint8]) -> None:
    """Writes a gzip-compressed IDX file; equal arrays give equal bytes."""
    header = struct.pack(f">4B{array.ndim}I", 0, 0, _UNSIGNED_BYTE, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes(), compresslevel=9, mtime=0))


def _opened(path: Path) -> Any:
    with path.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if compressed else path.open("rb")


def _read(path: Path, file: BinaryIO) -> NDArray[np.uint8]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] != _UNSIGNED_BYTE:
        raise SubmissionError(f"{path.name} is not an IDX file of bytes: it begins with {magic!r}")
    axes = magic[3]
    if not 1 <= axes <= _MAX_AXES:
        raise SubmissionError(f"{path.name} declares {axes} axes; 1 to {_MAX_AXES} can be read")
    shape = struct.unpack(f">{axes}I", _exactly(path, file, 4 * axes))
    size = math.prod(shape)
    if size > MAX_BYTES:
        raise SubmissionError(f"{path.name} declares {size} bytes; {MAX_BYTES} is the limit")
    data = _exactly(path, file, size)
    if file.read(1):
        raise SubmissionError(f"{path.name} goes on after the {size} bytes that it declares")
    return np.frombuffer(data, dtype=np.uint8).reshape(shape)


def _exactly(path: Path, file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise SubmissionError(f"{path.name} ends after {len(data)} of {size} bytes")
    return data
