from __future__ import annotations

import json
from pathlib import Path

import pytest

from grader.assignment import Figure, Question, Signature
from reports.notebook import Cell, answering, joined, read
from tests.reports import sample_notebook

KL = Question(id="kl", title="KL", points=1, function=Signature(name="KLD"))


def cell(grade_id: str = "", source: str = "") -> Cell:
    return Cell("code", source, grade_id)


def test_cells_are_read_with_their_ids(tmp_path: Path) -> None:
    path = tmp_path / "notebook.ipynb"
    path.write_text(json.dumps(sample_notebook.ordinary(missing_half=False, raises=False)))
    cells = read(path)
    assert [c.grade_id for c in cells] == ["mc", "kl", "reparam-solution", "grid-samples", ""]
    assert [c.kind for c in cells] == ["text", "code", "code", "code", "code"]
    assert cells[1].defines("KLD")


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "3", '{"cells": {}}', '{"cells": [1, null]}', "[" * 200_000, "9" * 10_000],
)
def test_what_is_no_notebook_has_no_cells(tmp_path: Path, content: str) -> None:
    path = tmp_path / "notebook.ipynb"
    path.write_text(content)
    assert read(path) == []


def test_a_missing_file_has_no_cells(tmp_path: Path) -> None:
    assert read(tmp_path / "absent.ipynb") == []
    assert read(tmp_path) == []


def test_text_of_the_wrong_type_is_empty() -> None:
    assert [joined(t) for t in ("a", ["a", 1, "b"], 5, None, {})] == ["a", "ab", "", "", ""]


def test_a_cell_belongs_to_the_longest_matching_question() -> None:
    zero = Question(id="kl-zero", title="", points=1)
    cells = [cell("kl"), cell("kl-zero"), cell("kl-solution"), cell("klx")]
    assert answering(KL, cells, ["kl", "kl-zero"]) == [cells[0], cells[2]]
    assert answering(zero, cells, ["kl", "kl-zero"]) == [cells[1]]


def test_without_ids_the_defining_cell_is_found() -> None:
    cells = [cell(source="x = KLD(1)"), cell(source="import torch\ndef KLD(m, s):\n    pass")]
    assert answering(KL, cells, ["kl"]) == [cells[1]]


def test_other_names_of_the_function_count() -> None:
    question = KL.model_copy(update={"also": (Signature(name="kl_divergence"),)})
    cells = [cell(source="def kl_divergence(a, b): ...")]
    assert answering(question, cells, ["kl"]) == cells


def test_the_cell_of_a_figure_is_found_by_tag_or_id() -> None:
    question = Question(id="grid", title="", points=1, figure=Figure(after="shows"))
    tagged = Cell("code", "", tags=("shows",))
    assert answering(question, [tagged, cell("shows"), cell("x")], ["grid"]) == [
        tagged,
        cell("shows"),
    ]
