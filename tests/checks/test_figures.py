from __future__ import annotations

import base64
import io
from typing import Any

import matplotlib
import numpy as np
import pytest
from PIL import Image

from grader.assignment import Figure
from grader.checks import CheckFailure
from grader.checks.figures import (
    decode_png,
    expect_drawn,
    expect_figure,
    expect_grid,
    expect_panels,
    expect_varied,
    pngs_of,
)
from grader.data import find, held_out

matplotlib.use("Agg")
import matplotlib.pyplot as plt

DIGITS = held_out(find("digits"))


def encoded(picture: np.ndarray[Any, Any]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture.astype(np.uint8)).save(stream, format="PNG")
    return stream.getvalue()


def subplots(rows: int, columns: int, title: str = "", first: int = 0) -> bytes:
    figure, axes = plt.subplots(rows, columns, figsize=(5, 5), squeeze=False)
    for axis, image in zip(axes.flat, DIGITS[first:], strict=False):
        axis.imshow(image, cmap="gray_r", vmin=0, vmax=15)
        axis.axis("off")
    figure.suptitle(title)
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    plt.close(figure)
    return stream.getvalue()


def tiled(rows: int, columns: int, first: int = 0) -> bytes:
    """One array of images without any space between them."""
    images = DIGITS[first : first + rows * columns].reshape(rows, columns, 8, 8)
    grid = images.swapaxes(1, 2).reshape(rows * 8, columns * 8)
    return encoded(np.kron(255 - 17 * grid, np.ones((5, 5))))


def cell(grade_id: str | None, *pngs: bytes) -> dict[str, Any]:
    data = [{"data": {"image/png": base64.b64encode(png).decode()}} for png in pngs]
    return {"metadata": {"nbgrader": {"grade_id": grade_id}} if grade_id else {}, "outputs": data}


@pytest.mark.parametrize("first", [0, 64, 128, 192, 256])
@pytest.mark.parametrize("draw", [subplots, tiled], ids=["subplots", "tiled"])
def test_a_grid_of_eight_by_eight_passes(draw: Any, first: int) -> None:
    expect_grid(decode_png(draw(8, 8, first=first)), 8, 8)


def test_a_title_above_the_grid_does_no_harm() -> None:
    expect_grid(decode_png(subplots(8, 8, title="Samples after 15 epochs")), 8, 8)


@pytest.mark.parametrize("size", [2, 3, 4, 5, 6, 10])
def test_another_grid_of_subplots_is_named(size: int) -> None:
    with pytest.raises(CheckFailure, match=f"shows {size} (rows|columns)"):
        expect_grid(decode_png(subplots(size, size)), 8, 8)


def test_a_curve_is_no_evidence_of_another_grid() -> None:
    figure, axis = plt.subplots()
    axis.plot(np.exp(-np.arange(15) / 3))
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    plt.close(figure)
    expect_grid(decode_png(stream.getvalue()), 8, 8)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_blank_figure_fails(level: int) -> None:
    with pytest.raises(CheckFailure, match="blank"):
        expect_drawn(decode_png(encoded(np.full((50, 50), level))))


def test_a_transparent_figure_is_blank() -> None:
    with pytest.raises(CheckFailure, match="blank"):
        expect_drawn(decode_png(encoded(np.arange(40000).reshape(100, 100, 4) % 7 * [9, 9, 9, 0])))


def test_a_drawn_figure_passes() -> None:
    expect_drawn(decode_png(tiled(8, 8)))


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_fails_the_student(content: bytes) -> None:
    with pytest.raises(CheckFailure, match="cannot be opened"):
        decode_png(content)


def test_an_enormous_picture_is_not_unpacked() -> None:
    stream = io.BytesIO()
    Image.new("1", (6000, 6000)).save(stream, format="PNG")
    with pytest.raises(CheckFailure, match="6000 x 6000 pixels"):
        decode_png(stream.getvalue())


def test_the_figure_of_the_named_cell_counts() -> None:
    cells = [cell("curve", b"curve"), cell("samples", b"grid"), cell("manifold", b"manifold")]
    assert pngs_of(cells, "samples") == [b"grid"]


def test_cells_that_a_student_added_below_count() -> None:
    cells = [cell("samples"), cell(None, b"grid"), cell("manifold", b"manifold")]
    assert pngs_of(cells, "samples") == [b"grid"]


def test_every_cell_counts_where_names_were_lost() -> None:
    assert pngs_of([cell(None, b"curve"), cell(None, b"grid")], "samples") == [b"curve", b"grid"]


def test_metadata_of_any_form_is_no_fault_of_ours() -> None:
    odd = cell(None, b"one") | {"metadata": {"nbgrader": "solution"}}
    assert pngs_of([odd, cell("figure", b"two")], "figure") == [b"two"]


def test_a_picture_in_other_letters_is_passed_over() -> None:
    odd = {"metadata": {}, "outputs": [{"data": {"image/png": "é"}}]}
    assert pngs_of([odd, cell(None, b"two")], "figure") == [b"two"]


def test_an_output_that_is_no_text_is_passed_over() -> None:
    odd = {
        "metadata": {},
        "outputs": [{"data": {"image/png": ["a", "b"]}}, {"output_type": "stream"}],
    }
    assert pngs_of([odd], "samples") == []


@pytest.mark.parametrize(("rows", "columns"), [(1, 6), (2, 3), (3, 2)])
def test_panels_may_stand_in_any_rows(rows: int, columns: int) -> None:
    expect_panels(decode_png(subplots(rows, columns)), 6)


def test_another_number_of_panels_is_named() -> None:
    with pytest.raises(CheckFailure, match=r"shows 4 columns.*In all there should be 6"):
        expect_panels(decode_png(subplots(1, 4)), 6)


def shades(*levels: int) -> Any:
    """A row of tiles, each of one shade, on white."""
    page = np.full((30, 30 * len(levels)), 255)
    for i, level in enumerate(levels):
        page[5:25, 30 * i + 5 : 30 * i + 25] = level
    return decode_png(encoded(page))


def test_images_of_one_shade_each_show_nothing() -> None:
    with pytest.raises(CheckFailure, match="of one shade"):
        expect_varied(shades(0, 90, 180), 1, 3)


def test_one_image_with_something_on_it_is_enough() -> None:
    picture = shades(0, 90, 180)
    picture[10:15, 10:15] = 0.5
    expect_varied(picture, 1, 3)


def test_tiles_that_touch_are_not_looked_at_one_by_one() -> None:
    expect_varied(decode_png(tiled(8, 8)), 8, 8)


GRID = Figure(after="samples", rows=8, columns=8)


def test_the_figure_that_is_asked_for_passes() -> None:
    picture = expect_figure([cell("samples", subplots(2, 2), subplots(8, 8))], GRID)
    assert picture.ndim == 2


@pytest.mark.parametrize(
    ("png", "layout", "says"),
    [
        (None, GRID, "no figure in the output of the cell 'samples'"),
        (encoded(np.full((50, 50), 255)), GRID, "blank"),
        (subplots(4, 4), GRID, "8 are asked for"),
        (subplots(1, 4), Figure(after="samples", panels=6), "should be 6"),
        (subplots(1, 1), Figure(after="samples", axes=True), "no label on the"),
    ],
    ids=["missing", "blank", "another grid", "other panels", "no labels"],
)
def test_a_figure_of_another_kind_fails(png: bytes | None, layout: Figure, says: str) -> None:
    cells = [cell("samples", *([] if png is None else [png]))]
    with pytest.raises(CheckFailure, match=says):
        expect_figure(cells, layout)
