"""Budgets and checkpoints: what is graded without training, and what is said about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook
from safetensors.torch import save_file

from grader.assignment import Checkpoint
from grader.kernel.inside.budget import limit_steps
from grader.kernel.inside.checkpoint import load
from grader.kernel.training import Training, training_of, with_training
from grader.run import Listener, grade
from grader.settings import Settings
from grader.submission import Submission
from reports.provenance import facts

WEIGHTS = {"weight": torch.tensor([[2.0]]), "bias": torch.tensor([1.0])}


def cell(source: str, grade_id: str = "", *tags: str) -> Any:
    metadata = {"tags": list(tags)} | ({"nbgrader": {"grade_id": grade_id}} if grade_id else {})
    return new_code_cell(source, metadata=metadata)


TRAINING = """
import math
from torch import nn
def batches(data):
    return data.split(2)
class Net(nn.Linear):
    def __init__(self):
        super().__init__(1, 1)
model = Net()
raise RuntimeError("this trains for hours")
"""


def trains() -> Any:
    return new_notebook(cells=[cell("import torch"), cell(TRAINING, "training"), cell("x = 1")])


FROM_FILE = Training(None, "model.safetensors", ("training",), "Net")


def test_training_cells_keep_their_definitions_and_are_not_run() -> None:
    notebook = trains()
    changed = with_training(notebook, FROM_FILE)
    assert changed == {"checkpoint": "model.safetensors", "cells not run": "training"}
    _, kept, loading, after = notebook.cells
    for defined in ("import math", "def batches", "class Net"):
        assert defined in kept.source
    assert "raise" not in kept.source
    assert "model =" not in kept.source
    assert loading.source.endswith("model = _load_checkpoint(Net, 'model.safetensors')")
    assert after.source == "x = 1"


@pytest.mark.parametrize("magic", ["%%time\nmodel = train()", "def broken(:"])
def test_a_training_cell_that_is_no_plain_python_is_left_out(magic: str) -> None:
    notebook = new_notebook(cells=[cell(magic, "", "training")])
    with_training(notebook, FROM_FILE)
    assert notebook.cells[0].source == ""


@pytest.mark.parametrize("nbgrader", ["training", ["training"], {"grade_id": ["training"]}])
def test_metadata_of_any_form_name_no_training_cell(nbgrader: Any) -> None:
    odd = new_code_cell("x = 1", metadata={"nbgrader": nbgrader})
    notebook = new_notebook(cells=[odd, cell("y = 1", "training")])
    with_training(notebook, FROM_FILE)
    assert [each.source for each in notebook.cells[:2]] == ["x = 1", ""]


def test_a_checkpoint_that_has_no_place_is_said_not_to_be_used() -> None:
    notebook = new_notebook(cells=[cell("x = 1", "other")])
    changed = with_training(notebook, FROM_FILE)
    assert changed["checkpoint"] == "handed in, and not used"
    assert [c.source for c in notebook.cells] == ["x = 1"]


def test_nothing_is_changed_where_nothing_is_asked_for() -> None:
    notebook = trains()
    before = [each.source for each in notebook.cells]
    assert with_training(notebook, Training()) == {}
    assert [each.source for each in notebook.cells] == before


def test_a_budget_stands_before_everything_else() -> None:
    notebook = trains()
    assert with_training(notebook, Training(steps=40)) == {"optimizer steps": "40 at most"}
    assert notebook.cells[0].source.endswith("_limit_steps(40);")


@pytest.fixture
def limited() -> Iterator[Callable[[int], None]]:
    handles: list[Any] = []
    yield lambda most: handles.append(limit_steps(most))
    for handle in handles:
        handle.remove()


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "AdamW", "RMSprop"])
def test_steps_beyond_the_budget_change_no_weight(
    limited: Callable[[int], None], optimizer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    limited(3)
    weight = torch.nn.Parameter(torch.ones(2))
    made = getattr(torch.optim, optimizer)([weight], lr=0.1, weight_decay=0.1)
    seen = []
    for _ in range(6):
        made.zero_grad()
        (weight**2).sum().backward()  # type: ignore[no-untyped-call]  # torch's
        made.step()
        seen.append(weight.detach().clone())
    assert not torch.equal(seen[1], seen[2])
    assert all(torch.equal(seen[2], later) for later in seen[3:])
    assert capsys.readouterr().err.count("3 optimizer steps are the budget") == 1


def test_optimizers_share_the_budget(limited: Callable[[int], None]) -> None:
    limited(3)
    weights = [torch.nn.Parameter(torch.ones(1)) for _ in range(2)]
    optimizers = [torch.optim.SGD([weight], lr=0.25) for weight in weights]
    for _ in range(4):
        for weight, optimizer in zip(weights, optimizers, strict=True):
            optimizer.zero_grad()
            weight.sum().backward()  # type: ignore[no-untyped-call]  # torch's
            optimizer.step()
    assert [weight.item() for weight in weights] == [0.5, 0.75]


@pytest.mark.parametrize("kind", ["safetensors", "pt", "under a key"])
def test_a_checkpoint_is_loaded_from_either_format(kind: str, tmp_path: Path) -> None:
    path = tmp_path / ("model.safetensors" if kind == "safetensors" else "model.pt")
    if kind == "safetensors":
        save_file(WEIGHTS, path)
    else:
        torch.save({"state_dict": WEIGHTS, "epoch": 80} if kind == "under a key" else WEIGHTS, path)
    model = load(lambda: torch.nn.Linear(1, 1), str(path))
    assert model(torch.tensor([3.0])).item() == 7


class Harmful:
    def __reduce__(self) -> Any:
        return print, ("run by a pickle",)


def test_a_checkpoint_that_holds_code_is_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"weight": Harmful()}, tmp_path / "model.pt")
    with pytest.raises(Exception, match=r"(?i)weights.only"):
        load(lambda: torch.nn.Linear(1, 1), str(tmp_path / "model.pt"))
    assert capsys.readouterr().out == ""


def test_the_state_of_another_model_is_refused(tmp_path: Path) -> None:
    save_file(WEIGHTS, tmp_path / "model.safetensors")
    with pytest.raises(RuntimeError, match="size mismatch"):
        load(lambda: torch.nn.Linear(2, 1), str(tmp_path / "model.safetensors"))


WANTED = Checkpoint(instead_of=("training",), model="Net")


def test_the_first_file_of_the_sheet_is_taken_and_no_link(tmp_path: Path, sums: Path) -> None:
    sheet = load_sheet(sums)
    assert training_of(tmp_path, sheet).checkpoint == ""
    (tmp_path / "model.pt").write_bytes(b"x")
    assert training_of(tmp_path, sheet).checkpoint == "model.pt"
    (tmp_path / "model.safetensors").symlink_to(tmp_path / "model.pt")
    assert training_of(tmp_path, sheet).checkpoint == "model.pt"
    assert training_of(None, sheet).checkpoint == ""


def load_sheet(folder: Path) -> Any:
    from grader.assignment import load as load_assignment

    return load_assignment(folder).model_copy(
        update={"checkpoint": WANTED, "optimizer_steps": 4, "parameters": {"epochs": 1}}
    )


ANSWERS = "def one():\n    return model.bias.item()\ndef two():\n    return model.weight.item()"


def test_a_handed_in_checkpoint_is_graded_and_the_report_says_so(
    tmp_path: Path, settings: Settings
) -> None:
    own = tmp_path / "ann"
    own.mkdir()
    notebook = trains()
    notebook.cells.append(cell(ANSWERS))
    nbformat.write(notebook, own / "sums.ipynb")
    save_file(WEIGHTS, own / "model.safetensors")
    sheet = load_sheet(settings.assignment.folder)
    submission = Submission("ann", "Ann", own / "sums.ipynb", folder=own, digest="d")
    listener = Listener(lambda *_: None, lambda _: None)
    result = grade(submission, replace(settings, assignment=sheet), 0, listener)
    assert (result.status, result.score) == ("graded", 3)
    (said,) = [f.text for f in facts(result, sheet) if f.name == "Changed for the run"]
    assert "checkpoint = model.safetensors" in said
    assert "cells not run = training" in said
    assert "not set = epochs: no cell of the notebook is tagged parameters" in said
