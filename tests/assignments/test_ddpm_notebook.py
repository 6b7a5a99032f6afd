"""The instructor's notebook runs, and its functions pass every check."""

from __future__ import annotations

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
from grader.data import find, held_out
from grader.kernel.local import LocalSubject

FOLDER = Path(__file__).parents[2] / "assignments" / "ddpm"
ASSIGNMENT = load(FOLDER)
QUESTIONS = {question.id: question for question in ASSIGNMENT.questions}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The namespace that the instructor's notebook leaves behind after one epoch."""
    matplotlib.use("Agg")
    data = tmp_path_factory.mktemp("data")
    (data / "digits").symlink_to(find("digits").train_images.parent)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADER_DATA", str(data))
        patch.setattr(plt, "show", plt.close)
        for cell in nbformat.read(FOLDER / "notebook.ipynb", as_version=4).cells:
            if cell.cell_type != "code":
                continue
            if cell.metadata.get("nbgrader", {}).get("grade_id") == "samples":
                continue  # a thousand steps, which no check asks for
            exec(compile(cell.source, str(cell.id), "exec"), namespace)
            if "parameters" in cell.metadata.get("tags", []):
                namespace["epochs"] = 1
    return namespace


def test_the_instructors_notebook_passes_every_check_of_its_functions(
    trained: dict[str, Any],
) -> None:
    wrong = {}
    for check in load_checks(FOLDER):
        if check.question in ("panels", "bpd-test"):
            continue
        context = Context(
            question=QUESTIONS[check.question], seed=Seeds(assignment="ddpm").of(check.name)
        )
        verdict = run_check(check, LocalSubject(trained), context)
        if verdict.verdict is not Outcome.PASSED:
            wrong[check.name] = verdict.message
    assert wrong == {}


def test_the_bound_of_one_epoch_is_measured_and_earns_little(trained: dict[str, Any]) -> None:
    (check,) = (check for check in load_checks(FOLDER) if check.question == "bpd-test")
    context = Context(
        question=QUESTIONS["bpd-test"],
        held_out=held_out(find("digits")),
        seed=Seeds(assignment="ddpm").of(check.name),
    )
    verdict = run_check(check, LocalSubject(trained), context)
    assert verdict.verdict in (Outcome.FAILED, Outcome.PARTIAL), verdict.message
    assert verdict.points < 0.75
    assert 5 < verdict.evidence["recomputed"]["bpd"][0] < 12
