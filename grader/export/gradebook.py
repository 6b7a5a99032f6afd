"""What every export is made from: results, who is in the course, what lateness costs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from grader.assignment import Assignment
from grader.checks.verdict import Outcome, Verdict
from grader.effective import as_students_see
from grader.export.roster import Joined
from grader.late import final_score, kept_share
from grader.results import SubmissionResult


@dataclass(frozen=True, slots=True)
class Gradebook:
    """A run, ready to be written for another program.

    Attributes:
        results: one for each student.
        sentences: what to say about each known mistake, by id.
        roster: who is in the course; None where only those count who handed in.
    """

    assignment: Assignment
    results: Collection[SubmissionResult]
    sentences: Mapping[str, str]
    roster: Joined | None = None

    @property
    def max_score(self) -> float:
        """Points to be had."""
        return sum(question.points for question in self.assignment.questions)

    def score(self, result: SubmissionResult) -> str:
        """The final score as text; empty after a fault of ours, which is no zero."""
        if result.status == "infrastructure":
            return ""
        return f"{final_score(result, self.assignment.late):g}"

    def feedback(self, result: SubmissionResult) -> str:
        """What a student may read in a gradebook: a line per question, nothing hidden."""
        result = as_students_see(result)
        lines = [result.reason] if result.reason else []
        for question in self.assignment.questions:
            own = [v for v in result.verdicts if v.question == question.id]
            if own:
                earned = sum(verdict.points for verdict in own)
                label = f"{question.sheet} {question.title}".strip()
                waits = any(v.verdict is Outcome.MANUAL for v in own)
                points = "waits for a person" if waits else f"{earned:g} of {question.points:g}"
                lines.append(f"{label}: {points}.{self._told(own)}")
        share = kept_share(result, self.assignment.late)
        if share < 1:
            lines.append(f"Handed in late: {100 * (1 - share):g} % of the points are taken off.")
        return "\n".join(lines)

    def _told(self, verdicts: Sequence[Verdict]) -> str:
        told = dict.fromkeys(self._open(verdicts))
        return "".join(f" {sentence}" for sentence in told)

    def _open(self, verdicts: Sequence[Verdict]) -> Iterator[str]:
        """Names of mistakes, what public checks and people say; hidden checks say nothing more."""
        for verdict in verdicts:
            if verdict.by:
                yield from filter(None, [verdict.message])
                continue
            if verdict.verdict in (Outcome.PASSED, Outcome.MANUAL):
                continue
            if verdict.mistakes:
                yield from (self.sentences.get(m, m) for m in verdict.mistakes)
            elif not verdict.hidden and verdict.message:
                yield verdict.message
