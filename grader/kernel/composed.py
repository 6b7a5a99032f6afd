"""What is executed for a submission: its notebook, and a cell for each of its modules."""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from grader.kernel.job import Job
from grader.kernel.training import with_training
from grader.submission.defined import module_text
from grader.submission.names import printable
from grader.submission.notebook import read_notebook


def compose(job: Job) -> tuple[NotebookNode, dict[str, Any]]:
    """The notebook to execute, and what was overridden or left out in it.

    Modules come behind the notebook, which imports them itself where it needs them earlier.

    Raises:
        SubmissionError: the notebook or a module cannot be read.
    """
    notebook = read_notebook(job.notebook) if job.notebook else new_notebook()
    overridden = with_parameters(notebook, job.parameters)
    if job.parameters and not overridden and notebook.cells:
        names = ", ".join(job.parameters)
        overridden["not set"] = f"{names}: no cell of the notebook is tagged parameters"
    overridden |= with_training(notebook, job.training)
    for number, (name, path) in enumerate(job.modules):
        # The loader is in grader.kernel.inside.modules.
        source = f"%%module {printable(name)}\n{module_text(path)}"
        notebook.cells.append(new_code_cell(source, id=f"grader-module-{number}"))
    return notebook, overridden


def with_parameters(notebook: NotebookNode, values: dict[str, Any]) -> dict[str, Any]:
    """Injects assignments behind the cell tagged `parameters`, as papermill does.

    Returns:
        What was overridden; empty when no cell carries the tag.
    """
    for index, cell in enumerate(notebook.cells):
        if values and "parameters" in cell.metadata.get("tags", []):
            source = "\n".join(f"{name} = {value!r}" for name, value in values.items())
            injected = NotebookNode(
                cell_type="code",
                id="grader-parameters",
                metadata={"tags": ["injected-parameters"]},
                source=f"# set by the grader\n{source}",
                outputs=[],
                execution_count=None,
            )
            notebook.cells.insert(index + 1, injected)
            return dict(values)
    return {}
