from __future__ import annotations

import csv
import io

import pytest

from grader.checks.verdict import Outcome, Verdict
from grader.export.grades import grades_csv
from grader.results import SubmissionResult


def verdict(question: str, outcome: Outcome, points: float, *mistakes: str) -> Verdict:
    return Verdict(question, f"{question}_check", outcome, points, 2, mistakes=mistakes)


def table(*results: SubmissionResult) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(grades_csv(results), newline="")))


def result(name: str = "Ann", status: str = "graded", *verdicts: Verdict) -> SubmissionResult:
    row = SubmissionResult("ann", name, "vae", "graded", verdicts).to_json()
    return SubmissionResult.from_json(row | {"status": status})


def test_points_stand_in_a_column_per_question() -> None:
    kl, elbo = verdict("kl", Outcome.PARTIAL, 0.5), verdict("elbo", Outcome.PASSED, 2)
    (row,) = table(result("Ann", "graded", kl, elbo, verdict("kl", Outcome.PASSED, 1)))
    assert (row["kl"], row["elbo"], row["score"], row["max_score"]) == ("1.5", "2", "3.5", "6")


def test_each_mistake_is_named_once() -> None:
    half = verdict("kl", Outcome.FAILED, 0, "kl/half")
    both = verdict("kl", Outcome.FAILED, 0, "kl/half", "kl/sign")
    (row,) = table(result("Ann", "graded", half, both))
    assert row["mistakes"] == "kl/half kl/sign"


def test_a_fault_of_ours_has_no_score() -> None:
    ours, other = verdict("kl", Outcome.INFRASTRUCTURE, 0), verdict("elbo", Outcome.PASSED, 2)
    (row,) = table(result("Ann", "infrastructure", ours, other))
    assert (row["score"], row["max_score"], row["kl"], row["elbo"]) == ("", "", "", "")


def test_what_waits_for_a_person_is_empty_and_not_zero() -> None:
    (row,) = table(result("Ann", "graded", verdict("mc", Outcome.MANUAL, 0)))
    assert row["mc"] == ""


def test_late_is_said() -> None:
    late = SubmissionResult("ann", "Ann", "vae", "graded", late=True)
    assert [row["late"] for row in table(late, result())] == ["late", ""]


@pytest.mark.parametrize(
    "name",
    [
        *("=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", " =1", "＝1+1"),
        *("Ann;=1+1", "Ann\t=1", "Ann\n=1"),
    ],
)
def test_a_formula_is_defused_wherever_a_cell_may_begin(name: str) -> None:
    (row,) = table(result(name))
    for separator in (";", "\t", "\n", "\r"):
        for cell in row["name"].split(separator):
            assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝"))


def test_a_name_that_is_no_formula_stays_as_it_is() -> None:
    name = 'Zoë "Z" O\'Brien-Smith, 3+4; Ltd = x'
    assert table(result(name))[0]["name"] == name


def test_no_results_are_a_header() -> None:
    assert grades_csv([]).strip() == "student_id,name,status,score,max_score,late,mistakes,reason"
