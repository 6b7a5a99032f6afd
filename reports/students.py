"""Pages of single students, each written only where what it is made of has changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from jinja2 import Environment

from grader.assignment import Assignment
from grader.effective import as_students_see
from grader.results import SubmissionResult
from grader.submission import slug
from grader.written import write
from reports import student
from reports.html import POLICY, environment, remove_others, static
from reports.notebook import Cell, read
from reports.remembered import Remembered, code_digest, digest, files_digest, notebook_digest


class StudentPages:
    """Writes pages of students, all at once or one at a time while other results are to come.

    Args:
        assignment: its title and questions.
        out: folder of the pages: the staff's are in `students/` below it, with everything;
            students' own are in it, and say what they may see.
        notebooks: folder with the executed notebooks that the results name.
        catalogue: sentence for students by mistake id.
        staff: for whom.

    Attributes:
        remembered: what pages in `out` were last made of.
    """

    def __init__(
        self,
        assignment: Assignment,
        out: Path,
        notebooks: Path,
        catalogue: Mapping[str, str],
        *,
        staff: bool,
    ) -> None:
        self._folder = out / "students" if staff else out
        self._assignment = assignment
        self._notebooks = notebooks
        self._catalogue = catalogue
        self._staff = staff
        self._templates = environment()
        sheet = [assignment.model_dump_json(), assignment.name, files_digest(assignment.folder)]
        self._shared = digest(code_digest(), *sheet, json.dumps(dict(catalogue)), str(staff))
        self._folder.mkdir(parents=True, exist_ok=True)
        self.remembered = Remembered(out.with_name(f".{out.name}.sqlite"))

    def close(self) -> None:
        """Nothing more will be written."""
        self.remembered.close()

    def write_all(self, results: Iterable[SubmissionResult]) -> None:
        """A file for each student; pages of students who are gone go."""
        remove_others(self._folder, {self.write(result) for result in results})

    def write(self, result: SubmissionResult) -> str:
        """The page of one student, unless it is there; gives the name of its file."""
        shown = result if self._staff else as_students_see(result)
        path = self._folder / f"{slug(shown.student_id)}.html"
        inputs = self._inputs(shown)
        if not (path.is_file() and self.remembered.page(path.name) == inputs):
            write(path, [self._page(shown)])
            self.remembered.keep_page(path.name, inputs)
        return path.name

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
    cells = cells_of(result, notebooks)
    return templates.get_template("student.html").render(
        page=student.page(result, assignment, cells, catalogue, staff=staff),
        style=static("base.css", "student.css", "code.css", "print.css"),
        policy=POLICY,
    )


def cells_of(result: SubmissionResult, notebooks: Path) -> list[Cell]:
    """Of the executed notebook; none where there is none."""
    # The name alone: what a result says must not lead out of the folder.
    return read(notebooks / Path(result.executed).name) if result.executed else []
