from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from grader.assignment import Assignment, load
from grader.checks.verdict import Outcome, Verdict
from grader.export.gradebook import Gradebook
from grader.export.roster import join
from grader.results import Status, SubmissionResult

HOSTILE = "=1+1 </td><script>alert(1)</script> | `x` ::error::\x1b[31m\x00"


def verdict(
    question: str, outcome: Outcome, points: float, message: str = "", **more: Any
) -> Verdict:
    title = f"{question} holds"
    return Verdict(question, f"{question}_check", outcome, points, 2, title, message, **more)


def result(
    student: str, name: str, *verdicts: Verdict, status: Status = "graded", submitted_at: str = ""
) -> SubmissionResult:
    return SubmissionResult(
        student,
        name,
        "sums",
        status,
        verdicts,
        submitted_at=submitted_at,  # type: ignore[arg-type]
    )


@pytest.fixture
def assignment(sums: Path) -> Assignment:
    return load(sums)


@pytest.fixture
def results() -> tuple[SubmissionResult, ...]:
    """One student for each way in which a submission can end."""
    return (
        result(
            "4417",
            "doejane",
            verdict("one", Outcome.PASSED, 1),
            verdict("two", Outcome.PARTIAL, 0.5, "Nearly.", mistakes=("two/half",)),
        ),
        result(
            "4418",
            "Ada Lovelace",
            verdict("one", Outcome.FAILED, 0, "Not one.", hidden=True),
            verdict("two", Outcome.MANUAL, 0, "Waits for a person."),
        ),
        result("4419", HOSTILE, verdict("one", Outcome.ERROR, 0, HOSTILE)),
        result("4420", "Grace", verdict("one", Outcome.INFRASTRUCTURE, 0), status="infrastructure"),
    )


@pytest.fixture
def book(assignment: Assignment, results: tuple[SubmissionResult, ...]) -> Gradebook:
    return Gradebook(assignment, results, {"two/half": "Half of it is missing."})


def on_roster(book: Gradebook, text: str) -> Gradebook:
    return Gradebook(
        book.assignment, book.results, book.sentences, join(text, "students.csv", book.results)
    )
