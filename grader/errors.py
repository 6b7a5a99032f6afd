"""What can go wrong, by who has to act.

GraderError
├── UsageError            the person at the keyboard: a wrong path, a wrong option
├── SubjectError          the student's code: raised, returned the wrong kind, never came back
├── AssignmentError       the author: a TOML key, a check that cannot decide
├── SubmissionError       the file handed in: malformed, too large, not a notebook
└── InfrastructureError   the operator: no sandbox, a full disk, a worker that died
"""

from __future__ import annotations

from typing import Literal

SubjectFault = Literal["error", "missing", "timeout", "memory"]


class GraderError(Exception):
    """Base of every error that is reported as one sentence and no traceback."""


class UsageError(GraderError):
    """The command cannot be carried out as typed."""


class SubjectError(GraderError):
    """The student's code raised, returned something of the wrong kind, or never answered.

    Args:
        message: one sentence for the student; holds nothing that only the grader knows.
        fault: which verdict it becomes.
    """

    def __init__(self, message: str, fault: SubjectFault = "error") -> None:
        super().__init__(message)
        self.fault = fault


class AssignmentError(GraderError):
    """The assignment folder is wrong; the message names file, key and what to change."""


class SubmissionError(GraderError):
    """What was handed in cannot be read; the message says why."""


class InfrastructureError(GraderError):
    """Our fault, never the student's: costs no points and is tried again."""
