"""An assignment's `checks.py` and `hidden_checks.py`, executed and held against its questions.

Either file may import checks from files beside it; those count as its own.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from grader.checks.context import Question
from grader.checks.declare import Check, collecting
from grader.errors import AssignmentError

_FILES = ("checks.py", "hidden_checks.py")


def load_checks(folder: Path, *more: Path) -> tuple[Check, ...]:
    """The checks of an assignment, public ones first.

    A student's kit has no `hidden_checks.py`, so either file may be missing.

    Args:
        folder: of the assignment.
        more: further files of checks, those of a dialect.

    Raises:
        AssignmentError: a file does not run, or two checks share a name.
    """
    files = (*(folder / name for name in _FILES), *more)
    found = [check for path in files for check in _execute(path)]
    seen: set[str] = set()
    for check in found:
        if check.name in seen:
            raise AssignmentError(
                f"{_where(check)}: there is another check of this name; rename one"
            )
        seen.add(check.name)
    return tuple(found)


def require_complete(checks: Sequence[Check], questions: Sequence[Question]) -> None:
    """Demands that checks and questions fit: every point is decided by somebody.

    Raises:
        AssignmentError: a check of an unknown question, a question without checks, or points
            that do not add up.
    """
    known = {question.id for question in questions}
    for check in checks:
        if check.question not in known:
            raise AssignmentError(
                f"{_where(check)}: question {check.question!r} is not in assignment.toml, which "
                f"has {', '.join(sorted(known))}"
            )
    for question in questions:
        _require_points(question, [check for check in checks if check.question == question.id])


def _require_points(question: Question, checks: Sequence[Check]) -> None:
    if question.manual and checks:
        raise AssignmentError(
            f"{_where(checks[0])}: question {question.id!r} has a rubric and is marked by a "
            "person; take the rubric out of assignment.toml, or the check out of this file"
        )
    if question.manual:
        return
    if not checks:
        raise AssignmentError(
            f"question {question.id!r} has no check; write one, or give it a rubric in "
            "assignment.toml"
        )
    total = sum(check.points for check in checks)
    if not abs(total - question.points) <= 1e-9:
        raise AssignmentError(
            f"{_where(checks[-1])}: the checks of question {question.id!r} give {total:g} points, "
            f"assignment.toml says {question.points:g}; change one of them"
        )


def _execute(path: Path) -> Iterable[Check]:
    if not path.is_file():
        return ()
    # Assignments share file names, so the module is named after its full path.
    name = f"_checks_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up there
    try:
        with collecting() as found:
            spec.loader.exec_module(module)
    except AssignmentError:
        raise
    except Exception as error:
        raise AssignmentError(
            f"{path}{_line(path, error)}: {type(error).__name__}: {error}"
        ) from error
    hidden = path.name == "hidden_checks.py"
    return [replace(check, hidden=hidden) for check in (*_imported(module), *_own(module, found))]


def _imported(module: ModuleType) -> list[Check]:
    """Checks of files beside this one, which may have been executed before it.

    File by file, each in its own order: an import lists names alphabetically, and a student should
    read the definition before what follows from it.
    """
    found = [value for value in vars(module).values() if isinstance(value, Check)]
    found = [check for check in found if check.function.__module__ != module.__name__]
    files = list(dict.fromkeys(check.function.__module__ for check in found))

    def place(check: Check) -> tuple[int, int]:
        written = inspect.unwrap(check.function)
        return files.index(check.function.__module__), written.__code__.co_firstlineno

    return sorted(found, key=place)


def _own(module: ModuleType, found: Sequence[Check]) -> Iterator[Check]:
    return (check for check in found if check.function.__module__ == module.__name__)


def _line(path: Path, error: Exception) -> str:
    if isinstance(error, SyntaxError):
        return f", line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    return f", line {lines[-1]}" if lines else ""


def _where(check: Check) -> str:
    code = check.function.__code__
    return f"{code.co_filename}, line {code.co_firstlineno}, check {check.name!r}"
