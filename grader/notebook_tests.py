"""A notebook as a file of tests: every public check is one, and says what to look at."""

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
from grader.kit import installed_sheet, read_kit
from grader.public import Sheet, data_in_view, decide


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
        earned = sum(verdict.points for verdict in decided)
        possible = sum(check.points for check in self.sheet.checks)
        self.config.pluginmanager.register(_Summary(earned, possible))
        return {verdict.check: verdict for verdict in decided}


class _Summary:
    def __init__(self, earned: float, possible: float) -> None:
        self._says = (
            f"{earned:g} of {possible:g} points of the public checks; others are decided when it "
            "is graded, some of them by a person."
        )

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        terminalreporter.write_line(self._says)


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
