from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import pytest
import torch

from grader.assignment import load
from grader.checks.context import Context
from grader.checks.loading import load_checks
from grader.checks.runner import run_check
from grader.checks.seeds import Seeds
from grader.checks.verdict import Outcome
from grader.kernel.local import LocalSubject

FOLDER = Path(__file__).parents[2] / "assignments" / "gan_backprop"
ASSIGNMENT = load(FOLDER)
QUESTIONS = {question.id: question for question in ASSIGNMENT.questions}
NOTEBOOKS = [FOLDER / "notebook.ipynb", *sorted(FOLDER.glob("submissions/*/*.ipynb"))]


def code_cells(path: Path) -> list[Any]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def trained() -> dict[str, Any]:
    """The namespace that the instructor's notebook leaves behind after a few rounds."""
    matplotlib.use("Agg")
    namespace: dict[str, Any] = {"__name__": "__main__"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plt, "show", plt.close)
        for cell in code_cells(FOLDER / "notebook.ipynb"):
            exec(compile(cell.source, str(cell.id), "exec"), namespace)
            if "parameters" in cell.metadata.get("tags", []):
                namespace["rounds"] = 300
    return namespace


@pytest.mark.parametrize("check", load_checks(FOLDER), ids=lambda check: check.name)
def test_the_instructors_notebook_passes(trained: dict[str, Any], check: Any) -> None:
    context = Context(
        question=QUESTIONS[check.question], seed=Seeds(assignment="gan_backprop").of(check.name)
    )
    verdict = run_check(check, LocalSubject(trained), context)
    assert verdict.verdict is Outcome.PASSED, verdict.message


def test_the_generator_moves_towards_the_curve(trained: dict[str, Any]) -> None:
    latents, real = torch.randn(500, 2), trained["real_points"](500)

    def spread(params: Any) -> float:
        made = trained["forward"](params, latents, "tanh")[1][-1]
        return float((made.std(dim=0) - real.std(dim=0)).abs().sum())

    (_, untrained, _), *_ = trained["snapshots"]
    assert spread(trained["generator"]) < spread(untrained)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.parent.name)
def test_notebooks_are_valid_and_hold_no_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.grader.assignment == "gan_backprop"
    assert not any(cell.outputs or cell.execution_count for cell in code_cells(path))


def test_solutions_are_marked_and_every_question_has_its_cell() -> None:
    cells = nbformat.read(NOTEBOOKS[0], as_version=4).cells
    named = {cell.metadata.nbgrader.grade_id: cell for cell in cells if "nbgrader" in cell.metadata}
    assert set(QUESTIONS) <= set(named)
    for name, cell in named.items():
        assert ("### BEGIN SOLUTION" in cell.source) == (name in QUESTIONS)
        assert cell.source.count("### BEGIN SOLUTION") == cell.source.count("### END SOLUTION")
    tagged = [cell.source for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    assert [re.findall(r"^(\w+) =", source, re.MULTILINE) for source in tagged] == [
        ["rounds", "seed"]
    ]


def test_every_submission_has_an_expectation_and_no_solution_markers() -> None:
    expected = tomllib.loads((FOLDER / "submissions" / "expected.toml").read_text("utf-8"))
    assert set(expected) == {path.parent.name for path in NOTEBOOKS[1:]}
    for row in expected.values():
        assert set(row["verdicts"]) == set(QUESTIONS)
    assert not any("SOLUTION" in path.read_text("utf-8") for path in NOTEBOOKS[1:])
