"""The foot of the student's page: what ran where, with which versions, for how long."""

from __future__ import annotations

from datetime import datetime

from grader.assignment import Assignment
from grader.results import SubmissionResult
from reports.check import Fact
from reports.typeset import counted, duration, fact, label, size

_TIERS = {
    "warm": "warm kernel in a nested sandbox, no network",
    "bwrap": "cold kernel in bubblewrap, no network",
    "container": "container, no network",
    "none": "none",
}


def facts(result: SubmissionResult, assignment: Assignment) -> tuple[Fact, ...]:
    """Name and value of everything known about the run; what is unknown is left out."""
    run = result.provenance
    packages = [f"{label(name, 40)} {label(v, 40)}" for name, v in list(run.packages.items())[:24]]
    changed = [f"{label(name, 40)} = {fact(v)}" for name, v in list(run.overridden.items())[:24]]
    fixed = [(label(name, 40), label(value, 40)) for name, value in list(run.fixed.items())[:24]]
    lines = [
        Fact("Isolation", _TIERS.get(run.isolation, label(run.isolation))),
        Fact("Device", label(run.device)),
        Fact("Versions", ", ".join([f"Python {label(run.python)}"] * bool(run.python) + packages)),
        Fact("Started", moment(run.started_at)),
        Fact("Took", _took(result)),
        Fact("Queued again", counted(run.restarts, "time") if run.restarts else ""),
        Fact("Peak memory", size(run.memory_bytes) if run.memory_bytes else ""),
        Fact("Held-out data", label(run.held_out, 200)),
        Fact("Fixed for the run", ", ".join(f"{name} {value}" for name, value in fixed)),
        Fact("Changed for the run", ", ".join(changed) or "nothing"),
        Fact("Assignment", f"{label(assignment.title, 200)}, version {assignment.version}"),
        Fact("Superseded", _superseded(result)),
        Fact("Lock", f"environments/{label(run.environment)}.txt" if run.environment else ""),
        Fact("Submission", label(result.digest)[:16], code=True),
        Fact("Checks", label(result.assignment_digest)[:16], code=True),
    ]
    return tuple(line for line in lines if line.text)


def moment(iso: str) -> str:
    """A time stamp as people write it, with its zone; the text itself where it is none."""
    try:
        when = datetime.fromisoformat(iso)
    except ValueError:
        return label(iso)
    return f"{when.day} {when:%B %Y, %H:%M} {when.tzname() or ''}".strip()


def _took(result: SubmissionResult) -> str:
    run = result.provenance
    if not run.wall_seconds:
        return ""
    notebook = f", of which the notebook {duration(run.execute_seconds)}"
    return duration(run.wall_seconds) + (notebook if run.execute_seconds else "")


def _superseded(result: SubmissionResult) -> str:
    if not result.earlier:
        return ""
    return f"{counted(len(result.earlier), 'earlier hand-in')} kept and not graded"
