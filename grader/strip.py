"""From the instructor's notebook to the students': without solutions, by nbgrader's markers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nbformat import NotebookNode

from grader.errors import AssignmentError
from grader.submission.notebook import strip_outputs

CODE_STUB = ("# YOUR CODE HERE", "raise NotImplementedError()")
TEXT_STUB = "YOUR ANSWER HERE"

_BEGIN = re.compile(r"^(\s*)#+ *BEGIN SOLUTION\b", re.IGNORECASE)
_END = re.compile(r"^\s*#+ *END SOLUTION\b", re.IGNORECASE)
_BEGIN_HIDDEN = re.compile(r"#+ *BEGIN (HIDDEN TESTS|MARK SCHEME)\b", re.IGNORECASE)
_END_HIDDEN = re.compile(r"#+ *END (HIDDEN TESTS|MARK SCHEME)\b", re.IGNORECASE)


def without_solutions(notebook: NotebookNode) -> NotebookNode:
    """A copy with a stub where a solution stood, and without outputs.

    What stands between `### BEGIN SOLUTION` and `### END SOLUTION` goes, in code and in text. A
    cell that nbgrader's metadata calls a solution and that has no markers is replaced whole.

    Raises:
        AssignmentError: a marker without its partner; the message names the cell.
    """
    stripped = strip_outputs(notebook)
    for number, cell in enumerate(stripped.cells, start=1):
        where = f"cell {number} ({cell.get('id', '')})"
        lines = _visible(cell.source.split("\n"), where)
        kept = list(_stubbed(lines, where, code=cell.cell_type == "code"))
        if kept == lines and _is_solution(cell):
            kept = list(CODE_STUB) if cell.cell_type == "code" else [TEXT_STUB]
        cell.source = "\n".join(kept)
    return stripped


def _stubbed(lines: list[str], where: str, *, code: bool) -> Iterator[str]:
    inside = False
    for line in lines:
        if begin := _BEGIN.match(line):
            if inside:
                raise AssignmentError(f"notebook.ipynb, {where}: two BEGIN SOLUTION in a row")
            inside = True
            yield from (begin[1] + stub for stub in (CODE_STUB if code else (TEXT_STUB,)))
        elif _END.match(line):
            if not inside:
                raise AssignmentError(f"notebook.ipynb, {where}: END SOLUTION without a BEGIN")
            inside = False
        elif not inside:
            yield line
    if inside:
        raise AssignmentError(f"notebook.ipynb, {where}: BEGIN SOLUTION without an END")


def _visible(lines: list[str], where: str) -> list[str]:
    kept, hidden = [], False
    for line in lines:
        if _BEGIN_HIDDEN.search(line):
            hidden = True
        elif _END_HIDDEN.search(line):
            hidden = False
        elif not hidden:
            kept.append(line)
    if hidden:
        raise AssignmentError(f"notebook.ipynb, {where}: a hidden part that does not end")
    return kept


def _is_solution(cell: NotebookNode) -> bool:
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))
