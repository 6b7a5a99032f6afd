from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from grader.data import idx
from grader.data.idx import read_idx, write_idx
from grader.errors import SubmissionError

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


def header(*shape: int, kind: int = 0x08) -> bytes:
    return struct.pack(f">4B{len(shape)}I", 0, 0, kind, len(shape), *shape)


def written(folder: Path, content: bytes) -> Path:
    path = folder / "images"
    path.write_bytes(content)
    return path


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    write_idx(tmp_path / "images.gz", IMAGES)
    np.testing.assert_array_equal(read_idx(tmp_path / "images.gz"), IMAGES, strict=True)


def test_an_uncompressed_file_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, header(2, 3, 4) + IMAGES.tobytes())
    np.testing.assert_array_equal(read_idx(path), IMAGES, strict=True)


def test_the_same_array_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.gz", "b.gz"):
        write_idx(tmp_path / name, IMAGES)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "not an IDX file"),
        (b"\x89PNG1234", "not an IDX file"),
        (header(2, kind=0x0D) + bytes(8), "not an IDX file of bytes"),
        (bytes([0, 0, 8, 0]), "declares 0 axes"),
        (bytes([0, 0, 8, 200]), "declares 200 axes"),
        (header(2, 3)[:-1], "ends after 7 of 8 bytes"),
        (header(2, 3) + bytes(5), "ends after 5 of 6 bytes"),
        (header(2, 3) + bytes(7), "goes on after the 6 bytes"),
        (header(2**31, 2**31), "is the limit"),
        # mtime: the names of the tests must not change with the clock, two workers compare theirs.
        (gzip.compress(header(2, 3) + bytes(6), mtime=0)[:-9], "cannot be read"),
        (b"\x1f\x8b" + bytes(30), "cannot be read"),
    ],
)
def test_a_malformed_file_is_named(tmp_path: Path, content: bytes, problem: str) -> None:
    with pytest.raises(SubmissionError, match=f"images .*{problem}"):
        read_idx(written(tmp_path, content))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match=r"nothing\.gz cannot be read"):
        read_idx(tmp_path / "nothing.gz")


def test_a_decompression_bomb_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idx, "MAX_BYTES", 1000)
    bomb = gzip.compress(header(1001) + bytes(10**6))
    with pytest.raises(SubmissionError, match="1001 bytes; 1000 is the limit"):
        read_idx(written(tmp_path, bomb))
