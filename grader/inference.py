"""Which assignment a folder of notebooks is for."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from grader.assignment import Assignment, installed
from grader.errors import SubmissionError, UsageError
from grader.submission import Discovery, Submission, assignment_of, read_notebook
from grader.submission.names import printable

_READ_FOR_METADATA = 50


def inferred_assignment(discovery: Discovery, source: Path) -> str:
    """The assignment that most notebooks name in their metadata.

    The name is a student's word, and an assignment is code that runs unprotected. So it never
    leads to a folder of their choice: only to what is installed, and to the assignment whose own
    `submissions` are graded.
    """
    known = {name: str(folder) for name, folder in installed().items()}
    own = source.parent
    if source.name == "submissions" and (own / "assignment.toml").is_file():
        known[own.name] = str(own)
    votes = Counter(filter(None, map(_named, discovery.submissions[:_READ_FOR_METADATA])))
    for name, _ in votes.most_common():
        if name in known:
            return known[name]
    said = (
        f"name {printable(next(iter(votes)), 60)!r}, which is not installed"
        if votes
        else ("do not say in their metadata (grader.assignment) what they are for")
    )
    raise UsageError(
        f"the notebooks {said}: type --assignment and one of {', '.join(installed())}, or a "
        "folder with an assignment.toml"
    )


def only_of(discovery: Discovery, assignment: Assignment) -> Discovery:
    """Submissions of another assignment become rows that say so."""
    checked = []
    for submission in discovery.submissions:
        named = _named(submission)
        if named is not None and named != assignment.name:
            problem = f"the notebook is for assignment {named!r}, this run grades {assignment.name}"
            checked.append(replace(submission, notebook=None, problem=problem))
        else:
            checked.append(submission)
    return replace(discovery, submissions=tuple(checked))


def _named(submission: Submission) -> str | None:
    if submission.notebook is None:
        return None
    try:
        return assignment_of(read_notebook(submission.notebook))
    except SubmissionError:
        return None  # told when the submission itself is graded
