"""Writing the pages: templates, style sheets and a content security policy that lets nothing in."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from grader.assignment import Assignment
from grader.effective import as_students_see
from grader.regrading import Regrade
from grader.results import SubmissionResult
from grader.submission import slug
from reports import cohort, pair, student
from reports.fingerprints import code_of, grams_of
from reports.formulas import numbers, symbol, with_math
from reports.notebook import Cell, read
from reports.pair import PairPage
from reports.similarity import pairs

_HERE = Path(__file__).parent
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'"
)


def render(
    results: Sequence[SubmissionResult],
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
    pages = (
        (
            slugs[result.student_id],
            student_page(templates, result, assignment, notebooks, catalogue),
        )
        for result in results
    )
    _write_all(out / "students", pages)
    alike = alike_pages(results, slugs, assignment, notebooks)
    _write_all(out / "pairs", ((each.name, pair_page(templates, each)) for each in alike))
    index = out / "index.html"
    page = class_page(templates, results, slugs, assignment, catalogue, regrades, alike)
    index.write_text(page, "utf-8")
    return index


def render_feedback(
    results: Sequence[SubmissionResult],
    assignment: Assignment,
    out: Path,
    notebooks: Path,
    catalogue: Mapping[str, str],
) -> None:
    """Writes a page per student into a folder that holds nothing else and may be handed out."""
    templates = environment()
    disclosed = map(as_students_see, results)
    pages = (
        (
            slug(result.student_id),
            student_page(templates, result, assignment, notebooks, catalogue, staff=False),
        )
        for result in disclosed
    )
    _write_all(out, pages)


def _write_all(folder: Path, pages: Iterable[tuple[str, str]]) -> None:
    """A file for each name and page; pages of students who are gone go."""
    folder.mkdir(parents=True, exist_ok=True)
    written = set()
    for name, page in pages:
        path = folder / f"{name}.html"
        path.write_text(page, "utf-8")
        written.add(path)
    for stale in set(folder.glob("*.html")) - written:
        stale.unlink()


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
    results: Sequence[SubmissionResult],
    slugs: Mapping[str, str],
    assignment: Assignment,
    notebooks: Path,
) -> list[PairPage]:
    """Pairs of students whose code is alike, less what the instructor's notebook holds."""
    given = grams_of(read(assignment.folder / "notebook.ipynb"))
    codes = [code_of(result.student_id, _cells(result, notebooks), given) for result in results]
    by_student = {result.student_id: result for result in results}
    return [pair.page(found, by_student, slugs, assignment) for found in pairs(codes)]


def pair_page(templates: Environment, page: PairPage) -> str:
    """The HTML of a pair's page."""
    return templates.get_template("pair.html").render(
        page=page, style=static("base.css", "pair.css", "code.css", "print.css"), policy=POLICY
    )


def class_page(
    templates: Environment,
    results: Sequence[SubmissionResult],
    slugs: Mapping[str, str],
    assignment: Assignment,
    catalogue: Mapping[str, str],
    regrades: Sequence[Regrade] = (),
    alike: Sequence[PairPage] = (),
) -> str:
    """The HTML of the class page; its own script is the only one that its policy admits."""
    script = static("class.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return templates.get_template("class.html").render(
        page=cohort.page(results, slugs, assignment, catalogue, regrades, alike),
        style=static("base.css", "class.css", "print.css"),
        script=script,
        policy=f"{POLICY}; script-src 'sha256-{digest}'",
    )


def static(*names: str) -> str:
    """The named files of `static/` as one text."""
    return "\n".join((_HERE / "static" / name).read_text("utf-8") for name in names)
