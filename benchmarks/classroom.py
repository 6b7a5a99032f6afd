"""The class whose hand-ins the benchmarks grade: one set of answers, as each tool wants them.

Every notebook imports torch, defines five functions of a variational autoencoder and computes a
little with each. Ways of being right alternate, and every fourth student has made a mistake.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_notebook, new_raw_cell

COURSE = Path(__file__).parent / "course"
STUDENTS_PER_MISTAKE = 4


@dataclass(frozen=True, slots=True)
class Question:
    """One function of the sheet."""

    id: str
    function: str
    points: int
    right: tuple[str, ...]
    wrong: str
    trial: str
    tests: str


def sheet() -> tuple[str, tuple[Question, ...]]:
    """The imports on top of every notebook, and the questions."""
    read = tomllib.loads((COURSE / "questions.toml").read_text("utf-8"))
    rows = [{**row, "right": tuple(row["right"])} for row in read["question"]]
    return read["imports"], tuple(Question(**row) for row in rows)


def answers(student: int) -> dict[str, str]:
    """What a student has written, by name of the function."""
    _, questions = sheet()
    written = {q.function: q.right[student % len(q.right)] for q in questions}
    number, rest = divmod(student, STUDENTS_PER_MISTAKE)
    if rest == STUDENTS_PER_MISTAKE - 1:
        mistaken = questions[number % len(questions)]
        written[mistaken.function] = mistaken.wrong
    return written


def is_right(student: int) -> bool:
    """Whether nothing that the student has written is wrong."""
    return student % STUDENTS_PER_MISTAKE != STUDENTS_PER_MISTAKE - 1


def name(student: int) -> str:
    """Of the student, in every tool."""
    return f"student{student:03}"


def plain(student: int) -> nbformat.NotebookNode:
    """A hand-in without any test in it."""
    imports, questions = sheet()
    written = answers(student)
    cells = [imports]
    for question in questions:
        cells += [written[question.function], question.trial]
    return _notebook([new_code_cell(source.strip()) for source in cells])


def write_plain(students: Sequence[int], folder: Path) -> list[Path]:
    """A folder for each student, as `grader run` takes them; gives the notebooks."""
    return [write(plain(number), folder / name(number) / "work.ipynb") for number in students]


def answered(released: nbformat.NotebookNode, student: int) -> nbformat.NotebookNode:
    """What another tool has released, with a student's functions in place of its stubs."""
    written = answers(student)
    for cell in released.cells:
        for function, source in written.items():
            if cell.cell_type == "code" and cell.source.startswith(f"def {function}("):
                cell.source = source.strip()
    return released


def for_nbgrader() -> nbformat.NotebookNode:
    """The instructor's notebook, with a cell of tests behind each function."""
    imports, questions = sheet()
    cells = [new_code_cell(imports.strip())]
    for question in questions:
        cells += [
            _marked(_with_solution(question), f"{question.id}-solution", solution=True),
            new_code_cell(question.trial.strip()),
            _marked(question.tests, f"{question.id}-tests", points=question.points),
        ]
    return _notebook(cells)


def for_otter() -> nbformat.NotebookNode:
    """The instructor's notebook, from which `otter assign` makes tests and a student's one."""
    imports, questions = sheet()
    settings = "# ASSIGNMENT CONFIG\ninit_cell: true\nexport_cell: false\nrun_tests: false"
    cells = [new_raw_cell(settings), new_code_cell(imports.strip())]
    for question in questions:
        cells += _otter_question(question)
    return _notebook(cells)


def _otter_question(question: Question) -> Iterator[nbformat.NotebookNode]:
    named = question.id.replace("-", "_")
    yield new_raw_cell(f"# BEGIN QUESTION\nname: {named}\npoints: {question.points}")
    yield new_raw_cell("# BEGIN SOLUTION")
    signature, body = _parts(question)
    yield new_code_cell(f"{signature}\n    # BEGIN SOLUTION\n{body}\n    # END SOLUTION")
    yield new_raw_cell("# END SOLUTION")
    yield new_raw_cell("# BEGIN TESTS")
    yield new_code_cell(question.tests.strip())
    yield new_raw_cell("# END TESTS")
    yield new_raw_cell("# END QUESTION")
    yield new_code_cell(question.trial.strip())


def _with_solution(question: Question) -> str:
    signature, body = _parts(question)
    return f"{signature}\n    ### BEGIN SOLUTION\n{body}\n    ### END SOLUTION"


def _parts(question: Question) -> tuple[str, str]:
    signature, _, body = question.right[0].strip().partition("\n")
    return signature, body


def _marked(
    source: str, grade_id: str, *, points: int = 0, solution: bool = False
) -> nbformat.NotebookNode:
    about: dict[str, Any] = {
        "grade": bool(points),
        "grade_id": grade_id,
        "locked": bool(points),
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }
    if points:
        about["points"] = points
    return new_code_cell(source.strip(), metadata={"nbgrader": about})


def _notebook(cells: list[nbformat.NotebookNode]) -> nbformat.NotebookNode:
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


def write(notebook: nbformat.NotebookNode, path: Path) -> Path:
    """The notebook as a file, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path
