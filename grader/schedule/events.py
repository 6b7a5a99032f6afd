"""What the scheduler hears while submissions run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from grader.checks.verdict import Verdict
from grader.results import SubmissionResult


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker has loaded the assignment; `sentences` is what it says of known mistakes, by id."""

    sentences: dict[str, str]


@dataclass(frozen=True, slots=True)
class Unfit:
    """The assignment or the installation cannot be used; nothing can be graded."""

    reason: str


@dataclass(frozen=True, slots=True)
class Started:
    """A submission began to run."""

    student_id: str


@dataclass(frozen=True, slots=True)
class Progress:
    """A cell of its notebook has run."""

    student_id: str
    cell: int
    cells: int


@dataclass(frozen=True, slots=True)
class Landed:
    """One of its verdicts is known."""

    student_id: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Finished:
    """Its grade is known."""

    student_id: str
    result: SubmissionResult


@dataclass(frozen=True, slots=True)
class Failed:
    """Our side failed on it; it is tried again, or given up as `infrastructure`."""

    student_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Retried:
    """It failed on our side and is queued once more."""

    student_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Queued:
    """An array of tasks was handed to Slurm, or was found to be there already."""

    job: str
    tasks: int


Event: TypeAlias = (
    Ready | Unfit | Started | Progress | Landed | Finished | Failed | Retried | Queued
)
