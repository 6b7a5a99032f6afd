from __future__ import annotations

from typing import Any

import pytest
from PIL import Image

from reports.images import Picture
from reports.outputs import Printed, Withheld, shown
from reports.typeset import Passage
from tests.reports.sample_notebook import image

PNG = image(Image.new("L", (8, 8)))


def display(**data: Any) -> dict[str, Any]:
    return {
        "output_type": "display_data",
        "data": {k.replace("_", "/"): v for k, v in data.items()},
    }


def stream(text: object, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def test_pieces_of_one_stream_are_joined() -> None:
    outputs = shown([stream("a"), stream(["b", "c"]), stream("w", "stderr"), stream("d")], "KL")
    assert outputs == (
        Printed("output", Passage("abc")),
        Printed("stderr", Passage("w")),
        Printed("output", Passage("d")),
    )


def test_a_picture_is_drawn_and_described() -> None:
    (picture,) = shown([display(image_png=PNG, text_plain="<Figure>")], "Samples")
    assert isinstance(picture, Picture)
    assert picture.alt == "Figure 1 of Samples"


@pytest.mark.parametrize(
    ("mime", "name"),
    [
        ("text/html", "HTML"),
        ("image/svg+xml", "SVG"),
        ("application/javascript", "JavaScript"),
        ("text/markdown", "Markdown"),
        ("application/x-thing", "application/x-thing"),
    ],
)
def test_active_formats_are_named_and_not_shown(mime: str, name: str) -> None:
    raw = {"output_type": "execute_result", "data": {mime: "<b>bold</b>", "text/plain": "bold"}}
    printed, withheld = shown([raw], "KL")
    assert printed == Printed("output", Passage("bold"))
    assert withheld == Withheld(f"{name} output not shown")


def test_a_broken_picture_is_named() -> None:
    assert shown([display(image_png="AAAA")], "KL") == (
        Withheld("PNG image not shown: broken or too large"),
    )


def test_more_pictures_than_a_cell_may_show_are_named() -> None:
    outputs = shown([display(image_png=PNG)] * 10, "KL")
    assert sum(isinstance(output, Picture) for output in outputs) == 8
    assert outputs[-1] == Withheld("PNG image not shown: a cell shows 8 images at most")


def test_a_flood_of_outputs_is_cut_and_counted() -> None:
    outputs = shown([display(text_plain="x")] * 1_000, "KL")
    assert outputs[-1] == Withheld("976 further outputs not shown")


def test_long_text_is_cut_and_counted() -> None:
    (printed,) = shown([stream("x" * 10_000)], "KL")
    assert isinstance(printed, Printed)
    assert printed.passage == Passage("x" * 6000, 4000)


def test_a_traceback_loses_its_colours() -> None:
    raw = {
        "output_type": "error",
        "ename": "E",
        "evalue": "v",
        "traceback": ["\x1b[31mE\x1b[0m: v"],
    }
    assert shown([raw], "KL") == (Printed("error", Passage("E: v")),)
    assert shown([raw | {"traceback": 3}], "KL") == (Printed("error", Passage("E: v")),)


@pytest.mark.parametrize("value", [None, 3, [], "text", {"a": 1}, [[["x"]]]])
def test_fields_of_the_wrong_type_break_nothing(value: object) -> None:
    fields = ("name", "text", "ename", "evalue", "traceback", "data")
    text = value if isinstance(value, str) else ""
    held = (Withheld("a output not shown"),) if isinstance(value, dict) else ()
    for kind, outputs in [
        ("stream", (Printed("output", Passage(text)),)),
        ("error", (Printed("error", Passage(f"{value}: {text}")),)),
        ("display_data", held),
        ("execute_result", held),
        (value, ()),
    ]:
        assert shown([{"output_type": kind} | dict.fromkeys(fields, value)], "KL") == outputs
    assert shown([display(image_png=value, text_plain=value)], "KL") == (
        Withheld("PNG image not shown: broken or too large"),
    )
