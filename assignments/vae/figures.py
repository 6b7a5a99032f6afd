"""What can be decided from a figure: that it is there, that it is not blank, how it is laid out."""

from __future__ import annotations

import base64
import binascii
import io
import itertools
import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from grader.checks import Array, CheckFailure, evidence, expect

MOST_PIXELS = 1 << 24
FINEST_GRID = 32


def pngs_of(cells: Sequence[Mapping[str, Any]], name: str) -> list[bytes]:
    """PNG images shown by the cell of this grade_id, id or tag, and by the cells added after it.

    Where no cell has the name, all cells count: some tools drop names.
    """
    named = [i for i, cell in enumerate(cells) if name in _names(cell)]
    if not named:
        return _pngs(cells)
    start = named[-1]
    added = itertools.takewhile(lambda cell: not _grade_id(cell), cells[start + 1 :])
    return _pngs([cells[start], *added])


def decode_png(png: bytes) -> Array:
    """Grey values in [0, 1], shape (H, W); transparent pixels are white.

    Raises:
        CheckFailure: the bytes are no image, or it is larger than 16 megapixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(png), formats=["PNG"])
            if image.width * image.height > MOST_PIXELS:
                raise CheckFailure(f"Your figure has {image.width} x {image.height} pixels.")
            rgba = image.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Warning) as error:
        raise CheckFailure("Your figure is not an image that can be opened.") from error
    white = Image.new("RGBA", rgba.size, "white")
    grey = Image.alpha_composite(white, rgba).convert("L")
    return np.asarray(grey, dtype=np.float64) / 255


def expect_drawn(picture: Array) -> None:
    """Demands a figure that shows something."""
    spread = float(picture.std())
    evidence(picture_shape=list(picture.shape), picture_std=spread)
    expect(spread > 0.01, "Your figure is blank.")


def expect_grid(picture: Array, rows: int, columns: int) -> None:
    """Demands no other layout than rows x columns; an undecided figure passes.

    Tiles of one size make the ink along an axis nearly periodic. Another number of tiles fails only
    where its period explains most of the ink's variation, and mostly not by way of the right one.
    """
    inside = _trimmed(picture)
    for axis, name, wanted in ((1, "rows", rows), (0, "columns", columns)):
        shares = _periodicity(inside.mean(axis=axis))
        evidence(**{f"period_share_{name}": shares.get(wanted, 0.0)})
        for tiles, share in shares.items():
            by_the_right_one = shares.get(math.lcm(tiles, wanted), 0.0)
            if share > 0.6 and by_the_right_one < 0.3 * share:
                raise CheckFailure(
                    f"Your figure looks like {tiles} {name} of images; {wanted} are asked for."
                )


def _names(cell: Mapping[str, Any]) -> set[str]:
    metadata = cell.get("metadata", {})
    tags = metadata.get("tags", [])
    return {str(name) for name in (cell.get("id"), _grade_id(cell), *tags)}


def _grade_id(cell: Mapping[str, Any]) -> str | None:
    found: str | None = cell.get("metadata", {}).get("nbgrader", {}).get("grade_id")
    return found


def _pngs(cells: Sequence[Mapping[str, Any]]) -> list[bytes]:
    found = []
    for cell in cells:
        for output in cell.get("outputs", []):
            text = output.get("data", {}).get("image/png")
            if isinstance(text, str):
                try:
                    found.append(base64.b64decode(text, validate=False))
                except binascii.Error:
                    continue
    return found


def _trimmed(picture: Array) -> Array:
    """The figure without its margins of one colour."""
    ink = np.abs(picture - picture[0, 0]) > 0.02
    used_rows, used_columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not used_rows.size:
        return picture
    return picture[used_rows[0] : used_rows[-1] + 1, used_columns[0] : used_columns[-1] + 1]


def _periodicity(profile: Array) -> dict[int, float]:
    """Share of the profile's variation at multiples of n cycles, for n tiles from 2 on."""
    power = np.abs(np.fft.rfft(profile - profile.mean())) ** 2
    total = power[1:].sum()
    if not total > 0:
        return {}
    finest = min(FINEST_GRID, len(power) - 1)
    return {n: float(power[n::n].sum() / total) for n in range(2, finest + 1)}
