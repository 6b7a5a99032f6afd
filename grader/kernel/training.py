"""What is changed about a notebook's training: a budget of steps, a checkpoint in its place."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from grader.assignment import Assignment

_DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
_BUDGET = (
    "from grader.kernel.inside.budget import limit_steps as _limit_steps\n_limit_steps({steps});"
)
_MEMORY = (
    "from grader.kernel.inside.budget import limit_gpu_memory as _limit_gpu_memory\n"
    "_limit_gpu_memory({share})"
)
_CHECKPOINT = (
    "# set by the grader: the checkpoint that was handed in, and no training\n"
    "from grader.kernel.inside.checkpoint import load as _load_checkpoint\n"
    "{name} = _load_checkpoint({model}, {path!r})"
)


@dataclass(frozen=True, slots=True)
class Training:
    """What is done about the training of one notebook.

    Attributes:
        gpu_share: of its GPU's memory, for torch's allocator; None without a GPU.
        steps: of all optimizers together that may change a weight; None for as many as it takes.
        checkpoint: file of the hand-in, by its path inside of it; empty where the notebook trains.
        instead_of: grade_ids and tags of the cells that are then not run, but for definitions.
        model: class of the model, made without arguments.
        name: of the variable that holds it.
    """

    steps: int | None = None
    checkpoint: str = ""
    instead_of: tuple[str, ...] = ()
    model: str = ""
    name: str = "model"
    gpu_share: float | None = None


def training_of(folder: Path | None, sheet: Assignment) -> Training:
    """The sheet's budget, and the checkpoint in a hand-in's folder, if one may be and one is."""
    wanted = sheet.checkpoint
    if wanted is None or folder is None:
        return Training(sheet.optimizer_steps)
    found = (folder / name for name in wanted.files)
    checkpoint = next((path.name for path in found if path.is_file() and not path.is_symlink()), "")
    return Training(sheet.optimizer_steps, checkpoint, wanted.instead_of, wanted.model, wanted.name)


def with_training(notebook: NotebookNode, training: Training) -> dict[str, Any]:
    """Changes the notebook, and says what was changed."""
    changed: dict[str, Any] = {}
    if training.checkpoint:
        skipped = _load_instead(notebook, training)
        changed["checkpoint"] = training.checkpoint if skipped else "handed in, and not used"
        changed["cells not run"] = ", ".join(skipped) or "none: no cell has the name of the sheet"
    elif training.steps is not None:
        source = _BUDGET.format(steps=training.steps)
        notebook.cells.insert(0, new_code_cell(source, id="grader-budget"))
        changed["optimizer steps"] = f"{training.steps} at most"
    if training.gpu_share is not None:
        source = _MEMORY.format(share=training.gpu_share)
        notebook.cells.insert(0, new_code_cell(source, id="grader-gpu-memory"))
        changed["GPU memory"] = f"{training.gpu_share:.0%} of one GPU"
    return changed


def _load_instead(notebook: NotebookNode, training: Training) -> list[str]:
    """Leaves of the training cells what they define, and loads behind the last of them."""
    places = {
        index: name
        for index, cell in enumerate(notebook.cells)
        for name in training.instead_of
        if cell.cell_type == "code" and name in _names(cell)
    }
    for index in places:
        notebook.cells[index].source = _definitions(notebook.cells[index].source)
    if places:
        source = _CHECKPOINT.format(
            name=training.name, model=training.model, path=training.checkpoint
        )
        cell = new_code_cell(source, id="grader-checkpoint")
        notebook.cells.insert(max(places) + 1, cell)
    return list(dict.fromkeys(places.values()))


def _definitions(source: str) -> str:
    """Imports, functions and classes; nothing where the cell is no plain Python."""
    try:
        statements = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    return "\n".join(ast.unparse(s) for s in statements if isinstance(s, _DEFINITIONS))


def _names(cell: NotebookNode) -> list[Any]:
    # A notebook may hold anything under another program's name.
    nbgrader = cell.metadata.get("nbgrader")
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    return [grade_id, *cell.metadata.get("tags", [])]
