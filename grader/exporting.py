"""`grader export`: the results of a run in the form that another program reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grader.assignment import Assignment, load
from grader.dialect import in_dialect
from grader.errors import UsageError
from grader.export.canvas import canvas_csv
from grader.export.formats import Format
from grader.export.github import step_summary, workflow_commands
from grader.export.gradebook import Gradebook
from grader.export.grades import grades_csv
from grader.export.gradescope import autograder_zip, gradescope_results
from grader.export.junit import junit_xml
from grader.export.moodle import moodle_csv
from grader.export.results import results_json
from grader.export.roster import join
from grader.store import FILE, Store
from grader.submission.names import slug
from grader.threshold import Device


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written, and what somebody should know of it."""

    files: tuple[Path, ...]
    notes: tuple[str, ...]
    printed: tuple[str, ...] = ()


_TEXTS: dict[Format, Callable[[Gradebook], str]] = {
    Format.CSV: lambda book: grades_csv(book.results, book.assignment.late, book.roster),
    Format.JSON: lambda book: results_json(book.results),
    Format.CANVAS: canvas_csv,
    Format.MOODLE: moodle_csv,
    Format.JUNIT: junit_xml,
    Format.GITHUB: step_summary,
}


def export(folder: Path, format: Format, out: Path, roster: Path | None = None) -> Exported:
    """Writes a run in one format.

    Args:
        folder: the `--out` of a run.
        format: what to write.
        out: a file; for Gradescope a folder.
        roster: CSV of the course's students, such as the platform's own export.

    Raises:
        UsageError: there are no results, the roster is no table, or `out` cannot be written.
    """
    book = read_gradebook(folder, roster)
    try:
        files = _gradescope(book, out) if format is Format.GRADESCOPE else _one(book, format, out)
    except OSError as error:
        raise UsageError(
            f"{out} cannot be written ({error.strerror}); choose another --out"
        ) from error
    printed = tuple(workflow_commands(book)) if format is Format.GITHUB else ()
    return Exported(files, tuple(_notes(book)), printed)


def read_gradebook(folder: Path, roster: Path | None = None) -> Gradebook:
    """The results of a run, joined to a roster.

    Raises:
        UsageError: there are no results, or the roster is no table.
    """
    if not (folder / FILE).is_file():
        raise UsageError(f"{folder} holds no results; `grader run SUBMISSIONS` makes them")
    with Store(folder) as store:
        assignment = assignment_of_run(store, folder)
        results = store.of(assignment.name)
        sentences: dict[str, str] = json.loads(store.fact("sentences") or "{}")
    joined = None if roster is None else join(_text(roster), roster.name, results)
    return Gradebook(assignment, results, sentences, joined)


def assignment_of_run(store: Store, folder: Path) -> Assignment:
    """The assignment that a run graded, in its dialect.

    Raises:
        UsageError: nothing was graded yet.
        AssignmentError: it has been changed since, and is wrong now.
    """
    named = store.fact("assignment")
    if named is None:
        raise UsageError(
            f"{folder} holds no results; `grader run SUBMISSIONS --out {folder}` makes them"
        )
    assignment = load(named)
    dialect = store.fact("dialect")
    assignment = in_dialect(assignment, dialect) if dialect else assignment
    device: Device = "cuda" if store.fact("device") == "cuda" else "cpu"
    return assignment.on(store.fact("data_set") or assignment.data.default, device)


def _one(book: Gradebook, format: Format, out: Path) -> tuple[Path, ...]:
    out.parent.mkdir(parents=True, exist_ok=True)
    # Half a surrogate from a file name is no character: it is written as its escape.
    out.write_text(_TEXTS[format](book), "utf-8", "backslashreplace", newline="")
    return (out,)


def _gradescope(book: Gradebook, out: Path) -> tuple[Path, ...]:
    out.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    for result in book.results:
        files.append(out / f"{slug(result.student_id)}.json")
        files[-1].write_text(gradescope_results(book, result), "utf-8", "backslashreplace")
    files.append(out / "autograder.zip")
    files[-1].write_bytes(autograder_zip(book.assignment))
    return tuple(files)


def _notes(book: Gradebook) -> list[str]:
    notes = []
    if book.roster is not None:
        if book.roster.missing:
            notes.append(
                f"{len(book.roster.missing)} handed in nothing: {_few(book.roster.missing)}"
            )
        if book.roster.strangers:
            names = [f"{result.name} ({result.student_id})" for result in book.roster.strangers]
            notes.append(f"{len(names)} are not on the roster and are left out: {_few(names)}")
    ours = [result.student_id for result in book.results if result.status == "infrastructure"]
    if ours:
        notes.append(f"{len(ours)} have no score, run them again: {_few(ours)}")
    waiting = sum(result.waiting for result in book.results)
    if waiting:
        notes.append(f"{waiting} wait for a person, whose points are not in these scores yet")
    return notes


def _few(names: list[str], most: int = 20) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig", "replace")
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror})") from error
