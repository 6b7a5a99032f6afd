from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import pytest

from grader.assignment import load
from grader.checks.context import Context
from grader.checks.loading import load_checks
from grader.checks.runner import run_check
from grader.checks.seeds import Seeds
from grader.checks.verdict import Outcome
from grader.kernel.local import LocalSubject

FOLDER = Path(__file__).parents[2] / "assignments" / "samplers"
SUBMISSIONS = FOLDER / "submissions"
ASSIGNMENT = load(FOLDER)
QUESTIONS = {question.id: question for question in ASSIGNMENT.questions}
NOTEBOOKS = [FOLDER / "notebook.ipynb", *sorted(SUBMISSIONS.glob("*/*.ipynb"))]


def code_cells(path: Path) -> list[Any]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def finished() -> tuple[dict[str, Any], int]:
    """The namespace that a shortened run of the instructor's notebook leaves, and its figures."""
    matplotlib.use("Agg")
    namespace: dict[str, Any] = {"__name__": "__main__"}
    shown: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plt, "show", lambda: shown.append(plt.gcf().number) or plt.close())
        for cell in code_cells(FOLDER / "notebook.ipynb"):
            exec(compile(cell.source, str(cell.id), "exec"), namespace)
            if "parameters" in cell.metadata.get("tags", []):
                namespace |= {"points": 50, "most_steps": 40}
    return namespace, len(shown)


def test_the_instructors_notebook_passes_every_check(
    finished: tuple[dict[str, Any], int],
) -> None:
    subject = LocalSubject(finished[0])
    for check in load_checks(FOLDER):
        seed = Seeds(assignment="samplers").of(check.name)
        context = Context(question=QUESTIONS[check.question], seed=seed)
        verdict = run_check(check, subject, context)
        assert verdict.verdict is Outcome.PASSED, (check.name, verdict.message, verdict.evidence)


def test_the_notebook_draws_trajectories_and_errors(
    finished: tuple[dict[str, Any], int],
) -> None:
    assert finished[1] == 7
    # The figure's own data: errors of the last sampler, at 10, 20 and 40 steps.
    errors = finished[0]["errors"]
    assert len(errors) == 3
    assert 3 < errors[1] / errors[2] < 5


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.parent.name)
def test_notebooks_are_valid_and_hold_no_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.grader.assignment == "samplers"
    assert not any(cell.outputs or cell.execution_count for cell in code_cells(path))


def test_solutions_are_marked_and_the_parameters_are_tagged() -> None:
    cells = code_cells(FOLDER / "notebook.ipynb")
    for cell in cells:
        is_solution = cell.metadata.get("nbgrader", {}).get("solution", False)
        assert ("### BEGIN SOLUTION" in cell.source) == is_solution
        assert cell.source.count("### BEGIN SOLUTION") == cell.source.count("### END SOLUTION")
    tagged = [cell.source for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    assert re.findall(r"^(\w+) =", tagged[0], re.MULTILINE) == ["seed", "points", "most_steps"]


def test_every_question_has_a_cell_of_its_own() -> None:
    cells = nbformat.read(NOTEBOOKS[0], as_version=4).cells
    names = {cell.metadata.get("nbgrader", {}).get("grade_id") for cell in cells}
    assert set(QUESTIONS) <= names


def test_no_solution_is_left_in_a_submission() -> None:
    for path in NOTEBOOKS[1:]:
        assert "SOLUTION" not in path.read_text("utf-8")


def test_every_submission_has_an_expectation() -> None:
    expected = tomllib.loads((SUBMISSIONS / "expected.toml").read_text("utf-8"))
    assert set(expected) == {path.parent.name for path in NOTEBOOKS[1:]}
    for row in expected.values():
        assert set(row["verdicts"]) == set(QUESTIONS)
