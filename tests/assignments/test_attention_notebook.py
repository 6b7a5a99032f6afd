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

FOLDER = Path(__file__).parents[2] / "assignments" / "attention"
SUBMISSIONS = FOLDER / "submissions"
ASSIGNMENT = load(FOLDER)
QUESTIONS = {question.id: question for question in ASSIGNMENT.questions}
NOTEBOOKS = [FOLDER / "notebook.ipynb", *sorted(SUBMISSIONS.glob("*/*.ipynb"))]


def code_cells(path: Path) -> list[Any]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def executed(path: Path) -> tuple[dict[str, Any], list[str]]:
    """The namespace that a notebook leaves behind on short sequences, and cells that drew."""
    matplotlib.use("Agg")
    namespace: dict[str, Any] = {"__name__": "__main__"}
    drew: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for cell in code_cells(path):

            def show(name: str = cell.id) -> None:
                drew.append(name)
                plt.close("all")

            patch.setattr(plt, "show", show)
            exec(compile(cell.source, str(cell.id), "exec"), namespace)
            if "parameters" in cell.metadata.get("tags", []):
                namespace["longest"] = 256
    return namespace, drew


@pytest.mark.parametrize("path", [NOTEBOOKS[0], SUBMISSIONS / "right" / "attention.ipynb"])
def test_right_notebooks_pass_every_check_and_draw(path: Path) -> None:
    namespace, drew = executed(path)
    subject = LocalSubject(namespace)
    wrong = {}
    for check in load_checks(FOLDER):
        if check.question == "cost":
            continue
        seed = Seeds(assignment="attention").of(check.name)
        context = Context(question=QUESTIONS[check.question], seed=seed)
        verdict = run_check(check, subject, context)
        if verdict.verdict is not Outcome.PASSED:
            wrong[check.name] = verdict.message or verdict.evidence
    assert not wrong
    assert drew == ["look", "cost", "table", "distance"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.parent.name)
def test_notebooks_are_valid_and_hold_no_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.grader.assignment == "attention"
    assert not any(cell.outputs or cell.execution_count for cell in code_cells(path))


def test_solutions_are_marked_and_the_parameters_are_tagged() -> None:
    cells = code_cells(FOLDER / "notebook.ipynb")
    for cell in cells:
        is_solution = cell.metadata.get("nbgrader", {}).get("solution", False)
        assert ("### BEGIN SOLUTION" in cell.source) == is_solution
        assert cell.source.count("### BEGIN SOLUTION") == cell.source.count("### END SOLUTION")
    tagged = [cell.source for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    assert re.findall(r"^(\w+) =", tagged[0], re.MULTILINE) == ["longest", "seed"]


def test_no_solution_is_left_in_a_submission() -> None:
    for path in NOTEBOOKS[1:]:
        assert "SOLUTION" not in path.read_text("utf-8")


def test_functions_and_figures_are_asked_of_cells_that_exist() -> None:
    cells = code_cells(NOTEBOOKS[0])
    names = {cell.metadata.get("nbgrader", {}).get("grade_id") for cell in cells}
    assert {q.figure.after for q in ASSIGNMENT.questions if q.figure is not None} <= names
    source = "\n".join(cell.source for cell in cells)
    for question in ASSIGNMENT.questions:
        if question.function is not None:
            assert f"def {question.function.name}(" in source


def test_every_submission_has_an_expectation() -> None:
    expected = tomllib.loads((SUBMISSIONS / "expected.toml").read_text("utf-8"))
    assert set(expected) == {path.parent.name for path in NOTEBOOKS[1:]}
    for row in expected.values():
        assert set(row["verdicts"]) == set(QUESTIONS)
