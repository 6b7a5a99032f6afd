"""How each outcome looks: a word, a tone, an icon and a glyph; colour never stands alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grader.checks.verdict import Outcome, Verdict


@dataclass(frozen=True, slots=True)
class Look:
    """An outcome as people see it.

    Attributes:
        word: what it is called.
        tone: name of its colour in the style sheet.
        icon: id of its symbol.
        glyph: one character, where an icon would be too much.
    """

    word: str
    tone: str
    icon: str
    glyph: str


UNGRADED = Look("Not graded", "quiet", "dash", "·")

LOOKS = {
    Outcome.PASSED: Look("Passed", "good", "check", "●"),
    Outcome.PARTIAL: Look("Partly right", "fair", "half", "◐"),
    Outcome.FAILED: Look("Failed", "bad", "cross", "○"),
    Outcome.ERROR: Look("Raised an error", "bad", "alert", "!"),
    Outcome.TIMEOUT: Look("Out of time", "bad", "clock", "t"),
    Outcome.MEMORY: Look("Out of memory", "bad", "chip", "m"),
    Outcome.MISSING: Look("Not attempted", "quiet", "dash", "–"),
    Outcome.SKIPPED: Look("Skipped", "quiet", "skip", "›"),
    Outcome.MANUAL: Look("Waits for a person", "wait", "person", "?"),
    Outcome.INFRASTRUCTURE: Look("To be run again", "ours", "wrench", "×"),
}

# Nothing is known of the points yet.
UNDECIDED = {Outcome.MANUAL, Outcome.INFRASTRUCTURE, None}

# What is said of a question whose checks ended differently and earned nothing.
_GRAVEST = (
    Outcome.MEMORY,
    Outcome.TIMEOUT,
    Outcome.ERROR,
    Outcome.FAILED,
    Outcome.PARTIAL,
    Outcome.MISSING,
    Outcome.SKIPPED,
    Outcome.PASSED,
)


def combined(verdicts: Sequence[Verdict]) -> Outcome | None:
    """The outcome of a question from those of its checks; None where no check ran."""
    outcomes = {verdict.verdict for verdict in verdicts}
    for decisive in (Outcome.INFRASTRUCTURE, Outcome.MANUAL):
        if decisive in outcomes:
            return decisive
    if len(outcomes) == 1:
        return outcomes.pop()
    if Outcome.PASSED in outcomes or any(verdict.points > 0 for verdict in verdicts):
        return Outcome.PARTIAL
    return next((outcome for outcome in _GRAVEST if outcome in outcomes), None)


def look(outcome: Outcome | None) -> Look:
    """The look of an outcome; of a question that nothing was said about, when None."""
    return UNGRADED if outcome is None else LOOKS[outcome]
