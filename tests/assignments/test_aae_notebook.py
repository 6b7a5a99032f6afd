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
import torch

from assignments.aae.held_out_law import scaled
from grader.assignment import load
from grader.checks.context import Context
from grader.checks.declare import Check
from grader.checks.loading import load_checks
from grader.checks.runner import run_check
from grader.checks.seeds import Seeds
from grader.checks.verdict import Outcome, Verdict
from grader.data import find, held_out
from grader.kernel.inside.definitions import define
from grader.kernel.local import LocalSubject

FOLDER = Path(__file__).parents[2] / "assignments" / "aae"
ASSIGNMENT = load(FOLDER)
CHECKS = [check for check in load_checks(FOLDER) if check.question != "samples"]
QUESTIONS = {question.id: question for question in ASSIGNMENT.questions}
NOTEBOOKS = [FOLDER / "notebook.ipynb", *sorted(FOLDER.glob("submissions/*/*.ipynb"))]


def code_cells(path: Path) -> list[Any]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


SOURCES = [cell.source for cell in code_cells(NOTEBOOKS[0])]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The namespace that the instructor's notebook leaves behind after eight epochs."""
    matplotlib.use("Agg")
    data = tmp_path_factory.mktemp("data")
    (data / "digits").symlink_to(find("digits").train_images.parent)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADER_DATA", str(data))
        patch.setattr(plt, "show", plt.close)
        for cell in code_cells(NOTEBOOKS[0]):
            exec(compile(cell.source, str(cell.id), "exec"), namespace)
            if "parameters" in cell.metadata.get("tags", []):
                namespace["epochs"] = 8
    return namespace


def judged(check: Check, namespace: dict[str, Any]) -> Verdict:
    context = Context(
        question=QUESTIONS[check.question],
        seed=Seeds(assignment="aae").of(check.name),
        held_out=held_out(find("digits")),
    )
    return run_check(check, LocalSubject(namespace, lambda: define(SOURCES)), context)


def on_model(trained: dict[str, Any], question: str, **parts: Any) -> Verdict:
    """The verdict on the trained model with some of its parts replaced."""
    model = trained["AAE"]()
    model.load_state_dict(trained["model"].state_dict())
    for name, part in parts.items():
        setattr(model, name, part)
    (check,) = (check for check in CHECKS if check.question == question)
    return judged(check, trained | {"model": model})


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_the_instructors_notebook_passes(trained: dict[str, Any], check: Check) -> None:
    verdict = judged(check, trained)
    assert verdict.verdict is Outcome.PASSED, verdict.message


def test_held_out_images_are_scaled_as_the_notebook_scales_its_own(
    trained: dict[str, Any],
) -> None:
    images = scaled(held_out(find("digits")))
    training = trained["training"].numpy()
    assert images.shape[1:] == training.shape[1:]
    assert images.dtype == training.dtype
    assert set(np.unique(images)) <= set(np.unique(training))


class Shifted(torch.nn.Module):
    """An encoder whose latents lie somewhere else, or are of another size."""

    def __init__(self, encoder: torch.nn.Module, factor: float, shift: float) -> None:
        super().__init__()
        self.encoder, self.factor, self.shift = encoder, factor, shift

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        latents: torch.Tensor = self.factor * self.encoder(x) + self.shift
        return latents


@pytest.mark.parametrize(("factor", "shift"), [(0.0, 0.0), (3.0, 0.0), (1.0, 1.5)])
def test_latents_of_another_law_get_nothing(
    trained: dict[str, Any], factor: float, shift: float
) -> None:
    encoder = Shifted(trained["model"].encoder, factor, shift)
    verdict = on_model(trained, "law", encoder=encoder)
    assert verdict.verdict is Outcome.FAILED
    assert "energy distance" in verdict.message


def test_latents_a_little_off_get_a_share(trained: dict[str, Any]) -> None:
    encoder = Shifted(trained["model"].encoder, 1.0, 0.4)
    verdict = on_model(trained, "law", encoder=encoder)
    assert verdict.verdict is Outcome.PARTIAL
    assert 0 < verdict.points < 2


class Noise(torch.nn.Module):
    """An encoder that follows the prior and forgets the image."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.randn(len(x), 2, generator=torch.Generator().manual_seed(0))


def test_noise_follows_the_prior_but_brings_no_image_back(trained: dict[str, Any]) -> None:
    assert on_model(trained, "law", encoder=Noise()).verdict is Outcome.PASSED
    model = trained["AAE"]()
    model.encoder = Noise()
    (check,) = (check for check in CHECKS if check.question == "held-out")

    def rebuilt() -> dict[str, Any]:
        made = define(SOURCES)
        plain = made["AAE"]

        def noisy() -> Any:
            other = plain()
            other.encoder = Noise()
            return other

        return made | {"AAE": noisy}

    context = Context(question=QUESTIONS["held-out"], held_out=held_out(find("digits")))
    verdict = run_check(check, LocalSubject(trained | {"model": model}, rebuilt), context)
    assert verdict.verdict is Outcome.FAILED
    assert "squared error" in verdict.message


def test_latents_of_three_dimensions_are_told_apart(trained: dict[str, Any]) -> None:
    encoder = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3))
    verdict = on_model(trained, "law", encoder=encoder)
    assert "(360, 2) is expected" in verdict.message


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.parent.name)
def test_notebooks_are_valid_and_hold_no_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.grader.assignment == "aae"
    assert not any(cell.outputs or cell.execution_count for cell in code_cells(path))


def test_solutions_are_marked_and_the_parameters_are_tagged() -> None:
    for cell in code_cells(NOTEBOOKS[0]):
        is_solution = cell.metadata.get("nbgrader", {}).get("solution", False)
        assert ("### BEGIN SOLUTION" in cell.source) == is_solution
        assert cell.source.count("### BEGIN SOLUTION") == cell.source.count("### END SOLUTION")
    tagged = [
        cell.source
        for cell in code_cells(NOTEBOOKS[0])
        if "parameters" in cell.metadata.get("tags", [])
    ]
    assert len(tagged) == 1
    assert re.findall(r"^(\w+) =", tagged[0], re.MULTILINE) == ["data_set", "epochs", "seed"]
    assert f'data_set = "{ASSIGNMENT.data.default}"' in tagged[0]


def test_no_solution_is_left_in_a_submission() -> None:
    for path in NOTEBOOKS[1:]:
        assert "SOLUTION" not in path.read_text("utf-8")


def test_figures_are_asked_of_cells_that_exist() -> None:
    names = {cell.metadata.get("nbgrader", {}).get("grade_id") for cell in code_cells(NOTEBOOKS[0])}
    wanted = {q.figure.after for q in ASSIGNMENT.questions if q.figure is not None}
    assert wanted <= names


def test_every_submission_has_an_expectation() -> None:
    text = (FOLDER / "submissions" / "expected.toml").read_text("utf-8")
    expected = tomllib.loads(text)
    assert set(expected) == {path.parent.name for path in NOTEBOOKS[1:]}
    for row in expected.values():
        assert set(row["verdicts"]) == set(QUESTIONS)
