"""Pictures from a notebook, decoded and encoded anew: what reaches a page is pixels alone."""

from __future__ import annotations

import base64
import binascii
import io
import struct
import warnings
import zlib
from dataclasses import dataclass

from PIL import Image

_MAX_ENCODED = 24 << 20  # characters of base64
_MAX_PIXELS = 24_000_000  # 96 MB once decoded as RGBA
_MAX_SHOWN = (1600, 2400)  # twice the width of the column, for dense screens


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that may stand on a page.

    Attributes:
        source: data URI of a PNG that we encoded.
        width: in pixels.
        height: in pixels.
        alt: what it is, for those who don't see it.
    """

    source: str
    width: int
    height: int
    alt: str


def redraw(encoded: str, alt: str) -> Picture | None:
    """Decodes a base64 PNG or JPEG and encodes its pixels; None where it is broken or too large."""
    if len(encoded) > _MAX_ENCODED:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return _picture(base64.b64decode(encoded), alt)
    except (
        binascii.Error,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
        OSError,  # what Pillow raises for a file it cannot read, and for a truncated one
        OverflowError,
        SyntaxError,  # what Pillow raises for a broken PNG chunk
        ValueError,
        struct.error,
        zlib.error,
    ):
        return None


def _picture(data: bytes, alt: str) -> Picture | None:
    with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as image:
        if image.width * image.height > _MAX_PIXELS:
            return None
        pixels = image.convert("RGBA" if "A" in image.getbands() else "RGB")
    pixels.thumbnail(_MAX_SHOWN)
    out = io.BytesIO()
    pixels.save(out, "PNG")
    source = "data:image/png;base64," + base64.b64encode(out.getvalue()).decode("ascii")
    return Picture(source, pixels.width, pixels.height, alt)
