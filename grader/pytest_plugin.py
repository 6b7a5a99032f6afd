"""`pytest` for students: every public check of a notebook is a test that says what to look at.

In a kit it needs no option; elsewhere `pytest --grader vae vae.ipynb` names the assignment.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import nbformat
import pytest

from grader.checks.declare import Check
from grader.checks.verdict import Outcome, Verdict
from grader.errors import GraderError
from grader.kernel.inprocess import run_here
from grader.kit import installed_sheet, is_kit, read_kit
from grader.public import Sheet, data_in_view, decide

_KEY = pytest.StashKey[dict[str, float]]()


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
    if parent.config.getoption("--grader") or is_kit(file_path.parent):
        made: pytest.File = NotebookFile.from_parent(parent, path=file_path)
        return made
    return None


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The points of the public checks, in one line."""
    points = config.stash.get(_KEY, None)
    if points is not None:
        terminalreporter.write_line(
            f"{points['earned']:g} of {points['possible']:g} points of the public checks; "
            "others are decided when it is graded, some of them by a person."
        )


class NotebookFile(pytest.File):
    """A notebook that is executed once, in this process, when its first check is due."""

    def collect(self) -> Iterator[pytest.Item]:
        """One item for each public check, in the order of the sheet."""
        for question in self.sheet.questions:
            for check in self.sheet.checks:
                if check.question == question.id:
                    name = f"{question.id}: {check.title}"
                    yield CheckItem.from_parent(self, name=name, check=check)

    @cached_property
    def sheet(self) -> Sheet:
        """What the notebook is asked."""
        name = self.config.getoption("--grader")
        try:
            return installed_sheet(name) if name else read_kit(self.path.parent)
        except GraderError as error:
            raise self.CollectError(str(error)) from error

    @cached_property
    def verdicts(self) -> dict[str, Verdict]:
        """By name of the check."""
        notebook = nbformat.read(self.path, as_version=4)
        with data_in_view(self.sheet.data):
            ran = run_here(notebook, lambda _index, _count: None)
        decided = list(decide(self.sheet, ran.namespace, ran.cells))
        self.config.stash[_KEY] = {
            "earned": sum(verdict.points for verdict in decided),
            "possible": sum(check.points for check in self.sheet.checks),
        }
        return {verdict.check: verdict for verdict in decided}


class CheckItem(pytest.Item):
    """One check of one notebook."""

    parent: NotebookFile

    def __init__(self, *, check: Check, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._check = check

    def runtest(self) -> None:
        """Passes where the check does.

        Raises:
            NotPassedError: it does not.
        """
        verdict = self.parent.verdicts[self._check.name]
        if verdict.verdict is not Outcome.PASSED:
            raise NotPassedError(verdict)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What the student reads: no traceback of ours."""
        if isinstance(excinfo.value, NotPassedError | GraderError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """The head of a failure."""
        return self.path, None, self.name


class NotPassedError(Exception):
    """A check that did not pass, with what to look at."""

    def __init__(self, verdict: Verdict) -> None:
        names = f"  ({', '.join(verdict.mistakes)})" if verdict.mistakes else ""
        super().__init__(f"{verdict.message or verdict.verdict.value}{names}")
