"""`grader check`: the public checks on one's own notebook, in this process."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.text import Text

from grader.assignment import load
from grader.authored import assignment_checks, catalogue_of
from grader.checks.adapted import Adapted
from grader.checks.context import Context
from grader.checks.declare import Check
from grader.checks.runner import run_checks
from grader.checks.seeds import Seeds
from grader.checks.verdict import Outcome, Verdict
from grader.data import find
from grader.errors import UsageError
from grader.kernel.inprocess import run_here
from grader.kernel.inside.definitions import define
from grader.kernel.local import LocalSubject
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
    assignment = load(named)
    console = Console(stderr=True)
    with console.status("running your notebook"), _training_data(assignment.data.default):
        ran = run_here(notebook, lambda _index, _count: None)
    for error in ran.errors:
        console.print(Text(error, style="yellow"))
    sources = [cell["source"] for cell in ran.cells]
    subject = LocalSubject(ran.namespace, lambda: define(sources))
    questions = {question.id: question for question in assignment.questions}
    seeds = Seeds(b"", assignment.name, assignment.version)

    def context(check: Check) -> Context:
        return Context(
            question=questions[check.question], outputs=ran.cells, seed=seeds.of(check.name)
        )

    public = [check for check in assignment_checks(assignment) if not check.hidden]
    adapted = Adapted(subject, assignment.questions)
    decided = run_checks(public, assignment.questions, adapted, context, catalogue_of(assignment))
    return list(decided)


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


@contextmanager
def _training_data(name: str) -> Iterator[None]:
    """Shows the notebook the training files as a sandbox would, and nothing that is held out."""
    data = find(name)
    with tempfile.TemporaryDirectory(prefix="grader-data-") as folder:
        target = Path(folder) / data.name
        target.mkdir()
        for path in (data.train_images, data.train_labels):
            (target / path.name).symlink_to(path)
        before = os.environ.get("GRADER_DATA")
        os.environ["GRADER_DATA"] = before or folder
        try:
            yield
        finally:
            if before is None:
                del os.environ["GRADER_DATA"]
