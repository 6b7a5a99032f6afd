from __future__ import annotations

import io
from typing import Any

import matplotlib
import numpy as np
import pytest

from grader.checks import CheckFailure
from grader.checks.axes import expect_labelled_axes
from grader.checks.figures import decode_png

matplotlib.use("Agg")
import matplotlib.pyplot as plt

STYLES = ["default", "ggplot", "dark_background", "seaborn-v0_8", "bmh", "classic"]
EPOCHS = np.arange(1, 16)
LOSS = 2 + 2 * np.exp(-EPOCHS / 4)


def drawn(draw: Any, style: str = "default", dpi: int = 72, **options: Any) -> Any:
    with plt.style.context(style):
        figure, axes = plt.subplots(**options)
        draw(axes)
        stream = io.BytesIO()
        # As a notebook shows it.
        figure.savefig(stream, format="png", dpi=dpi, bbox_inches="tight")
        plt.close(figure)
    return decode_png(stream.getvalue())


def labelled(axis: Any) -> None:
    axis.plot(EPOCHS, LOSS)
    axis.set_xlabel("epoch")
    axis.set_ylabel("bits per dimension")


def short(axis: Any) -> None:
    axis.plot(EPOCHS, LOSS)
    axis.set_xlabel("t")
    axis.set_ylabel("L")


def with_legend_below(axis: Any) -> None:
    axis.plot(EPOCHS, LOSS, label="a loss of a name as long as this one")
    axis.plot(EPOCHS, LOSS / 2, label="another")
    axis.set_xlabel("epoch")
    axis.set_ylabel("loss")
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), mode="expand")


def without_tick_labels(axis: Any) -> None:
    labelled(axis)
    axis.set_xticklabels([])
    axis.set_yticklabels([])


def on_log_scale(axis: Any) -> None:
    axis.loglog(EPOCHS, 100 * LOSS)
    axis.set_xlabel("sequence length")
    axis.set_ylabel("seconds")


def despined(axis: Any) -> None:
    labelled(axis)
    axis.spines[["top", "right"]].set_visible(False)


def with_grid_and_text(axis: Any) -> None:
    labelled(axis)
    axis.grid()
    axis.set_title("A title")
    axis.axhline(4, linestyle=":")


HONEST = [
    labelled,
    short,
    with_legend_below,
    without_tick_labels,
    on_log_scale,
    despined,
    with_grid_and_text,
]


@pytest.mark.parametrize("draw", HONEST)
def test_axes_with_labels_pass(draw: Any) -> None:
    expect_labelled_axes(drawn(draw, figsize=(5, 2.5)))


@pytest.mark.slow
@pytest.mark.parametrize("dpi", [72, 100, 200])
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("draw", HONEST)
def test_axes_with_labels_pass_in_any_style(draw: Any, style: str, dpi: int) -> None:
    expect_labelled_axes(drawn(draw, style, dpi))
    expect_labelled_axes(drawn(draw, style, dpi, figsize=(5, 2.5)))


def bare(axis: Any) -> None:
    axis.plot(EPOCHS, LOSS)
    axis.set_title("Loss")


@pytest.mark.parametrize("dpi", [72, 200])
@pytest.mark.parametrize("figsize", [(5, 2.5), (6.4, 4.8)], ids=["wide", "usual"])
def test_axes_without_labels_fail(figsize: Any, dpi: int) -> None:
    with pytest.raises(CheckFailure, match="horizontal and on the vertical axis"):
        expect_labelled_axes(drawn(bare, dpi=dpi, figsize=figsize))


@pytest.mark.parametrize(("kept", "missing"), [("x", "vertical"), ("y", "horizontal")])
def test_the_axis_without_a_label_is_named(kept: str, missing: str) -> None:
    def one_label(axis: Any) -> None:
        bare(axis)
        axis.set(**{f"{kept}label": "epoch"})

    with pytest.raises(CheckFailure, match=f"no label on the {missing} axis"):
        expect_labelled_axes(drawn(one_label))


@pytest.mark.parametrize("columns", [2, 3])
def test_panels_pass_where_the_outer_ones_have_labels(columns: int) -> None:
    def outer(axes: Any) -> None:
        for axis in axes.flat:
            axis.plot(EPOCHS, LOSS)
            axis.set(xlabel="epoch", ylabel="loss")
            axis.label_outer()

    expect_labelled_axes(drawn(outer, nrows=2, ncols=columns))


def test_what_is_no_plot_is_left_to_a_person() -> None:
    rng = np.random.default_rng(0)
    expect_labelled_axes(np.ones((50, 50)))
    expect_labelled_axes((rng.random((60, 90)) > 0.9).astype(float))


@pytest.mark.parametrize("size", [2, 3])
def test_a_few_pixels_are_a_figure_without_labels(size: int) -> None:
    picture = np.zeros((size, size))
    picture[0] = 1.0
    with pytest.raises(CheckFailure, match="no label on the horizontal"):
        expect_labelled_axes(picture)
