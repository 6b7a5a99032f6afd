"""Messages from a kernel that means harm, without a kernel."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from nbclient.exceptions import CellExecutionComplete
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grader.assignment import Limits
from grader.kernel.composed import with_parameters
from grader.kernel.execution import OUTPUT_NOTE, Execution


@pytest.fixture
def execution() -> Execution:
    notebook = new_notebook(cells=[new_code_cell("x", metadata={"execution": {}})])
    made = Execution(notebook, Limits(output="1 KiB"), lambda index, count: None)
    made.reset_execution_trackers()
    made.clear_before_next_output = False  # as at the start of every cell
    return made


def message(kind: str, **content: Any) -> dict[str, Any]:
    header = {"msg_type": kind, "date": datetime(2024, 1, 1, tzinfo=UTC)}
    return {"msg_type": kind, "header": header, "parent_header": {}, "content": content}


def printed(text: str) -> dict[str, Any]:
    return message("stream", name="stdout", text=text)


def test_outputs_are_taken_while_the_budget_lasts_and_then_cut_once(execution: Execution) -> None:
    cell = execution.nb.cells[0]
    for _ in range(40):
        execution.process_message(printed("x" * 70), cell, 0)
    texts = [output.text for output in cell.outputs]
    assert texts[-1] == OUTPUT_NOTE
    assert texts.count(OUTPUT_NOTE) == 1
    assert sum(text.count("x") for text in texts) <= 1024


def test_the_end_of_a_cell_is_heard_even_when_the_budget_is_spent(execution: Execution) -> None:
    cell = execution.nb.cells[0]
    execution.process_message(printed("x" * 2000), cell, 0)
    execution.process_message(printed("more"), cell, 0)
    with pytest.raises(CellExecutionComplete):
        execution.process_message(message("status", execution_state="idle"), cell, 0)


@pytest.mark.parametrize("kind", ["comm_open", "comm_msg", "comm_close"])
def test_widgets_cost_nothing(execution: Execution, kind: str) -> None:
    cell = execution.nb.cells[0]
    for _ in range(100):
        execution.process_message(message(kind, data="x" * 1000), cell, 0)
    execution.process_message(printed("still here"), cell, 0)
    assert cell.outputs[0].text == "still here"


@pytest.mark.parametrize(
    "forged",
    [
        {},
        {"msg_type": "stream"},
        message("stream"),
        message("display_data", data=3),
        message("error", traceback=None),
        message("execute_result", data={}, metadata=None),
        {"msg_type": ["stream"], "content": {}},
        {"msg_type": "status", "content": None},
    ],
)
def test_messages_of_a_strange_form_are_passed_over(execution: Execution, forged: Any) -> None:
    cell = execution.nb.cells[0]
    execution.process_message(forged, cell, 0)
    execution.process_message(printed("still here"), cell, 0)
    assert cell.outputs[-1].text == "still here"


def test_parameters_go_behind_their_cell_as_literals() -> None:
    tagged = new_code_cell("epochs = 10", metadata={"tags": ["parameters"]})
    notebook = new_notebook(cells=[new_markdown_cell("# T"), tagged, new_code_cell("x")])
    values = {"epochs": 2, "data_set": "it's\n"}
    assert with_parameters(notebook, values) == values
    namespace: dict[str, Any] = {}
    exec(notebook.cells[2].source, namespace)
    assert {name: namespace[name] for name in values} == values
    assert notebook.cells[3].source == "x"


@pytest.mark.parametrize("values", [{}, {"epochs": 2}])
def test_without_a_tagged_cell_or_values_nothing_is_overridden(values: dict[str, Any]) -> None:
    notebook = new_notebook(cells=[new_code_cell("x")])
    assert with_parameters(notebook, values) == {}
    assert len(notebook.cells) == 1
