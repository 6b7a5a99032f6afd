"""Whatever a notebook holds, it is read or refused in one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.errors import SubmissionError
from grader.submission.notebook import read_notebook, strip_outputs
from tests.submission.notebooks import cell, document

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


@settings(derandomize=True, max_examples=400)
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


@settings(derandomize=True, max_examples=400)
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
