"""`grader.check("2.3")` in a notebook's cell: what the public checks say, as a small table."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from grader.checks.verdict import Outcome, Verdict
from grader.errors import UsageError
from grader.kit import installed_sheet, is_kit, read_kit
from grader.public import Sheet, decide

_SIGNS = {Outcome.PASSED: ("✓", "#1a7f37"), Outcome.PARTIAL: ("◐", "#9a6700")}
_FAILED = ("✗", "#cf222e")


class Card:
    """Verdicts that show themselves as text in a terminal and as a table in a notebook."""

    def __init__(self, verdicts: Sequence[Verdict]) -> None:
        self.verdicts = tuple(verdicts)

    def __repr__(self) -> str:
        return "\n".join(_line(verdict) for verdict in self.verdicts)

    def _repr_html_(self) -> str:
        rows = "".join(map(_row, self.verdicts))
        return f'<table style="text-align:left;max-width:60em">{rows}</table>'


def check(question: str, assignment: str | None = None) -> Card:
    """Tries the public checks of a question on what the notebook has defined so far.

    Args:
        question: as the sheet numbers it, such as "2.3", or its id.
        assignment: by name or folder; in a student's kit it is known.

    Raises:
        UsageError: there is no such question, or it is not known which assignment this is.
    """
    sheet = _sheet(assignment)
    asked = sheet.asked(question)
    if not asked:
        known = ", ".join(each.sheet or each.id for each in sheet.questions)
        raise UsageError(f"{sheet.name} has no question {question!r}; it has {known}")
    return Card(tuple(decide(sheet, _namespace(), questions=asked)))


def _sheet(assignment: str | None) -> Sheet:
    if assignment is None:
        if is_kit(Path.cwd()):
            return read_kit(Path.cwd())
        raise UsageError('this folder is no kit: say grader.check("2.3", assignment="vae")')
    return installed_sheet(assignment)


def _namespace() -> dict[str, Any]:
    from IPython.core.getipython import get_ipython

    shell: Any = get_ipython()
    if shell is None:
        raise UsageError("grader.check works in a notebook; elsewhere there is `grader check`")
    names: dict[str, Any] = shell.user_ns
    return names


def _line(verdict: Verdict) -> str:
    sign, _ = _SIGNS.get(verdict.verdict, _FAILED)
    told = f"\n  {_told(verdict)}" if _told(verdict) else ""
    return f"{sign} {verdict.question}: {verdict.title}{told}"


def _row(verdict: Verdict) -> str:
    sign, colour = _SIGNS.get(verdict.verdict, _FAILED)
    return (
        f'<tr><td style="color:{colour};font-weight:bold;vertical-align:top">{sign}</td>'
        f'<td style="text-align:left"><b>{escape(verdict.title)}</b> '
        f'<span style="color:{colour}">{escape(verdict.verdict.value)}</span>'
        f"<br>{escape(_told(verdict))}</td></tr>"
    )


def _told(verdict: Verdict) -> str:
    names = f" ({', '.join(verdict.mistakes)})" if verdict.mistakes else ""
    return f"{verdict.message}{names}"
