"""Which names a hand-in defines, read from its text without running or parsing it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from grader.errors import SubmissionError
from grader.submission.files import read_bounded
from grader.submission.model import Submission
from grader.submission.notebook import read_notebook

MAX_MODULE_BYTES = 2 << 20
MAX_MODULES = 50

_DEFINED = re.compile(r"^(?:async[ \t]+)?(?:def|class)[ \t]+([A-Za-z_]\w*)", re.MULTILINE)


def module_text(path: Path) -> str:
    """The text of a handed-in Python file; bytes that are no UTF-8 are replaced.

    Raises:
        SubmissionError: it is no ordinary file, or too large.
    """
    return read_bounded(path, MAX_MODULE_BYTES).decode("utf-8-sig", "replace")


def names_of(submission: Submission) -> frozenset[str]:
    """Functions and classes at the top of the notebook's cells and of every module."""
    found = _of_notebook(submission.notebook)
    for path in submission.modules[:MAX_MODULES]:
        found |= _of_module(path)
    return found


def modules_to_run(
    submission: Submission, listed: Sequence[str], wanted: Collection[str]
) -> tuple[Path, ...]:
    """The modules that a run needs, in the order in which a name is looked for.

    First the ones that the sheet lists, then those that define something it asks for which
    nothing before them does. Without a notebook, and where neither finds any, all of them.

    Args:
        submission: as found.
        listed: file names, earlier ones first.
        wanted: names that the sheet asks for.
    """
    by_name = {path.name.casefold(): path for path in reversed(_shallow_first(submission.modules))}
    chosen = [by_name[name.casefold()] for name in listed if name.casefold() in by_name]
    known = _of_notebook(submission.notebook)
    for path in chosen:
        known |= _of_module(path)
    for path in _shallow_first(submission.modules)[:MAX_MODULES]:
        new = _of_module(path) - known
        if path not in chosen and not new.isdisjoint(wanted):
            chosen.append(path)
            known |= new
    if not chosen and submission.notebook is None:
        chosen = _shallow_first(submission.modules)[:MAX_MODULES]
    return tuple(chosen)


def _shallow_first(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: (len(path.parts), path))


def _of_module(path: Path) -> frozenset[str]:
    try:
        return frozenset(_DEFINED.findall(module_text(path)))
    except SubmissionError:
        return frozenset()


def _of_notebook(path: Path | None) -> frozenset[str]:
    try:
        cells = [] if path is None else read_notebook(path).cells
    except SubmissionError:
        return frozenset()  # told when the submission itself is graded
    sources = (str(cell.source) for cell in cells if cell.cell_type == "code")
    return frozenset(name for source in sources for name in _DEFINED.findall(source))
