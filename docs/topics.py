"""Writes docs/topics.md from the assignments themselves: `python docs/topics.py`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from grader.assignment import Assignment, Question, Signature, installed, load
from grader.authored import assignment_checks, catalogue_of
from grader.checks.context import Mistake
from grader.checks.declare import Check
from grader.dialect import dialects_of, in_dialect

PAGE = Path(__file__).with_name("topics.md")
_HEAD = """# Reference by topic

What each assignment asks, what decides a question, and which mistakes are known by name. Points are
those of the assignment's own sheet; a dialect asks the same under another course's names. Checks
marked *hidden* are not in the student's kit. The sentence that goes with a mistake stands in
`reference/mistakes/`; `grader audit NAME` shows which check catches it.

This page is written by `python docs/topics.py`, and a test holds it against the assignments.
"""


def text() -> str:
    """The whole page."""
    assignments = [load(name) for name in sorted(installed())]
    contents = [f"- [{a.title}](#{a.name}) (`{a.name}`)" for a in assignments]
    return "\n".join([_HEAD, *contents, *(line for a in assignments for line in _assignment(a))])


def _assignment(assignment: Assignment) -> Iterator[str]:
    checks, catalogue = assignment_checks(assignment), catalogue_of(assignment)
    mistakes = catalogue.mistakes if catalogue else ()
    total = sum(question.points for question in assignment.questions)
    yield f'\n## <a id="{assignment.name}"></a>{assignment.title}\n'
    yield (
        f"`{assignment.name}`: {len(assignment.questions)} questions, {total:g} points, "
        f"{len(mistakes)} known mistakes. [About it](../assignments/{assignment.name}/README.md), "
        f"[sheet](../assignments/{assignment.name}/assignment.toml), "
        f"[notebook](../assignments/{assignment.name}/notebook.ipynb)."
    )
    for question in assignment.questions:
        yield from _question(question, checks, mistakes)
    yield from _dialects(assignment)


def _question(
    question: Question, checks: Sequence[Check], mistakes: Sequence[Mistake]
) -> Iterator[str]:
    worth = "1 point" if question.points == 1 else f"{question.points:g} points"
    title = f"{question.sheet} {question.title}".strip()
    yield f"\n### {title} ({worth})\n"
    if question.function:
        names = " or ".join(map(_signature, (question.function, *question.also)))
        yield f"- asks for {names}"
    for check in checks:
        if check.question == question.id:
            yield f"- decided by: {check.title}{' *(hidden)*' if check.hidden else ''}"
    if question.manual:
        yield "- read by a person, by the rubric in the sheet"
    if known := _known(question, mistakes):
        yield f"- known mistakes: {', '.join(known)}"


def _known(question: Question, mistakes: Sequence[Mistake]) -> list[str]:
    asked = question.checked_as or question.function
    return [f"`{m.id}`" for m in mistakes if asked and m.function == asked.name]


def _signature(signature: Signature) -> str:
    return f"`{signature.name}({', '.join(signature.arguments)})`"


def _dialects(assignment: Assignment) -> Iterator[str]:
    for name in dialects_of(assignment):
        dialect = in_dialect(assignment, name)
        own = {question.id for question in assignment.questions}
        shared = sum(question.id in own for question in dialect.questions)
        names = ", ".join(f"`{q.function.name}`" for q in dialect.questions if q.function)
        yield (
            f"\n**Dialect `{name}`**, {dialect.title}: {len(dialect.questions)} questions, "
            f"{shared} of them shared with the assignment, under these names: {names}."
        )


if __name__ == "__main__":
    PAGE.write_text(f"{text()}\n", "utf-8")
    sys.stdout.write(f"{PAGE} is up to date\n")
