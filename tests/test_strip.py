from __future__ import annotations

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from grader.errors import AssignmentError
from grader.strip import without_solutions


def stripped(source: str, *, solution: bool = True, text: bool = False) -> str:
    new_cell = new_markdown_cell if text else new_code_cell
    cell = new_cell(source, metadata={"nbgrader": {"solution": solution}})
    (only,) = without_solutions(new_notebook(cells=[cell])).cells
    result: str = only.source
    return result


def test_a_marked_solution_becomes_a_stub_at_its_own_depth() -> None:
    source = "def f(x):\n    ### BEGIN SOLUTION\n    return x\n    ### END SOLUTION\n"
    stub = "def f(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()\n"
    assert stripped(source) == stub


def test_several_solutions_in_a_cell_are_several_stubs() -> None:
    part = "### BEGIN SOLUTION\nx = 1\n### END SOLUTION"
    assert stripped(f"{part}\ny = 2\n{part}").count("YOUR CODE HERE") == 2


def test_a_solution_cell_without_markers_is_replaced_whole() -> None:
    assert stripped("x = 1") == "# YOUR CODE HERE\nraise NotImplementedError()"
    assert stripped("Because of Jensen.", text=True) == "YOUR ANSWER HERE"


def test_other_cells_stay_as_they_are() -> None:
    assert stripped("import torch", solution=False) == "import torch"


def test_a_marked_answer_in_text_is_replaced() -> None:
    source = "Why?\n### BEGIN SOLUTION\nBecause.\n### END SOLUTION"
    assert stripped(source, text=True, solution=False) == "Why?\nYOUR ANSWER HERE"


def test_hidden_tests_and_mark_schemes_go() -> None:
    source = "assert f(1)\n### BEGIN HIDDEN TESTS\nassert f(2)\n### END HIDDEN TESTS\nx = 1"
    assert stripped(source, solution=False) == "assert f(1)\nx = 1"


def test_outputs_go() -> None:
    cell = new_code_cell("1", outputs=[new_output("stream", text="1")], execution_count=3)
    (only,) = without_solutions(new_notebook(cells=[cell])).cells
    assert (only.outputs, only.execution_count) == ([], None)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("### BEGIN SOLUTION\nx = 1", "BEGIN SOLUTION without an END"),
        ("x = 1\n### END SOLUTION", "END SOLUTION without a BEGIN"),
        ("### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION", "two BEGIN SOLUTION"),
        ("### BEGIN HIDDEN TESTS\nx = 1", "a hidden part that does not end"),
    ],
)
def test_a_marker_without_its_partner_is_told_by_cell(source: str, said: str) -> None:
    with pytest.raises(AssignmentError, match=rf"notebook.ipynb, cell 1 \(.*{said}"):
        stripped(source)
