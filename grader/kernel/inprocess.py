"""A student's own notebook in this very process: no fence, for people who check themselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.pylabtools import select_figure_formats
from IPython.utils.capture import RichOutput, capture_output
from nbformat import NotebookNode
from traitlets.config import Config


@dataclass(frozen=True, slots=True)
class Ran:
    """A notebook after it has run.

    Attributes:
        namespace: its globals.
        cells: its code cells with their outputs, as plain dictionaries.
        errors: one line for each cell that raised.
    """

    namespace: dict[str, Any]
    cells: list[dict[str, Any]]
    errors: tuple[str, ...]


class _Shell(InteractiveShell):
    """A shell without a window system: figures are captured, never shown."""

    def enable_gui(self, gui: str | None = None) -> None:
        """`%matplotlib inline` asks for none."""


def run_here(notebook: NotebookNode, on_cell: Callable[[int, int], None]) -> Ran:
    """Executes every code cell; a cell that raises does not stop the rest."""
    # `display` looks for the one shell of the process; outside of it figures would be text.
    shell = _Shell.instance(config=Config(HistoryManager={"enabled": False}))
    try:
        shell.run_cell("%matplotlib inline")
        # The magic registers the format with the first shell of a process only.
        select_figure_formats(shell, {"png"})
        return _run(shell, notebook, on_cell)
    finally:
        _Shell.clear_instance()


def _run(
    shell: InteractiveShell, notebook: NotebookNode, on_cell: Callable[[int, int], None]
) -> Ran:
    cells, errors = [], []
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            outputs, error = _execute(shell, cell.source)
            cells.append(json.loads(json.dumps({**cell, "outputs": outputs})))
            if error is not None:
                errors.append(f"cell {index + 1} raised {type(error).__name__}: {error}")
        on_cell(index, len(notebook.cells))
    return Ran(shell.user_ns, cells, tuple(errors))


def _execute(shell: InteractiveShell, source: str) -> tuple[list[dict[str, Any]], Exception | None]:
    with capture_output() as captured:
        result = shell.run_cell(source)
    printed = {"output_type": "stream", "name": "stdout", "text": captured.stdout}
    return [printed, *map(_display, captured.outputs)], result.error_in_exec


def _display(output: RichOutput) -> dict[str, Any]:
    return {"output_type": "display_data", "data": dict(output.data), "metadata": {}}
