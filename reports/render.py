"""Writing the pages: templates, style sheets and a content security policy that lets nothing in."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from grader.assignment import Assignment
from grader.effective import as_students_see
from grader.regrading import Regrade
from grader.results import SubmissionResult
from grader.submission import slug
from reports import cohort, pair, student
from reports.cohort import ClassPage
from reports.fingerprints import code_of, grams_of, prints_of
from reports.formulas import numbers, symbol, with_math
from reports.notebook import Cell, read
from reports.pair import PairPage
from reports.remembered import (
    Remembered,
    code_digest,
    digest,
    files_digest,
    notebook_digest,
)
from reports.sheets import ROWS, searched, sheets
from reports.similarity import alike, paired

_HERE = Path(__file__).parent
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'"
)


def render(
    results: Collection[SubmissionResult],
    assignment: Assignment,
    out: Path,
    notebooks: Path,
    catalogue: Mapping[str, str],
    regrades: Sequence[Regrade] = (),
) -> Path:
    """Writes the pages for the staff: the class page and a page per student, with everything.

    Args:
        results: one per student.
        assignment: its title and questions.
        out: folder that receives `index.html`, `students/` and `pairs/`.
        notebooks: folder with the executed notebooks that the results name.
        catalogue: sentence for students by mistake id.
        regrades: what has come out otherwise than before.

    Returns:
        Path of the class page.
    """
    templates = environment()
    slugs = {result.student_id: slug(result.student_id) for result in results}
    with Remembered(out.with_name(f".{out.name}.sqlite")) as remembered:
        writer = _Students(templates, assignment, notebooks, catalogue, staff=True)
        writer.write(out / "students", results, remembered)
        alike = alike_pages(results, slugs, assignment, notebooks, remembered)
    _write_all(out / "pairs", ((each.name, pair_page(templates, each)) for each in alike))
    page = cohort.page(results, slugs, assignment, catalogue, regrades, alike)
    if len(page.rows) > ROWS or (out / "more").is_dir():
        _write_all(out / "more", roster_pages(templates, page))
    index = out / "index.html"
    _write(index, class_page(templates, page))
    return index


def render_feedback(
    results: Collection[SubmissionResult],
    assignment: Assignment,
    out: Path,
    notebooks: Path,
    catalogue: Mapping[str, str],
) -> None:
    """Writes a page per student into a folder that holds nothing else and may be handed out."""
    with Remembered(out.with_name(f".{out.name}.sqlite")) as remembered:
        writer = _Students(environment(), assignment, notebooks, catalogue, staff=False)
        writer.write(out, map(as_students_see, results), remembered)


class _Students:
    """Writes pages of students, those whose inputs have changed since they were last written."""

    def __init__(
        self,
        templates: Environment,
        assignment: Assignment,
        notebooks: Path,
        catalogue: Mapping[str, str],
        *,
        staff: bool,
    ) -> None:
        self._templates = templates
        self._assignment = assignment
        self._notebooks = notebooks
        self._catalogue = catalogue
        self._staff = staff
        sheet = [assignment.model_dump_json(), assignment.name, files_digest(assignment.folder)]
        self._shared = digest(code_digest(), *sheet, json.dumps(dict(catalogue)), str(staff))

    def write(
        self, folder: Path, results: Iterable[SubmissionResult], remembered: Remembered
    ) -> None:
        """A file for each student; pages of students who are gone go."""
        folder.mkdir(parents=True, exist_ok=True)
        names = set()
        for result in results:
            path = folder / f"{slug(result.student_id)}.html"
            names.add(path.name)
            inputs = self._inputs(result)
            if not (path.is_file() and remembered.page(path.name) == inputs):
                _write(path, self._page(result))
                remembered.keep_page(path.name, inputs)
        _remove_others(folder, names)

    def _inputs(self, result: SubmissionResult) -> str:
        row = json.dumps(result.to_json(), default=str, sort_keys=True)
        return digest(self._shared, row, notebook_digest(result, self._notebooks))

    def _page(self, result: SubmissionResult) -> str:
        return student_page(
            self._templates,
            result,
            self._assignment,
            self._notebooks,
            self._catalogue,
            staff=self._staff,
        )


def _write_all(folder: Path, pages: Iterable[tuple[str, str]]) -> None:
    """A file for each name and page; others that are there go."""
    folder.mkdir(parents=True, exist_ok=True)
    names = set()
    for name, page in pages:
        _write(folder / f"{name}.html", page)
        names.add(f"{name}.html")
    _remove_others(folder, names)


def _write(path: Path, page: str) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(page, "utf-8")
    partial.replace(path)


def _remove_others(folder: Path, names: Collection[str]) -> None:
    with os.scandir(folder) as entries:
        stale = [entry.path for entry in entries if entry.name not in names]
    for path in stale:
        if path.endswith((".html", ".partial")):
            Path(path).unlink()


def environment() -> Environment:
    """Templates with escaping everywhere, in which an unknown name is an error."""
    templates = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"math": with_math, "numbers": numbers, "symbol": symbol}
    return templates


def student_page(
    templates: Environment,
    result: SubmissionResult,
    assignment: Assignment,
    notebooks: Path,
    catalogue: Mapping[str, str],
    *,
    staff: bool = True,
) -> str:
    """The HTML of one student's page; for the staff with the rubrics."""
    cells = _cells(result, notebooks)
    return templates.get_template("student.html").render(
        page=student.page(result, assignment, cells, catalogue, staff=staff),
        style=static("base.css", "student.css", "code.css", "print.css"),
        policy=POLICY,
    )


