from __future__ import annotations

import json
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.errors import SubmissionError
from grader.submission import bounded_json
from grader.submission.notebook import assignment_of, read_notebook, strip_outputs


def cell(kind: str = "code", **fields: Any) -> dict[str, Any]:
    own: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": "x = 1"}
    if kind == "code":
        own |= {"outputs": [], "execution_count": None}
    return own | fields


def document(*cells: Any, **fields: Any) -> dict[str, Any]:
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)} | fields


ReadBack = Callable[[Any], nbformat.NotebookNode]


@pytest.fixture
def read_back(tmp_path: Path) -> ReadBack:
    """Writes JSON (or raw text or bytes) as vae.ipynb and reads it as a notebook."""

    def read(content: Any) -> nbformat.NotebookNode:
        path = tmp_path / "vae.ipynb"
        if not isinstance(content, str | bytes):
            content = json.dumps(content)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_notebook(path)

    return read


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


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", r"'vae.ipynb' is not JSON \(line 1, column 1"),
        (b'{"cells": [\n  {]}', r"is not JSON \(line 2, column 4"),
        (b'{"a": "\xff"}', r"is not UTF-8 text \(byte 7\)"),
        (b"[" * 100_000, "nests deeper than the 100 levels"),
        (b"[" * 150 + b"]" * 150, "nests deeper than the 100 levels"),
        (b"[]", "is not a notebook: its JSON is no object"),
        (b"{}", "names no notebook format"),
        (b'{"nbformat": true}', "names no notebook format"),
        (b'{"nbformat": 5}', "is in notebook format 5; save it in format 4"),
        (b'{"nbformat": 3}', "is in notebook format 3 and could not be upgraded"),
        (b'{"nbformat": 4}', "holds no list of cells"),
        (b'{"nbformat": 4, "cells": {}}', "holds no list of cells"),
        (b'{"nbformat": 4, "cells": [3]}', r"cell of unknown type \(cell 1: None\)"),
        (b'{"nbformat": 4, "cells": [{"cell_type": "x"}]}', r"\(cell 1: 'x'\)"),
        (b'{"nbformat": 4, "cells": [{"cell_type": []}]}', r"\(cell 1: \[\]\)"),
        (b'{"nbformat": 4, "cells": [{"cell_type": "raw", "source": [1]}]}', "source is no text"),
        (b'{"nbformat": 4, "cells": [{"cell_type": "raw", "source": 1}]}', "source is no text"),
        (b'{"nbformat": ' + b"9" * 5000 + b"}", "a whole number of 5000 digits"),
        (b'{"nbformat": 4, "cells": [], "metadata": {"a": NaN}}', "holds nan outside its outputs"),
        (b'{"nbformat": 4, "cells": [], "metadata": {"a": 1e999}}', "holds inf outside"),
    ],
)
def test_what_is_no_notebook_is_one_sentence(
    read_back: ReadBack, content: bytes, sentence: str
) -> None:
    with pytest.raises(SubmissionError, match=sentence):
        read_back(content)


def test_too_many_cells_are_refused(read_back: ReadBack) -> None:
    with pytest.raises(SubmissionError, match="has 10001 cells, more than the 10000"):
        read_back(document(*[{"cell_type": "raw"}] * 10_001))


def test_too_many_brackets_are_refused_before_they_take_memory(
    read_back: ReadBack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_json, "MAX_BRACKETS", 100)
    with pytest.raises(SubmissionError, match="holds 102 brackets, more than the 100"):
        read_back("[" + "[]," * 100 + "[]]")


def test_too_many_commas_are_refused_before_they_take_memory(
    read_back: ReadBack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_json, "MAX_COMMAS", 100)
    with pytest.raises(SubmissionError, match="holds 101 commas, more than the 100"):
        read_back("[" + "1," * 101 + "1]")


def test_too_many_lists_are_refused_but_not_as_text(
    read_back: ReadBack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_json, "MAX_CONTAINERS", 100)
    assert read_back(document(cell(source="[]" * 200))).cells[0].source == "[]" * 200
    with pytest.raises(SubmissionError, match="holds 203 lists and objects, more than the 100"):
        read_back(document(metadata={"a": [[]] * 199}))


