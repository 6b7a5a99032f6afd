"""`pytest` for students: every public check of a notebook is a test that says what to look at.

In a kit it needs no option; elsewhere `pytest --grader vae vae.ipynb` names the assignment. Every
run of pytest loads this wherever grader is installed, so nothing is imported before there is a
notebook to check.
"""

from __future__ import annotations

from pathlib import Path

import pytest

# Written by `grader release`; see grader.kit.
_KIT = "kit.json"


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--grader NAME`."""
    group = parser.getgroup("grader")
    group.addoption(
        "--grader",
        metavar="NAME",
        help="Check notebooks with the public checks of this assignment, by name or folder.",
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.File | None:
    """A notebook is a file of tests where it is known what it is for."""
    if file_path.suffix != ".ipynb" or ".ipynb_checkpoints" in file_path.parts:
        return None
    if not parent.config.getoption("--grader") and not (file_path.parent / _KIT).is_file():
        return None
    from grader.notebook_tests import NotebookFile

    made: pytest.File = NotebookFile.from_parent(parent, path=file_path)
    return made
