"""Python files in the place of a notebook, from the folder to the grade."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from grader import batch
from grader.batch import Options, run_batch
from grader.checks.verdict import Outcome
from grader.display import display_for
from grader.results import SubmissionResult

UTILS = """
import nowhere_to_be_found
from also_missing import progress

import numpy as np
from sibling import half


@progress
def one():
    return np.float64(2.0) * half


def two():
    return nowhere_to_be_found.two()


if __name__ == "__main__":
    raise SystemExit("this would train")
"""

DIALECT = """
title = "Pairs"
modules = ["utils.py"]

[[question]]
id = "one"
function = { name = "one" }

[[question]]
id = "two"
function = { name = "pair" }
"""


@pytest.fixture(
    params=[
        "none",
        pytest.param("warm", marks=pytest.mark.sandbox),
        pytest.param("bwrap", marks=pytest.mark.sandbox),
    ]
)
def graded(
    request: pytest.FixtureRequest,
    sums: Path,
    tmp_path: Path,
    library: Path,
    course_environment: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., SubmissionResult]:
    monkeypatch.setattr(batch, "stage_library", lambda _: library)
    (sums / "dialects").mkdir()
    (sums / "dialects" / "pairs.toml").write_text(DIALECT, "utf-8")

    def run(files: dict[str, str], dialect: str | None = None) -> SubmissionResult:
        folder = tmp_path / "class" / "kim"
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / name).write_text(text, "utf-8")
        from rich.console import Console

        options = Options(
            folder.parent, tmp_path / "out", str(sums), 1, isolation=request.param, dialect=dialect
        )
        outcome = run_batch(options, display_for(Console(quiet=True)))
        (result,) = outcome.results
        return result

    return run


def test_modules_are_graded_for_what_can_be_loaded(
    graded: Callable[..., SubmissionResult], tmp_path: Path
) -> None:
    result = graded({"utils.py": UTILS, "sibling.py": "half = 0.5"}, "none")
    one, two = result.verdicts
    assert (one.verdict, two.verdict) == (Outcome.PASSED, Outcome.ERROR)
    assert "nowhere_to_be_found.two is needed here" in two.message
    assert result.status == "graded"
    (cell,) = json.loads((tmp_path / "out/notebooks/kim.ipynb").read_text("utf-8"))["cells"]
    assert "def one()" in "".join(cell["source"])
    assert (tmp_path / "out/report/index.html").is_file()


def test_modules_in_a_dialect_are_called_by_its_names(
    graded: Callable[..., SubmissionResult],
) -> None:
    result = graded({"utils.py": "def pair():\n    return 2.0\n"})
    assert [v.verdict for v in result.verdicts] == [Outcome.MISSING, Outcome.PASSED]
