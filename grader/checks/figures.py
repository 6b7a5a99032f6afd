"""What can be decided from a figure: that it is there, that it is not blank, how it is laid out."""

from __future__ import annotations

import base64
import io
import itertools
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
from PIL import Image

from grader.checks.axes import expect_labelled_axes
from grader.checks.expectations import expect
from grader.checks.failure import CheckFailure
from grader.checks.ink import ink_of, runs
from grader.checks.recording import evidence
from grader.checks.subject import Array

MOST_PIXELS = 1 << 24

Cell = TypeVar("Cell")


class Layout(Protocol):
    """What is read of a figure in `assignment.toml`."""

    @property
    def after(self) -> str:
        """The cell that shows it."""

    @property
    def rows(self) -> int:
        """Of images."""

    @property
    def columns(self) -> int:
        """Of images."""

    @property
    def panels(self) -> int | None:
        """How many there are, where their rows do not matter."""

    @property
    def axes(self) -> bool:
        """Whether it is a plot whose axes have labels."""


def pngs_of(cells: Sequence[Mapping[str, Any]], name: str) -> list[bytes]:
    """PNG images shown by the cell of this grade_id, id or tag, and by the cells added after it.

    Where no cell has the name, all cells count: some tools drop names.
    """
    return _pngs(with_added(cells, lambda cell: name in _names(cell), _grade_id) or cells)


def with_added(
    cells: Sequence[Cell], named: Callable[[Cell], bool], graded: Callable[[Cell], object]
) -> list[Cell]:
    """The last cell that is named, with those that a student has added after it; else none.

    Args:
        cells: of a notebook, in any form.
        named: whether a cell has the name that is looked for.
        graded: true of cells that the assignment brings along.
    """
    places = [i for i, cell in enumerate(cells) if named(cell)]
    if not places:
        return []
    added = itertools.takewhile(lambda cell: not graded(cell), cells[places[-1] + 1 :])
    return [cells[places[-1]], *added]


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
        raise CheckFailure("Your figure cannot be opened.") from error
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

    Decided only where empty bands part the figure into tiles at an even pitch. Tiles that touch, or
    a title above them, leave the question to whoever looks at the figure.
    """
    ink = ink_of(picture)
    for axis, name, wanted in ((1, "rows", rows), (0, "columns", columns)):
        starts, sizes = _bands(np.asarray(ink.any(axis=axis)))
        evidence(**{f"bands_{name}": len(starts)})
        if len(starts) in (0, 1, wanted):
            continue
        if _even(np.diff(starts)) and _even(sizes):
            raise CheckFailure(
                f"Your figure shows {len(starts)} {name} of images; {wanted} are asked for."
            )


def expect_panels(picture: Array, panels: int) -> None:
    """Demands no other number of panels, in whatever rows; an undecided figure passes."""
    said = ""
    for rows in (rows for rows in range(1, panels + 1) if panels % rows == 0):
        try:
            expect_grid(picture, rows, panels // rows)
            return
        except CheckFailure as failure:
            said = said or failure.message
    raise CheckFailure(f"{said} In all there should be {panels} of them.")


def expect_varied(picture: Array, rows: int, columns: int) -> None:
    """Demands a grid in which some image has more than one shade."""
    ink = ink_of(picture)
    places = [_bands(np.asarray(ink.any(axis=axis))) for axis in (1, 0)]
    if any(
        len(starts) != wanted for (starts, _), wanted in zip(places, (rows, columns), strict=True)
    ):
        return  # no tiles to look at one by one
    down, across = (
        [slice(a, a + n) for a, n in zip(starts, sizes, strict=True)] for starts, sizes in places
    )
    spreads = [float(picture[y, x].std()) for y, x in itertools.product(down, across)]
    expect(max(spreads) > 0.01, "Every image of your figure is of one shade.")


def expect_figure(cells: Sequence[Mapping[str, Any]], layout: Layout) -> Array:
    """Demands that the figure a question asks for is there, drawn, and laid out as it should be.

    What cannot be decided passes; how good it is, a person says.

    Returns:
        The figure in grey: the last one that the cell shows.

    Raises:
        CheckFailure: it is missing, blank, of one shade, or surely has another layout.
    """
    pictures = [decode_png(png) for png in pngs_of(cells, layout.after)]
    expect(
        len(pictures) > 0,
        f"There is no figure in the output of the cell {layout.after!r}, nor of those added to it.",
    )
    picture = pictures[-1]
    expect_drawn(picture)
    if layout.panels is not None:
        expect_panels(picture, layout.panels)
    elif (layout.rows, layout.columns) != (1, 1):
        expect_grid(picture, layout.rows, layout.columns)
        expect_varied(picture, layout.rows, layout.columns)
    if layout.axes:
        expect_labelled_axes(picture)
    return picture


def _names(cell: Mapping[str, Any]) -> set[str]:
    metadata = cell.get("metadata", {})
    tags = metadata.get("tags", [])
    return {str(name) for name in (cell.get("id"), _grade_id(cell), *tags)}


def _grade_id(cell: Mapping[str, Any]) -> str | None:
    # A notebook may hold anything under another program's name.
    nbgrader = cell.get("metadata", {}).get("nbgrader")
    found = nbgrader.get("grade_id") if isinstance(nbgrader, Mapping) else None
    return found if isinstance(found, str) else None


def _pngs(cells: Sequence[Mapping[str, Any]]) -> list[bytes]:
    found = []
    for cell in cells:
        for output in cell.get("outputs", []):
            text = output.get("data", {}).get("image/png")
            if isinstance(text, str):
                try:
                    found.append(base64.b64decode(text, validate=False))
                except ValueError:  # no base64, or letters that are never in it
                    continue
    return found


def _bands(inked: Array) -> tuple[Array, Array]:
    """Where each run of rows (or columns) with ink in them begins, and how long it is."""
    places = np.array(runs(inked), int).reshape(-1, 2)
    return places[:, 0], places[:, 1] - places[:, 0]


def _even(lengths: Array) -> bool:
    return bool(lengths.std() <= 0.15 * lengths.mean())
