"""Writing all pages of a run: of students, of pairs whose code is alike, and of the class."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from jinja2 import Environment

from grader.assignment import Assignment
from grader.regrading import Regrade
from grader.results import SubmissionResult
from grader.submission import slug
from grader.written import write
from reports import cohort, pair
from reports.cohort import ClassPage
from reports.fingerprints import code_of, grams_of, prints_of
from reports.html import POLICY, environment, remove_others, static
from reports.notebook import read
from reports.pair import PairPage
from reports.remembered import (
    Remembered,
    code_digest,
    digest,
    notebook_digest,
)
from reports.sheets import ROWS, searched, sheets
from reports.similarity import alike, paired
from reports.students import StudentPages, cells_of


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
    with closing(StudentPages(assignment, out, notebooks, catalogue, staff=True)) as pages:
        pages.write_all(results)
        alike = alike_pages(results, slugs, assignment, notebooks, pages.remembered)
    _write_all(out / "pairs", ((each.name, pair_page(templates, each)) for each in alike))
    page = cohort.page(results, slugs, assignment, catalogue, regrades, alike)
    if len(page.rows) > ROWS or (out / "more").is_dir():
        _write_all(out / "more", roster_pages(templates, page))
    index = out / "index.html"
    write(index, [class_page(templates, page)])
    return index


def render_feedback(
    results: Collection[SubmissionResult],
    assignment: Assignment,
    out: Path,
    notebooks: Path,
    catalogue: Mapping[str, str],
) -> None:
    """Writes a page per student into a folder that holds nothing else and may be handed out."""
    with closing(StudentPages(assignment, out, notebooks, catalogue, staff=False)) as pages:
        pages.write_all(results)


def _write_all(folder: Path, pages: Iterable[tuple[str, str]]) -> None:
    """A file for each name and page; others that are there go."""
    folder.mkdir(parents=True, exist_ok=True)
    names = set()
    for name, page in pages:
        write(folder / f"{name}.html", [page])
        names.add(f"{name}.html")
    remove_others(folder, names)


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
            kept = prints_of(cells_of(result, notebooks), given)
            remembered.keep_prints(inputs, kept)
        prints.append(kept)
    found = alike(prints)
    places = {place for each in found for place in (each.one, each.other)}
    whose = {place: result for place, result in enumerate(results) if place in places}
    codes = {
        place: code_of(result.student_id, cells_of(result, notebooks), given)
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