def _cells(result: SubmissionResult, notebooks: Path) -> list[Cell]:
    # The name alone: what a result says must not lead out of the folder.
    return read(notebooks / Path(result.executed).name) if result.executed else []


def alike_pages(
    results: Collection[SubmissionResult],
    slugs: Mapping[str, str],
    assignment: Assignment,
    notebooks: Path,
    remembered: Remembered,
) -> list[PairPage]:
    """Pairs of students whose code is alike, less what the instructor's notebook holds."""
    given = grams_of(read(assignment.folder / "notebook.ipynb"))
    about = digest(code_digest(), *map(str, sorted(given)))
    prints = []
    for result in results:
        inputs = digest(about, notebook_digest(result, notebooks))
        kept = remembered.prints(inputs)
        if kept is None:
            kept = prints_of(_cells(result, notebooks), given)
            remembered.keep_prints(inputs, kept)
        prints.append(kept)
    found = alike(prints)
    places = {place for each in found for place in (each.one, each.other)}
    whose = {place: result for place, result in enumerate(results) if place in places}
    codes = {
        place: code_of(result.student_id, _cells(result, notebooks), given)
        for place, result in whose.items()
    }
    by_student = {result.student_id: result for result in whose.values()}
    return [
        pair.page(each, by_student, slugs, assignment) for each in paired(found, codes.__getitem__)
    ]


def pair_page(templates: Environment, page: PairPage) -> str:
    """The HTML of a pair's page."""
    return templates.get_template("pair.html").render(
        page=page, style=static("base.css", "pair.css", "code.css", "print.css"), policy=POLICY
    )


def class_page(templates: Environment, page: ClassPage) -> str:
    """The HTML of the class page; its own script is the only one that its policy admits."""
    script = static("class.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return templates.get_template("class.html").render(
        page=page,
        sheets=sheets(page.rows),
        searched=searched(page.rows),
        style=static("base.css", "class.css", "print.css"),
        script=script,
        policy=f"{POLICY}; script-src 'sha256-{digest}'",
    )


def roster_pages(templates: Environment, page: ClassPage) -> Iterator[tuple[str, str]]:
    """Name and HTML of the further pages of the table, of a class that fills more than one."""
    every = sheets(page.rows)
    for sheet in every[1:]:
        yield (
            str(sheet.number),
            templates.get_template("more.html").render(
                page=page,
                sheet=sheet,
                sheets=every,
                style=static("base.css", "class.css", "print.css"),
                policy=POLICY,
            ),
        )


def static(*names: str) -> str:
    """The named files of `static/` as one text."""
    return "\n".join((_HERE / "static" / name).read_text("utf-8") for name in names)
