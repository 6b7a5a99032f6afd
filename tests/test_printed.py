from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from grader.assignment import Assignment, Question
from grader.printed import executed_cells, out_of_gpu_memory, printed_metrics
from grader.threshold import Threshold

BPD = Threshold(metric="bpd", full=1.7, zero=2.6)
ASSIGNMENT = Assignment(
    title="T",
    question=(
        Question(id="kl", title="KL", points=1),
        Question(id="bpd", title="Bits", points=1, threshold=BPD),
    ),
)


def cell(*outputs: Any) -> dict[str, Any]:
    return {"cell_type": "code", "outputs": list(outputs)}


def stream(text: Any) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def printed(text: str) -> float | None:
    return printed_metrics([cell(stream(text))], ASSIGNMENT).get("bpd")


@pytest.mark.parametrize(
    ("text", "figure"),
    [
        ("bpd = 1.21", 1.21),
        ("test bpd: 1.21", 1.21),
        ("The test BPD is 1.21.", 1.21),
        ("bpd 1.21", 1.21),
        ("a bpd of 1.21 bits", 1.21),
        ("test_bpd=1.21, kl=3", 1.21),
        ("bpd_test = 1.21", 1.21),
        ("Bpd (test) = 1.21", 1.21),
        ("bpd: 12", 12),
        ("bpd: .5", 0.5),
        ("bpd: 1.21e-1", 0.121),
        ("bpd: -1.5", -1.5),
        ("bpd = 1.21/dim", 1.21),
    ],
)
def test_a_figure_is_found_in_several_spellings(text: str, figure: float) -> None:
    assert printed(text) == figure


@pytest.mark.parametrize(
    "text",
    [
        *("mybpd = 1.21", "bpds = 1.21", "bpd2 = 1.21", "bpd is small", "bpd\n1.21", "1.21", ""),
        *("bpd = nan", "bpd = 1e999", f"bpd = {'1' * 400}", "bpd: 1.2.3"),
    ],
)
def test_what_is_no_figure_is_not_taken_for_one(text: str) -> None:
    assert printed(text) is None


def test_the_last_figure_counts() -> None:
    cells = [cell(stream("bpd = 3\nbpd = 2.5\n"), stream("bpd = 2\n")), cell(stream("done"))]
    assert printed_metrics(cells, ASSIGNMENT) == {"bpd": 2.0}


def test_a_figure_at_the_end_of_a_flood_is_found() -> None:
    assert printed("loss 1.0\n" * 1_000_000 + "bpd = 1.5") == 1.5


@pytest.mark.parametrize(
    "text",
    [
        "bpd" + " " * (1 << 20),
        "bpd (" * 200_000,
        "bpd_" * 250_000,
        "bpd_a1_" * 140_000,
        "bpd = " + "1" * (1 << 20),
        "bpd 1" + "a." * (1 << 19),
    ],
)
def test_no_text_makes_the_search_slow(text: str) -> None:
    # A search in quadratic time takes hours here; a linear one, seconds on a busy machine.
    began = time.monotonic()
    printed(text)
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    "outputs",
    [None, "text", 3, {"text": "bpd = 1"}, ["bpd = 1"], [None], [[]], [{"output_type": []}]],
)
def test_hostile_outputs_claim_nothing(outputs: Any) -> None:
    assert printed_metrics([{"outputs": outputs}, {}], ASSIGNMENT) == {}


@pytest.mark.parametrize("text", [None, 3, {"bpd": 1}, [None, 1.5, ["bpd = 1"]]])
def test_hostile_texts_claim_nothing(text: Any) -> None:
    assert printed_metrics([cell(stream(text))], ASSIGNMENT) == {}


def test_lines_in_a_list_are_one_text() -> None:
    assert printed_metrics([cell(stream(["test bpd", " = ", "1.5\n"]))], ASSIGNMENT)["bpd"] == 1.5


def test_only_what_is_printed_counts() -> None:
    figure = {"output_type": "display_data", "data": {"text/plain": "bpd = 1"}, "metadata": {}}
    assert printed_metrics([cell(figure)], ASSIGNMENT) == {}


def write(path: Path, outputs: list[Any]) -> None:
    code = {
        "cell_type": "code",
        "id": "a",
        "metadata": {},
        "source": "1",
        "outputs": outputs,
        "execution_count": 1,
    }
    text = {"cell_type": "markdown", "id": "b", "metadata": {}, "source": "bpd = 9"}
    path.write_text(
        json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [text, code]})
    )


def test_code_cells_are_plain_dictionaries(tmp_path: Path) -> None:
    write(tmp_path / "a.ipynb", [stream("bpd = 1.5")])
    (found,) = executed_cells(tmp_path / "a.ipynb")
    assert type(found) is dict
    assert type(found["outputs"][0]) is dict
    assert printed_metrics([found], ASSIGNMENT) == {"bpd": 1.5}


def test_more_outputs_than_a_hand_in_may_have_are_read(tmp_path: Path) -> None:
    write(tmp_path / "a.ipynb", [stream("x" * (33 << 20)), stream("bpd = 1.5")])
    assert printed_metrics(executed_cells(tmp_path / "a.ipynb"), ASSIGNMENT) == {"bpd": 1.5}


def test_an_executed_notebook_that_cannot_be_read_shows_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text("{")
    assert executed_cells(tmp_path / "a.ipynb") == []
    assert executed_cells(tmp_path / "absent.ipynb") == []


def test_a_cell_that_ran_out_of_gpu_memory_is_named() -> None:
    error = {"output_type": "error", "ename": "OutOfMemoryError", "evalue": "CUDA out of memory."}
    assert out_of_gpu_memory([cell(), cell(stream("x"), error)]) == (
        "code cell 2 ran out of its share of the GPU's memory"
    )
    assert out_of_gpu_memory([cell(error | {"ename": "ValueError"}), {"outputs": "x"}]) == ""
