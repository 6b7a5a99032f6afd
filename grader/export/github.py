"""A GitHub step summary in Markdown, and the annotations that go with it.

Source: GitHub Docs, "Workflow commands": `::error title=...::message`, with %, CR and LF escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from grader.checks.verdict import Outcome, Verdict
from grader.export.gradebook import Gradebook
from grader.results import SubmissionResult

_SIGNS = {Outcome.PASSED: "✅", Outcome.PARTIAL: "🟡", Outcome.MANUAL: "✋", Outcome.MISSING: "⬜"}
_LEVELS = {Outcome.FAILED: "error", Outcome.PARTIAL: "warning", Outcome.MISSING: "notice"}
_QUIET = {Outcome.PASSED, Outcome.MANUAL, Outcome.SKIPPED}


def step_summary(book: Gradebook) -> str:
    """Markdown for `$GITHUB_STEP_SUMMARY`."""
    parts = [f"# {_cell(book.assignment.title)}"]
    for result in book.results:
        score = book.score(result) or "not graded"
        parts.append(f"## {_cell(result.name)}: {score} of {book.max_score:g}")
        if result.reason:
            parts.append(_cell(result.reason))
        rows = [_row(verdict) for verdict in result.verdicts]
        parts.append("\n".join(["| | check | points | |", "|---|---|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def workflow_commands(book: Gradebook) -> Iterator[str]:
    """A workflow command for every check that did not pass."""
    for result in book.results:
        for verdict in result.verdicts:
            if verdict.verdict not in _QUIET:
                level = _LEVELS.get(verdict.verdict, "error")
                title = _property(f"{verdict.question}: {verdict.title}")
                yield f"::{level} title={title}::{_escaped(_message(result, verdict))}"


def _row(verdict: Verdict) -> str:
    sign = _SIGNS.get(verdict.verdict, "❌")
    names = f" ({', '.join(verdict.mistakes)})" if verdict.mistakes else ""
    points = f"{verdict.points:g} / {verdict.max_points:g}"
    told = "" if verdict.verdict is Outcome.PASSED else f"{verdict.message}{names}"
    title = f"{verdict.question}: {verdict.title}"
    return f"| {sign} | {_cell(title)} | {points} | {_cell(told)} |"


def _message(result: SubmissionResult, verdict: Verdict) -> str:
    return f"{result.name}: {verdict.message or verdict.verdict.value}"


def _cell(text: str) -> str:
    """Text that Markdown and HTML take for text."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    escaped = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]()#+!|~@-])", r"\\\1", escaped)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
