from __future__ import annotations

import json
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
from grader.data import find, held_out
from grader.kernel.inside.definitions import define
from grader.kernel.local import LocalSubject

FOLDER = Path(__file__).parents[2] / "assignments" / "vae"
SUBMISSIONS = FOLDER / "submissions"
ASSIGNMENT = load(FOLDER)
QUESTIONS = {question.id: question for question in ASSIGNMENT.questions}
NOTEBOOKS = [FOLDER / "notebook.ipynb", *sorted(SUBMISSIONS.glob("*/*.ipynb"))]


def code_cells(path: Path) -> list[Any]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The namespace that the instructor's notebook leaves behind after two epochs."""
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
                namespace["epochs"] = 2
    return namespace


def test_the_instructors_notebook_passes_every_check_but_the_threshold(
    trained: dict[str, Any],
) -> None:
    sources = [cell.source for cell in code_cells(FOLDER / "notebook.ipynb")]
    subject = LocalSubject(trained, lambda: define(sources))
    wrong = {}
    for check in load_checks(FOLDER):
        if check.question in ("samples", "bpd-test"):
            continue
        seed = Seeds(assignment="vae").of(check.name)
        context = Context(question=QUESTIONS[check.question], seed=seed)
        verdict = run_check(check, subject, context)
        if verdict.verdict is not Outcome.PASSED:
            wrong[check.name] = verdict.message or verdict.evidence
    assert not wrong


def test_the_recomputed_figure_agrees_with_the_students_own(trained: dict[str, Any]) -> None:
    sources = [cell.source for cell in code_cells(FOLDER / "notebook.ipynb")]
    subject = LocalSubject(trained, lambda: define(sources))
    (check,) = (check for check in load_checks(FOLDER) if check.question == "bpd-test")
    # The validation images stand in for held-out ones: the notebook has printed their figure.
    images = trained["validation"][:, 0].numpy().astype(np.uint8)
    context = Context(question=QUESTIONS["bpd-test"], held_out=images)
    verdict = run_check(check, subject, context)
    value, low, high = verdict.evidence["recomputed"]["bpd"]
    assert verdict.verdict is not Outcome.INFRASTRUCTURE
    assert low < value < high
    assert value == pytest.approx(trained["history"][-1], abs=0.1)


def test_held_out_images_have_the_shape_that_the_notebook_trains_on(
    trained: dict[str, Any],
) -> None:
    assert trained["images"].shape[2:] == held_out(find("digits")).shape[1:]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.parent.name)
def test_notebooks_are_valid_and_hold_no_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.grader.assignment == "vae"
    assert not any(cell.outputs or cell.execution_count for cell in code_cells(path))


def test_solutions_are_marked_and_the_parameters_are_tagged() -> None:
    cells = code_cells(FOLDER / "notebook.ipynb")
    for cell in cells:
        is_solution = cell.metadata.get("nbgrader", {}).get("solution", False)
        assert ("### BEGIN SOLUTION" in cell.source) == is_solution
        assert cell.source.count("### BEGIN SOLUTION") == cell.source.count("### END SOLUTION")
    tagged = [cell.source for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    assert re.findall(r"^(\w+) =", tagged[0], re.MULTILINE) == ["data_set", "epochs", "seed"]


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


def test_the_data_set_of_the_notebook_is_the_assignments_default() -> None:
    cells = json.dumps([cell.source for cell in code_cells(NOTEBOOKS[0])])
    assert f'data_set = \\"{ASSIGNMENT.data.default}\\"' in cells
