from __future__ import annotations

import base64
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from reports.images import redraw
from tests.reports.sample_notebook import image


def decoded(source: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_keeps_its_pixels_and_its_description(kind: str) -> None:
    picture = redraw(image(Image.new("RGB", (40, 30), (200, 30, 90)), kind), "Figure 1")
    assert picture is not None
    assert (picture.width, picture.height, picture.alt) == (40, 30, "Figure 1")
    assert picture.source.startswith("data:image/png;base64,")
    np.testing.assert_allclose(decoded(picture.source).getpixel((5, 5)), (200, 30, 90), atol=3)


def test_nothing_but_pixels_crosses() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("comment", "<script>alert(1)</script>")
    out = io.BytesIO()
    Image.new("L", (4, 4)).save(out, "PNG", pnginfo=info)
    picture = redraw(base64.b64encode(out.getvalue() + b"<script>").decode(), "")
    assert picture is not None
    assert b"script" not in base64.b64decode(picture.source.partition(",")[2])


def test_a_large_picture_is_made_smaller_and_keeps_its_proportions() -> None:
    picture = redraw(image(Image.new("L", (4000, 2000))), "")
    assert picture is not None
    assert (picture.width, picture.height) == (1600, 800)


def test_a_sound_picture_with_too_many_pixels_is_refused() -> None:
    assert redraw(image(Image.new("1", (6000, 6000))), "") is None


def png_of(width: int, height: int) -> str:
    """A PNG that announces a size and holds almost nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + body).decode()


@pytest.mark.parametrize(
    "encoded",
    [
        png_of(6000, 6000),
        png_of(12_000, 12_000),
        png_of(100_000, 100_000),
        png_of(50, 50),
        "",
        "not base64",
        "AAAA",
        base64.b64encode(b"<svg onload='alert(1)'/>").decode(),
        base64.b64encode(b"GIF89a" + b"\0" * 40).decode(),
        "é",
    ],
)
def test_bombs_and_broken_files_are_refused(encoded: str) -> None:
    assert redraw(encoded, "") is None
