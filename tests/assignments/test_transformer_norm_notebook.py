from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest

from grader.assignment import load
from grader.checks.context import Context
from grader.checks.loading import load_checks
from grader.checks.runner import run_check
from grader.checks.seeds import Seeds
from grader.checks.verdict import Outcome
from grader.data import find
from grader.kernel.local import LocalSubject

FOLDER = Path(__file__).parents[2] / "assignments" / "transformer_norm"
SUBMISSIONS = FOLDER / "submissions"
ASSIGNMENT = load(FOLDER)
QUESTIONS = {question.id: question for question in ASSIGNMENT.questions}
NOTEBOOKS = [FOLDER / "notebook.ipynb", *sorted(SUBMISSIONS.glob("*/*.ipynb"))]


def code_cells(path: Path) -> list[Any]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The namespace that the instructor's notebook leaves behind after one shallow epoch."""
    matplotlib.use("Agg")
    data = tmp_path_factory.mktemp("data")
    (data / "digits").symlink_to(find("digits").train_images.parent)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADER_DATA", str(data))
        patch.setattr(plt, "show", plt.close)
        for cell in code_cells(FOLDER / "notebook.ipynb"):
            exec(compile(cell.source, str(cell.id), "exec"), namespace)
            if "parameters" in cell.metadata.get("tags", []):
                namespace |= {"epochs": 1, "depths": (1, 2)}
    return namespace


def test_the_instructors_notebook_passes_every_check(trained: dict[str, Any]) -> None:
    wrong = {}
    for check in load_checks(FOLDER):
        if check.question == "curves":
            continue
        seed = Seeds(assignment="transformer_norm").of(check.name)
        context = Context(question=QUESTIONS[check.question], seed=seed)
        verdict = run_check(check, LocalSubject(trained), context)
        if verdict.verdict is not Outcome.PASSED:
            wrong[check.name] = verdict.message or verdict.evidence
    assert not wrong


def test_the_model_learns(trained: dict[str, Any]) -> None:
    losses, gradients = trained["losses"], trained["gradients"]
    assert len(losses) == len(gradients) == -(-len(trained["images"]) // 64)
    assert np.mean(losses[-5:]) < np.mean(losses[:5])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.parent.name)
def test_notebooks_are_valid_and_hold_no_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.grader.assignment == "transformer_norm"
    assert not any(cell.outputs or cell.execution_count for cell in code_cells(path))


def test_solutions_are_marked_and_the_parameters_are_tagged() -> None:
    cells = code_cells(FOLDER / "notebook.ipynb")
    for cell in cells:
        is_solution = cell.metadata.get("nbgrader", {}).get("solution", False)
        assert ("### BEGIN SOLUTION" in cell.source) == is_solution
        assert cell.source.count("### BEGIN SOLUTION") == cell.source.count("### END SOLUTION")
    tagged = [cell.source for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    assert re.findall(r"^(\w+) =", tagged[0], re.MULTILINE) == ["depths", "epochs", "seed"]


def test_no_solution_is_left_in_a_submission() -> None:
    for path in NOTEBOOKS[1:]:
        assert "SOLUTION" not in path.read_text("utf-8")


def test_figures_are_asked_of_cells_that_exist() -> None:
    names = {cell.metadata.get("nbgrader", {}).get("grade_id") for cell in code_cells(NOTEBOOKS[0])}
    wanted = {q.figure.after for q in ASSIGNMENT.questions if q.figure is not None}
    assert wanted <= names


def test_every_submission_has_an_expectation() -> None:
    expected = tomllib.loads((SUBMISSIONS / "expected.toml").read_text("utf-8"))
    assert set(expected) == {path.parent.name for path in NOTEBOOKS[1:]}
    for row in expected.values():
        assert set(row["verdicts"]) == set(QUESTIONS)
