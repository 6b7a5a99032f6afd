"""Which notebook of a hand-in is graded."""

from __future__ import annotations

from pathlib import Path

from grader.errors import SubmissionError
from grader.submission.files import Found
from grader.submission.names import printable, quoted
from grader.submission.notebook import assignment_of, read_notebook

# Each is read whole to see which assignment it names.
_MAX_NOTEBOOKS = 50


def choose_notebook(files: tuple[Found, ...]) -> Path | None:
    """The only notebook, or the only one that names an assignment; None for modules alone.

    Raises:
        SubmissionError: there is none and no module either, or it is open which one counts.
    """
    notebooks = [file for file in files if file.suffix == ".ipynb"]
    for file in notebooks or files:
        if file.irregular and (notebooks or len(files) == 1):
            raise SubmissionError(
                f"{quoted(file.name)} is {file.irregular}, which is never opened; hand in the "
                "file itself."
            )
    if not notebooks:
        _require_modules(files)
        return None
    return notebooks[0].path if len(notebooks) == 1 else _named(notebooks).path


def listed(names: list[str], limit: int = 5) -> str:
    """Names for a sentence, the first few of many."""
    shown = ", ".join(printable(name, 80) for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


def _require_modules(files: tuple[Found, ...]) -> None:
    if not files:
        raise SubmissionError("Nothing was handed in: the folder is empty.")
    if not any(file.suffix == ".py" and not file.irregular for file in files):
        raise SubmissionError(
            "The hand-in holds no notebook (.ipynb) and no Python file (.py), only "
            f"{listed([file.name for file in files])}; ask for the notebook."
        )


def _named(notebooks: list[Found]) -> Found:
    named = [file for file in notebooks[:_MAX_NOTEBOOKS] if _names_assignment(file)]
    if len(named) == 1:
        return named[0]
    which = "none of them names" if not named else f"{len(named)} of them name"
    raise SubmissionError(
        f"The hand-in holds {len(notebooks)} notebooks "
        f"({listed([file.name for file in notebooks])}) and {which} an assignment; "
        "keep the one to grade."
    )


def _names_assignment(file: Found) -> bool:
    try:
        return assignment_of(read_notebook(file.path)) is not None
    except SubmissionError:
        return False
