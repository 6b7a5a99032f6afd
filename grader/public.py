"""The public part of an assignment, decided in the student's own process.

The same checks as in a sandbox, without a fence: for `grader check`, for `pytest` in a kit, and
for `grader.check("2.3")` in a notebook. A kit brings all of this along, so little is imported.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.checks.adapted import Adapted
from grader.checks.context import Catalogue, Context, Question
from grader.checks.declare import Check
from grader.checks.runner import run_checks
from grader.checks.seeds import Seeds
from grader.checks.verdict import Verdict
from grader.kernel.inside.definitions import define
from grader.kernel.local import LocalSubject


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a student may be asked and told.

    Attributes:
        name: of the assignment.
        questions: in the order of the sheet.
        checks: public ones only.
        catalogue: known mistakes; None where failures are not to be explained.
        data: folder that holds the training data by name; None where it is found otherwise.
    """

    name: str
    version: int
    questions: tuple[Question, ...]
    checks: tuple[Check, ...]
    catalogue: Catalogue | None = None
    data: Path | None = None

    def asked(self, label: str) -> tuple[Question, ...]:
        """The questions that the student knows as `2.3`, or by their id."""
        return tuple(q for q in self.questions if label in (q.id, q.sheet))


def decide(
    sheet: Sheet,
    namespace: Mapping[str, Any],
    cells: Sequence[Mapping[str, Any]] = (),
    questions: Sequence[Question] | None = None,
) -> Iterator[Verdict]:
    """Verdicts of the public checks, each as soon as it is known.

    Args:
        sheet: what is asked.
        namespace: the student's globals.
        cells: of the notebook, with their outputs.
        questions: only these; all where None.
    """
    known = {question.id: question for question in sheet.questions}
    seeds = Seeds(b"", sheet.name, sheet.version)
    sources = [str(cell["source"]) for cell in cells]

    def context(check: Check) -> Context:
        return Context(question=known[check.question], outputs=cells, seed=seeds.of(check.name))

    subject = LocalSubject(namespace, lambda: define(sources))
    adapted = Adapted(subject, sheet.questions)
    asked = sheet.questions if questions is None else questions
    return run_checks(sheet.checks, asked, adapted, context, sheet.catalogue)


@contextmanager
def data_in_view(folder: Path | None) -> Iterator[None]:
    """Tells the notebook where its training data are, unless the student has said so."""
    before = os.environ.get("GRADER_DATA")
    if folder is not None and before is None:
        os.environ["GRADER_DATA"] = str(folder)
    try:
        yield
    finally:
        if folder is not None and before is None:
            del os.environ["GRADER_DATA"]
