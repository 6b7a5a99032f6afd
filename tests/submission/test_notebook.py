from __future__ import annotations

import json
import time
import warnings
from typing import Any

import nbformat
import pytest

from grader.submission.notebook import assignment_of, strip_outputs
from tests.submission.conftest import ReadBack
from tests.submission.notebooks import cell, document


def test_an_ordinary_notebook_is_read_as_it_is(read_back: ReadBack) -> None:
    original = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        cells=[
            nbformat.v4.new_markdown_cell("# VAE", attachments={"a.png": {"image/png": "AA=="}}),
            nbformat.v4.new_code_cell(
                "1 + 1",
                outputs=[nbformat.v4.new_output("stream", text="2\n")],
                execution_count=3,
            ),
            nbformat.v4.new_raw_cell("raw"),
        ],
    )
    assert read_back(nbformat.writes(original)) == original


def test_missing_duplicate_and_malformed_ids_are_replaced_without_a_warning(
    read_back: ReadBack,
) -> None:
    ids = ["a", "a", None, "not an id", "cell-2", 7, "x" * 65]
    cells = [cell(id=value) for value in ids] + [cell()]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read = read_back(document(*cells))
        again = read_back(document(*cells))
    found = [one.id for one in read.cells]
    assert found[0] == "a"
    assert found[4] == "cell-2"
    assert len(set(found)) == len(cells)
    nbformat.validate(read)
    assert read == again


def test_sources_in_lines_are_joined_and_missing_ones_are_empty(read_back: ReadBack) -> None:
    bare = {"cell_type": "code", "metadata": None}
    read = read_back(document(cell(source=["a\n", "b"]), bare, cell("markdown", source=None)))
    assert [one.source for one in read.cells] == ["a\nb", "", ""]


def test_a_byte_order_mark_is_allowed(read_back: ReadBack) -> None:
    assert read_back(b"\xef\xbb\xbf" + json.dumps(document(cell())).encode()).nbformat == 4


def test_format_3_is_upgraded_and_says_so(read_back: ReadBack) -> None:
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": "old"},
        "worksheets": [
            {
                "cells": [
                    {
                        "cell_type": "code",
                        "input": ["x = 1\n", "y = 2"],
                        "outputs": [],
                        "language": "python",
                    },
                    {"cell_type": "heading", "source": ["Title"], "level": 2},
                ]
            }
        ],
    }
    read = read_back(old)
    assert [(one.cell_type, one.source) for one in read.cells] == [
        ("code", "x = 1\ny = 2"),
        ("markdown", "## Title"),
    ]
    assert read.metadata.orig_nbformat == 3
    assert read == read_back(old)


def test_broken_outputs_by_the_thousand_are_left_out_quickly(read_back: ReadBack) -> None:
    # nbformat.validate takes 1 ms for each of them, and squares the time for such tags.
    many = cell(outputs=[{}] * 50_000, metadata={"tags": [[n] for n in range(20_000)]})
    started = time.process_time()
    read = read_back(document(many))
    assert time.process_time() - started < 10
    assert read.cells[0].outputs == []


def test_nan_in_an_output_becomes_null(read_back: ReadBack) -> None:
    plot = {
        "output_type": "display_data",
        "metadata": {},
        "data": {"application/json": {"y": [1.0, float("nan"), float("inf")]}},
    }
    read = read_back(document(cell(outputs=[plot])))
    assert read.cells[0].outputs[0].data["application/json"] == {"y": [1.0, None, None]}


def test_half_a_surrogate_becomes_a_question_mark(read_back: ReadBack) -> None:
    read = read_back(document(cell(source="print('\ud800', '\U0001f600', 'é')")))
    assert read.cells[0].source == "print('?', '\U0001f600', 'é')"


def test_broken_outputs_and_metadata_are_left_out_but_not_what_grading_needs(
    read_back: ReadBack,
) -> None:
    metadata = {"collapsed": "yes", "nbgrader": {"grade_id": "kl"}, "tags": ["kl", 3, "a,b", "kl"]}
    broken = cell(outputs=[{"output_type": "nonsense"}, 7], metadata=metadata)
    picture = cell("markdown", attachments={"a.png": 3}, metadata={"tags": "kl"})
    ours = {"grader": {"assignment": "vae"}, "kernelspec": {"name": 3}}
    read = read_back(document(broken, picture, metadata=ours))
    assert read.cells[0].outputs == []
    assert read.cells[0].metadata == {"nbgrader": {"grade_id": "kl"}, "tags": ["kl"]}
    assert "attachments" not in read.cells[1]
    assert read.metadata == {"grader": {"assignment": "vae"}}
    nbformat.validate(read)


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"grader": {"assignment": "vae"}}, "vae"),
        ({"grader": {"assignment": ""}}, None),
        ({"grader": {"assignment": 3}}, None),
        ({"grader": {"assignment": "v" * 121}}, None),
        ({"grader": {"assignment": "v\nae"}}, None),
        ({"grader": "vae"}, None),
        ({}, None),
    ],
)
def test_the_assignment_is_a_short_line_or_nothing(
    read_back: ReadBack, metadata: dict[str, Any], expected: str | None
) -> None:
    assert assignment_of(read_back(document(metadata=metadata))) == expected


def test_outputs_are_stripped_from_a_copy() -> None:
    original = nbformat.v4.new_notebook(
        metadata={"widgets": {"a": 1}, "grader": {"assignment": "vae"}},
        cells=[
            nbformat.v4.new_code_cell(
                "1", outputs=[nbformat.v4.new_output("stream", text="1")], execution_count=1
            ),
            nbformat.v4.new_markdown_cell("text"),
        ],
    )
    stripped = strip_outputs(original)
    assert stripped.cells[0].outputs == []
    assert stripped.cells[0].execution_count is None
    assert stripped.metadata == {"grader": {"assignment": "vae"}}
    assert [one.source for one in stripped.cells] == ["1", "text"]
    stripped.cells[1].metadata["changed"] = True
    assert "changed" not in original.cells[1].metadata
    assert len(original.cells[0].outputs) == 1
    nbformat.validate(stripped)
