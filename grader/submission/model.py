"""One student's hand-in, as found on disk and before anything of it has run."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Submission:
    """The latest hand-in of one student or group.

    Attributes:
        student_id: the platform's id, unique within a run.
        name: as the platform writes it; the id where it gives none.
        notebook: the file that is graded; None when `problem` says why there is none.
        modules: Python files handed in beside or instead of the notebook.
        folder: everything of this hand-in, made visible to its own notebook; None for one file.
        submitted_at: with a timezone, where the platform gives it.
        late: as the platform marks it.
        earlier: older hand-ins of the same student, kept and not graded.
        digest: SHA-256 over names and contents; the same digest is not run twice.
        problem: one sentence for the TA when nothing can be run.
    """

    student_id: str
    name: str
    notebook: Path | None = None
    modules: tuple[Path, ...] = ()
    folder: Path | None = None
    submitted_at: datetime | None = None
    late: bool = False
    earlier: tuple[Path, ...] = ()
    digest: str = ""
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Discovery:
    """What a path turned out to be.

    Attributes:
        layout: canvas, moodle, gradescope, github, nbgrader or plain.
        submissions: one per student, ordered by id.
        notes: what a TA should know, one sentence each (files passed over, resubmissions).
    """

    layout: str
    submissions: tuple[Submission, ...]
    notes: tuple[str, ...] = field(default_factory=tuple)
