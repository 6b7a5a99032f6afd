"""`grader check`: the public checks on one's own notebook, in this process."""

from __future__ import annotations

import atexit
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from rich.console import Console
from rich.text import Text

from grader.assignment import load
from grader.authored import assignment_checks, catalogue_of
from grader.checks.verdict import Outcome, Verdict
from grader.data import find
from grader.errors import UsageError
from grader.kernel.inprocess import run_here
from grader.public import Sheet, data_in_view, decide
from grader.submission import assignment_of, read_notebook

_WIDTH = 72
_STYLES = {Outcome.PASSED: "green", Outcome.PARTIAL: "yellow", Outcome.MANUAL: "dim"}


def check_notebook(path: Path, assignment_name: str | None) -> list[Verdict]:
    """Executes the notebook here and decides every public check.

    Raises:
        UsageError: it does not say which assignment it is for.
        SubmissionError: it cannot be read.
    """
    notebook = read_notebook(path)
    named = assignment_name or assignment_of(notebook)
    if named is None:
        raise UsageError(f"{path} does not say what it is for: add --assignment NAME")
    sheet = public_sheet(named)
    console = Console(stderr=True)
    with console.status("running your notebook"), data_in_view(sheet.data):
        ran = run_here(notebook, lambda _index, _count: None)
    for error in ran.errors:
        console.print(Text(error, style="yellow"))
    return list(decide(sheet, ran.namespace, ran.cells))


def public_sheet(name_or_path: str) -> Sheet:
    """What students may know of an assignment that is installed here.

    Raises:
        UsageError: there is no such assignment.
        AssignmentError: it cannot be loaded.
    """
    assignment = load(name_or_path)
    return Sheet(
        name=assignment.name,
        version=assignment.version,
        questions=assignment.questions,
        checks=tuple(check for check in assignment_checks(assignment) if not check.hidden),
        catalogue=catalogue_of(assignment),
        data=_training_data(assignment.data.default),
    )


def print_verdicts(verdicts: Sequence[Verdict]) -> bool:
    """Prints a line per check and what to look at; true when nothing is wrong."""
    console = Console(highlight=False)
    for verdict in verdicts:
        line = Text(f"{verdict.question}: {verdict.title}")
        line.truncate(_WIDTH, overflow="ellipsis", pad=True)
        line.append(" ")
        line.append(verdict.verdict.value, style=_STYLES.get(verdict.verdict, "bold red"))
        console.print(line)
        if verdict.verdict not in (Outcome.PASSED, Outcome.MANUAL):
            names = f"  ({', '.join(verdict.mistakes)})" if verdict.mistakes else ""
            console.print(Text(f"  {verdict.message}{names}"))
    return all(v.verdict in (Outcome.PASSED, Outcome.MANUAL) for v in verdicts)


@cache
def _training_data(name: str) -> Path:
    """A folder with the training files as a sandbox has them, and nothing that is held out."""
    data = find(name)
    # Kept alive by the cache, and gone with this process.
    folder = _folders.enter_context(tempfile.TemporaryDirectory(prefix="grader-data-"))
    target = Path(folder) / data.name
    target.mkdir()
    for path in (data.train_images, data.train_labels):
        (target / path.name).symlink_to(path)
    return Path(folder)


_folders = ExitStack()
atexit.register(_folders.close)
