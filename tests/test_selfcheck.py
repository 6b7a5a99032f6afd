from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from typer.testing import CliRunner

from grader.checks.verdict import Outcome
from grader.cli import app
from grader.errors import UsageError
from grader.kernel.inprocess import run_here
from grader.selfcheck import check_notebook
from grader.skeleton import make


@pytest.fixture
def topic(tmp_path: Path) -> Path:
    return make(tmp_path / "my_topic")


def test_public_checks_are_decided_and_hidden_ones_are_not_there(topic: Path) -> None:
    verdicts = check_notebook(topic / "notebook.ipynb", str(topic))
    outcomes = {verdict.check: verdict.verdict for verdict in verdicts}
    assert outcomes == {"is_the_log_of_the_mean": Outcome.PASSED, "prose": Outcome.MANUAL}


def test_a_wrong_notebook_is_told_what_is_wrong_and_how_it_is_called(topic: Path) -> None:
    notebook = topic / "submissions/mean-of-logs/notebook.ipynb"
    result = CliRunner().invoke(app, ["check", str(notebook), "--assignment", str(topic)])
    assert result.exit_code == 1
    assert "log-mean-exp/mean-of-logs" in result.stdout
    assert "your log_mean_exp returned [0.5]" in " ".join(result.stdout.split())


def test_a_notebook_that_names_no_assignment_says_what_to_type(tmp_path: Path) -> None:
    nbformat.write(new_notebook(), tmp_path / "a.ipynb")
    with pytest.raises(UsageError, match="--assignment NAME"):
        check_notebook(tmp_path / "a.ipynb", None)


def test_the_training_data_are_shown_only_while_the_notebook_runs(
    topic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GRADER_DATA", raising=False)
    path = topic / "data.ipynb"
    source = "import os\nseen = sorted(os.listdir(os.environ['GRADER_DATA'] + '/digits'))"
    body = """import math
def log_mean_exp(values):
        assert len(seen) == 2 and all("train" in name for name in seen), seen
        return values.logsumexp(-1) - math.log(values.shape[-1])"""
    nbformat.write(new_notebook(cells=[new_code_cell(source), new_code_cell(body)]), path)
    verdicts = check_notebook(path, str(topic))
    assert verdicts[0].verdict is Outcome.PASSED
    assert "GRADER_DATA" not in os.environ


def test_a_cell_that_raises_does_not_stop_the_rest() -> None:
    cells = [new_code_cell("1 / 0"), new_code_cell("answer = 42")]
    ran = run_here(new_notebook(cells=cells), lambda _index, _count: None)
    assert ran.namespace["answer"] == 42
    assert ran.errors == ("cell 1 raised ZeroDivisionError: division by zero",)


def test_prints_and_figures_are_kept_as_outputs() -> None:
    source = "print('hello')\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
    ran = run_here(new_notebook(cells=[new_code_cell(source)]), lambda _index, _count: None)
    (cell,) = ran.cells
    assert cell["outputs"][0]["text"] == "hello\n"
    assert any("image/png" in output.get("data", {}) for output in cell["outputs"])
