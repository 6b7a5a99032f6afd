"""Each format read back by a parser that is not ours, or held against its documented columns."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import junitparser
import pytest
from markdown_it import MarkdownIt

from grader.assignment import Assignment, Late
from grader.export.canvas import canvas_csv
from grader.export.github import step_summary, workflow_commands
from grader.export.gradebook import Gradebook
from grader.export.grades import grades_csv
from grader.export.gradescope import autograder_zip, gradescope_results
from grader.export.junit import junit_xml
from grader.export.moodle import moodle_csv
from tests.conftest import HALF, notebook
from tests.export.conftest import on_roster

GRADEBOOK = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Other (1),Sums (77)\n"
    "    Points Possible,,,,,10,3\n"
    '"Doe, Jane",4417,u1,jdoe,A,7,\n'
    '"Lovelace, Ada",4418,u2,ada,A,8,\n'
    '"Student, Test",9,,,A,,\n'
    '"Nobody, Absent",4499,u3,nobody,B,,\n'
)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


# Canvas


def test_canvas_gets_its_own_columns_and_the_points_possible(book: Gradebook) -> None:
    text = canvas_csv(book)
    assert text.split("\r\n")[0] == "Student,ID,SIS User ID,SIS Login ID,Section,Sums"
    points, jane, *_, grace = rows(text)
    assert (points["Student"].strip(), points["Sums"]) == ("Points Possible", "3")
    assert (jane["ID"], jane["Sums"], grace["Sums"]) == ("4417", "1.5", "")


def test_a_gradebook_of_canvas_goes_back_with_the_scores(book: Gradebook) -> None:
    points, jane, ada, absent = rows(canvas_csv(on_roster(book, GRADEBOOK)))
    assert set(jane) == {"Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Sums (77)"}
    assert (jane["Student"], jane["SIS Login ID"], jane["Sums (77)"]) == (
        "Doe, Jane",
        "jdoe",
        "1.5",
    )
    assert (points["Sums (77)"], ada["Sums (77)"], absent["Sums (77)"]) == ("3", "0", "")


# Moodle


def test_moodle_finds_its_participants_with_grade_and_comment(book: Gradebook) -> None:
    jane, ada, *_ = rows(moodle_csv(book))
    assert (jane["Identifier"], jane["Grade"], jane["Maximum Grade"]) == (
        "Participant 4417",
        "1.5",
        "3",
    )
    assert "Two: 0.5 of 2. Half of it is missing." in jane["Feedback comments"]
    assert "Not one." not in ada["Feedback comments"]  # of a hidden check
    assert "Two: waits for a person." in ada["Feedback comments"]


def test_a_worksheet_of_moodle_keeps_its_columns(book: Gradebook) -> None:
    worksheet = (
        "Identifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,"
        "Last modified (submission),Last modified (grade),Feedback comments\n"
        "Participant 4417,Jane Doe,j@x.example,Submitted,,3.00,Yes,-,-,\n"
        "Participant 4499,Nobody,n@x.example,No submission,,3.00,Yes,-,-,\n"
    )
    filled = on_roster(book, worksheet)
    text = moodle_csv(filled)
    assert text.split("\r\n")[0] == worksheet.split("\n")[0]
    jane, nobody = rows(text)
    assert (jane["Grade"], jane["Maximum Grade"], nobody["Grade"]) == ("1.5", "3.00", "")


# Gradescope

# As Gradescope documents results.json under "Autograder specifications"; it refuses other words.
_VISIBILITY = {"enum": ["hidden", "after_due_date", "after_published", "visible"]}
_FORMAT = {"enum": ["text", "html", "simple_format", "md", "ansi"]}
_TEST = {
    "score": {"type": "number"},
    "max_score": {"type": "number"},
    "status": {"enum": ["passed", "failed"]},
    "name": {"type": "string"},
    "name_format": _FORMAT,
    "number": {"type": "string"},
    "output": {"type": "string"},
    "output_format": _FORMAT,
    "tags": {"type": "array", "items": {"type": "string"}},
    "visibility": _VISIBILITY,
    "extra_data": {"type": "object"},
}
_TOP = {
    "score": {"type": "number"},
    "execution_time": {"type": "integer"},
    "output": {"type": "string"},
    "output_format": _FORMAT,
    "test_output_format": _FORMAT,
    "test_name_format": _FORMAT,
    "visibility": _VISIBILITY,
    "stdout_visibility": _VISIBILITY,
    "extra_data": {"type": "object"},
    "tests": {
        "type": "array",
        "items": {"type": "object", "properties": _TEST, "additionalProperties": False},
    },
    "leaderboard": {"type": "array"},
}
_SCHEMA = {"type": "object", "properties": _TOP, "additionalProperties": False}


def test_gradescope_gets_what_it_documents_and_nothing_else(book: Gradebook) -> None:
    for result in book.results:
        document = json.loads(gradescope_results(book, result))
        jsonschema.validate(document, _SCHEMA)
        assert {"score", "tests"} <= set(document)


def test_the_schema_refuses_other_words(book: Gradebook) -> None:
    document = json.loads(gradescope_results(book, book.results[0]))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document | {"stdout_visibility": "everybody"}, _SCHEMA)


def test_gradescope_hides_hidden_checks(book: Gradebook) -> None:
    jane, ada = (json.loads(gradescope_results(book, r)) for r in book.results[:2])
    assert jane["score"] == 1.5
    assert [test["visibility"] for test in ada["tests"]] == ["hidden", "visible"]


def test_an_autograder_holds_all_that_it_runs(assignment: Assignment, tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(autograder_zip(assignment))) as archive:
        assert archive.testzip() is None
        modes = {info.filename: info.external_attr >> 16 for info in archive.infolist()}
        archive.extractall(tmp_path)
    assert modes["setup.sh"] == modes["run_autograder"] == 0o755
    for script in ("setup.sh", "run_autograder"):
        subprocess.run(["bash", "-n", str(tmp_path / script)], check=True)
    assert "--assignment assignments/sums" in (tmp_path / "run_autograder").read_text("utf-8")
    assert "torch>=" in (tmp_path / "requirements.txt").read_text("utf-8")
    code = (
        "import grader.cli, grader.assignment as a; "
        "print(grader.cli.__file__, a.load('assignments/sums').title)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == f"{tmp_path}/grader/cli.py Sums"


def test_the_same_assignment_is_the_same_zip(assignment: Assignment) -> None:
    assert autograder_zip(assignment) == autograder_zip(assignment)


@pytest.mark.slow
@pytest.mark.sandbox
def test_an_autograder_grades_where_gradescope_would_run_it(
    assignment: Assignment, tmp_path: Path
) -> None:
    place = tmp_path / "autograder"
    with zipfile.ZipFile(io.BytesIO(autograder_zip(assignment))) as archive:
        archive.extractall(place / "source")
    (place / "submission").mkdir()
    (place / "submission/work.ipynb").write_text(notebook(HALF, "sums"), "utf-8")
    script = (place / "source/run_autograder").read_text("utf-8")
    script = script.replace("/tmp/", f"{tmp_path}/")
    script = script.replace("/autograder/venv/bin/python", sys.executable)
    script = re.sub(r"/autograder(?=/| )", str(place), script)
    subprocess.run(["bash", "-c", script], check=True)
    document = json.loads((place / "results/results.json").read_text("utf-8"))
    jsonschema.validate(document, _SCHEMA)
    assert document["score"] == 1
    assert [test["status"] for test in document["tests"]] == ["passed", "failed"]


# JUnit


def test_junit_is_read_by_a_library_of_others(book: Gradebook, tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    path.write_text(junit_xml(book), "utf-8")
    suites = list(junitparser.JUnitXml.fromfile(str(path)))
    assert [suite.name for suite in suites] == ["4417", "4418", "4419", "4420"]
    counts = [(s.tests, s.failures, s.errors, s.skipped) for s in suites]
    assert counts == [(2, 1, 0, 0), (2, 1, 0, 1), (1, 0, 1, 0), (1, 0, 1, 0)]
    ending = list(suites[0])[1].result[0]
    assert isinstance(ending, junitparser.Failure)
    assert ending.message == "Nearly. (two/half)"
    assert "\x1b" not in str([error.attrib for error in ET.parse(path).iter("error")])


# GitHub


def test_a_step_summary_is_a_table_in_which_nothing_is_markup(book: Gradebook) -> None:
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(step_summary(book))
    assert html.count("<table>") == 4
    assert "<script" not in html
    assert "doejane: 1.5 of 3" in html
    assert "<td>✅</td>" in html


def test_annotations_are_workflow_commands_of_one_line(book: Gradebook) -> None:
    lines = list(workflow_commands(book))
    assert lines[0] == "::warning title=two%3A two holds::doejane: Nearly."
    assert len(lines) == 4
    assert all("\n" not in line and line.startswith("::") for line in lines)


# All of them


@pytest.mark.parametrize(
    ("write", "score"),
    [
        (lambda book: rows(canvas_csv(book))[1]["Sums"], "1.35"),
        (lambda book: rows(moodle_csv(book))[0]["Grade"], "1.35"),
        (lambda book: json.loads(gradescope_results(book, book.results[0]))["score"], 1.35),
        (lambda book: re.findall(r"doejane: (\S+) of", step_summary(book))[0], "1.35"),
    ],
    ids=["canvas", "moodle", "gradescope", "github"],
)
def test_what_lateness_costs_is_taken_off(
    book: Gradebook, write: Callable[[Gradebook], Any], score: Any
) -> None:
    late = Late(due=datetime.fromisoformat("2026-11-20T12:00:00+00:00"), per_day=0.1)
    first, *others = book.results
    handed_in = replace(first, submitted_at="2026-11-20T13:00:00+00:00")
    assignment = book.assignment.model_copy(update={"late": late})
    assert write(replace(book, assignment=assignment, results=[handed_in, *others])) == score


@pytest.mark.parametrize("write", [canvas_csv, moodle_csv], ids=["canvas", "moodle"])
def test_who_handed_in_nothing_has_a_row_and_no_score(
    book: Gradebook, write: Callable[[Gradebook], str]
) -> None:
    absent = rows(write(on_roster(book, GRADEBOOK.replace("ID,", "Identifier,", 1))))[-1]
    assert "Nobody, Absent" in absent.values()
    assert absent.get("Grade", absent.get("Sums (77)")) == ""


@pytest.mark.parametrize("write", [canvas_csv, moodle_csv, lambda book: grades_csv(book.results)])
def test_no_cell_of_any_table_is_a_formula(book: Gradebook, write: Callable[..., str]) -> None:
    for row in rows(write(book)):
        for cell in row.values():
            assert not cell.lstrip().startswith(("=", "+", "-", "@"))
