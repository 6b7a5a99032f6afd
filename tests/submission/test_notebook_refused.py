"""Files that are no notebook, or too much of one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from grader.errors import SubmissionError
from grader.submission import bounded_json
from grader.submission.notebook import read_notebook
from tests.submission.conftest import ReadBack
from tests.submission.notebooks import cell, document


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


def test_what_cannot_be_made_valid_is_one_sentence(read_back: ReadBack) -> None:
    with pytest.raises(SubmissionError, match=r"is not a valid notebook \(.*orig_nbformat|minimum"):
        read_back(document(metadata={"orig_nbformat": -3}))
