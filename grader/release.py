"""`grader release`: what students get. No solution, reference, hidden check or held-out datum."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from grader.assignment import Assignment, Question, Signature
from grader.authored import assignment_checks, catalogue_of
from grader.checks.context import Context
from grader.checks.declare import Check
from grader.checks.seeds import Seeds
from grader.closure import PACKAGE, closure, requirements
from grader.data import find
from grader.errors import AssignmentError, UsageError
from grader.kit import DATA, FILE
from grader.recorded import record
from grader.strip import without_solutions
from grader.submission.notebook import read_notebook

_TEMPLATES = Path(__file__).parent / "release_files"
# Imported by name only, so that no reading of imports finds them.
_ALWAYS = ("pytest_plugin.py", "card.py", "__init__.py")
# What a notebook itself is written with, and what runs it.
_FOR_NOTEBOOKS = {"torch", "numpy", "matplotlib", "IPython", "ipykernel", "nbformat", "pytest"}


def release(assignment: Assignment, folder: Path) -> list[str]:
    """Writes the student's kit into a folder that does not exist yet.

    Returns:
        The files of the kit, by their place in it.

    Raises:
        UsageError: the folder exists or cannot be made.
        AssignmentError: the notebook's markers are wrong, or a public check needs what students
            may not have.
    """
    checks = tuple(check for check in assignment_checks(assignment) if not check.hidden)
    # Everything that can be wrong is found before anything is written.
    notebook = without_solutions(read_notebook(assignment.folder / "notebook.ipynb"))
    code = dict(_code(assignment))
    table = _table(assignment, checks)
    _make(folder)
    for place, source in code.items():
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    nbformat.write(notebook, folder / f"{assignment.name}.ipynb")
    (folder / FILE).write_text(json.dumps(table), "utf-8")
    _write_data(assignment, folder / DATA)
    _write_texts(assignment, folder, sorted({path.split("/")[0] for path in code}))
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def _code(assignment: Assignment) -> Iterator[tuple[str, Path]]:
    """The public checks with what they import, and the part of grader that runs them."""
    name = f"assignments.{assignment.name}"
    start = assignment.folder / "checks.py"
    own = {"grader": PACKAGE, name: assignment.folder}
    every_check = sorted((PACKAGE / "checks").glob("*.py"))
    found = closure([start, *every_check, *(PACKAGE / always for always in _ALWAYS)], own)
    mine = [path for place, path in found.files.items() if place.startswith("assignments/")]
    _require_public(assignment, [start, *mine])
    yield f"assignments/{assignment.name}/checks.py", start
    yield from found.files.items()
    for path in (*every_check, *(PACKAGE / always for always in _ALWAYS)):
        yield f"grader/{path.relative_to(PACKAGE)}", path


def _require_public(assignment: Assignment, files: list[Path]) -> None:
    for path in files:
        needed = closure([path], {}).imported
        secret = [name for name in needed if _is_secret(name, assignment.name)]
        if secret:
            raise AssignmentError(
                f"{path} is public and imports {min(secret)}, which students do not get: decide by "
                "definition there, or move the check to hidden_checks.py"
            )


def _is_secret(module: str, own: str) -> bool:
    root, *below = module.split(".")
    elsewhere = root == "assignments" and bool(below) and below[0] != own
    return root == "reference" or elsewhere or "hidden_checks" in below


def _table(assignment: Assignment, checks: tuple[Check, ...]) -> dict[str, Any]:
    catalogue = catalogue_of(assignment)
    seeds = Seeds(b"", assignment.name, assignment.version)
    questions = {question.id: question for question in assignment.questions}

    def context(check: Check) -> Context:
        return Context(question=questions[check.question], seed=seeds.of(check.name))

    of_functions = [c for c in checks if questions[c.question].function and not _of_a_run(c)]
    mistakes: dict[str, Any] = {"mistakes": [], "answers": {}}
    return {
        "name": assignment.name,
        "version": assignment.version,
        "questions": [_question(question) for question in assignment.questions],
        "mistakes": record(of_functions, context, catalogue) if catalogue else mistakes,
    }


def _of_a_run(check: Check) -> bool:
    return bool({"outputs", "printed", "held_out"} & set(check.needs))


def _question(question: Question) -> dict[str, Any]:
    return {
        "id": question.id,
        "sheet": question.sheet,
        "title": question.title,
        "points": question.points,
        "function": question.function and _signature(question.function),
        "also": [_signature(also) for also in question.also],
        "requires": list(question.requires),
        "manual": question.manual,
    }


def _signature(signature: Signature) -> dict[str, Any]:
    return {"name": signature.name, "arguments": list(signature.arguments)}


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True)
    except FileExistsError as error:
        raise UsageError(f"{folder} exists: choose another --out, or remove it") from error
    except OSError as error:
        raise UsageError(f"{folder} cannot be made ({error.strerror}): choose another") from error


def _write_data(assignment: Assignment, folder: Path) -> None:
    data = find(assignment.data.default)
    (folder / data.name).mkdir(parents=True)
    for path in (data.train_images, data.train_labels):
        shutil.copyfile(path, folder / data.name / path.name)


def _write_texts(assignment: Assignment, folder: Path, own: list[str]) -> None:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  Markdown and configuration, not HTML
        keep_trailing_newline=True,
        trim_blocks=True,
    )
    needed = closure(folder.rglob("*.py"), {}).packages - set(own)
    values = {"assignment": assignment, "requirements": requirements(needed | _FOR_NOTEBOOKS)}
    for template in sorted(_TEMPLATES.iterdir()):
        text = environment.get_template(template.name).render(values)
        (folder / template.name).write_text(text, "utf-8")