def test_a_large_notebook_of_an_old_format_is_refused(read_back: ReadBack) -> None:
    with pytest.raises(SubmissionError, match="is in notebook format 3 and holds 5004 lists"):
        read_back({"nbformat": 3, "metadata": {}, "worksheets": [[]] * 5001})


def test_broken_outputs_by_the_thousand_are_left_out_quickly(read_back: ReadBack) -> None:
    # nbformat.validate takes 1 ms for each of them, and squares the time for such tags.
    many = cell(outputs=[{}] * 50_000, metadata={"tags": [[n] for n in range(20_000)]})
    started = time.process_time()
    read = read_back(document(many))
    assert time.process_time() - started < 10
    assert read.cells[0].outputs == []


def test_a_large_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vae.ipynb"
    path.write_text(json.dumps(document()) + " " * 1000)
    with pytest.raises(SubmissionError, match="more than the"):
        read_notebook(path, max_bytes=1000)


def test_a_link_and_a_pipe_are_refused(tmp_path: Path) -> None:
    (tmp_path / "real").write_text(json.dumps(document()))
    (tmp_path / "link.ipynb").symlink_to(tmp_path / "real")
    os.mkfifo(tmp_path / "pipe.ipynb")
    for name, kind in (("link", "a symbolic link"), ("pipe", "a named pipe")):
        with pytest.raises(SubmissionError, match=kind):
            read_notebook(tmp_path / f"{name}.ipynb")


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


def test_what_cannot_be_made_valid_is_one_sentence(read_back: ReadBack) -> None:
    with pytest.raises(SubmissionError, match=r"is not a valid notebook \(.*orig_nbformat|minimum"):
        read_back(document(metadata={"orig_nbformat": -3}))


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


SEED = json.dumps(
    document(
        cell(id="a", outputs=[{"output_type": "stream", "name": "stdout", "text": "2\n"}]),
        cell("markdown", id="b"),
    )
).encode()
TOKENS = st.sampled_from(
    [
        *(b"null", b"true", b"[", b"]", b"{", b"}", b",", b'"', b"[[]]", b"\0", b"\xff"),
        *(b"NaN", b"-1e999", b"9" * 40, b"\\ud800"),
        *(b'"nbformat": 3', b'"nbformat": 2', b'"cells": 1', b'"source": {}'),
    ]
)


@settings(derandomize=True, max_examples=400, deadline=None)
@given(data=st.data())
def test_mutated_notebooks_are_read_or_refused_in_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = SEED
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(start, min(len(content), start + 20)))
        content = content[:start] + data.draw(TOKENS | st.binary(max_size=8)) + content[end:]
    _require_read_or_refused(tmp_path_factory.getbasetemp() / "mutated.ipynb", content)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["cells", "source", "outputs", "metadata", "cell_type", "tags", "id", "data"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(derandomize=True, max_examples=400, deadline=None)
@given(
    major=st.integers(-1, 5),
    cells=st.lists(
        st.fixed_dictionaries(
            {"cell_type": st.sampled_from(["code", "markdown", "raw"])},
            optional=dict.fromkeys(("source", "outputs", "metadata", "attachments", "id"), JSON),
        )
        | JSON,
        max_size=3,
    ),
    metadata=JSON,
)
def test_notebooks_of_arbitrary_parts_are_read_or_refused_in_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, major: int, cells: list[Any], metadata: Any
) -> None:
    arbitrary = document(*cells, nbformat=major, metadata=metadata)
    if major < 4:
        arbitrary |= {"worksheets": [{"cells": cells}]}
    content = json.dumps(arbitrary).encode()
    _require_read_or_refused(tmp_path_factory.getbasetemp() / "arbitrary.ipynb", content)


def _require_read_or_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    refusal = ""
    try:
        read = read_notebook(path)
    except SubmissionError as error:
        refusal = str(error)
    else:
        nbformat.validate(read)
        json.dumps(strip_outputs(read), allow_nan=False, ensure_ascii=False).encode()
    assert "\n" not in refusal
    assert len(refusal) < 400
