"""What a run leaves behind for one submission; shared by the store, reports and exports."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from grader.checks.verdict import Outcome, Verdict

Status = Literal["graded", "timeout", "memory", "crashed", "unreadable", "infrastructure"]


@dataclass(frozen=True, slots=True)
class Provenance:
    """What ran where, with which versions, and what was changed for the run."""

    isolation: str = "none"
    device: str = "cpu"
    python: str = ""
    packages: dict[str, str] = field(default_factory=dict)
    started_at: str = ""  # ISO 8601, UTC
    wall_seconds: float = 0.0
    execute_seconds: float = 0.0
    memory_bytes: int = 0  # peak of the sandbox
    overridden: dict[str, Any] = field(default_factory=dict)
    fixed: dict[str, str] = field(default_factory=dict)  # variables that make it repeatable
    held_out: str = ""  # "digits/test (360 images)"
    data_set: str = ""
    environment: str = ""  # name of the lock under the run's `environments/`
    restarts: int = 0  # how often Slurm had queued its task again


@dataclass(frozen=True, slots=True)
class ClaimedCurve:
    """A learning curve as the notebook has it: shown, and scored only where a check says so.

    Attributes:
        epochs: 0 before any training.
        values: None where the notebook has no finite number.
        source: the variable or file that it was read from.
        unmet: what the assignment expects of it and it does not show, a sentence each.
    """

    epochs: tuple[int, ...]
    values: tuple[float | None, ...]
    source: str
    unmet: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SubmissionResult:
    """The grade of one submission.

    Attributes:
        status: graded, or why the notebook did not run to its end. `timeout`, `memory` and
            `crashed` are the student's and are graded as far as they got; `infrastructure` is
            ours and runs again.
        reason: one sentence when the status is not `graded`.
        printed: metrics that the notebook claims in its outputs, by name; shown, never scored.
        recomputed: the same metrics computed by the grader: value, low and high of the interval.
        curves: learning curves that the notebook kept, by metric.
        executed: file name of the executed notebook under the run's `notebooks/`, or "".
        digest: of the submission; with `assignment_digest` it decides whether to run again.
        earlier: file names of hand-ins that were superseded.
    """

    student_id: str
    name: str
    assignment: str
    status: Status
    verdicts: tuple[Verdict, ...] = ()
    reason: str = ""
    late: bool = False
    submitted_at: str = ""
    printed: dict[str, float] = field(default_factory=dict)
    recomputed: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    curves: dict[str, ClaimedCurve] = field(default_factory=dict)
    executed: str = ""
    digest: str = ""
    assignment_digest: str = ""
    earlier: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)

    @property
    def score(self) -> float:
        """Points earned so far; questions that wait for a person count nothing yet."""
        return sum(verdict.points for verdict in self.verdicts)

    @property
    def max_score(self) -> float:
        """Points to be had."""
        return sum(verdict.max_points for verdict in self.verdicts)

    @property
    def waiting(self) -> bool:
        """Whether a person still has to mark something."""
        return any(verdict.verdict is Outcome.MANUAL for verdict in self.verdicts)

    def to_json(self) -> dict[str, Any]:
        """The public row of `results.json`: the fields, and what is derived from them.

        After a fault of ours there is no score: a zero there would be believed.
        """
        # Verdicts are most of it: what makes them plain copies nothing.
        row = asdict(replace(self, verdicts=()))
        row["verdicts"] = [verdict.to_json() for verdict in self.verdicts]
        return row | {
            "score": None if self.status == "infrastructure" else self.score,
            "max_score": self.max_score,
            "isolation": self.provenance.isolation,
            "wall_seconds": self.provenance.wall_seconds,
        }

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> SubmissionResult:
        """The inverse of `to_json`; derived fields are computed anew."""
        derived = {"score", "max_score", "isolation", "wall_seconds"}
        kept = {key: value for key, value in row.items() if key not in derived}
        return cls(
            **{
                **kept,
                "verdicts": tuple(map(Verdict.from_json, row["verdicts"])),
                "recomputed": {k: (v[0], v[1], v[2]) for k, v in row["recomputed"].items()},
                "curves": {k: _curve(v) for k, v in row.get("curves", {}).items()},
                "earlier": tuple(row["earlier"]),
                "provenance": Provenance(**row["provenance"]),
            }
        )


def _curve(row: dict[str, Any]) -> ClaimedCurve:
    epochs, values, said = (tuple(row[key]) for key in ("epochs", "values", "unmet"))
    return ClaimedCurve(epochs, values, row["source"], said)
