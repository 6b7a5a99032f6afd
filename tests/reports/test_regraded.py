from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import reports
from grader.regrading import regrades
from reports import cohort
from reports.regraded import RegradeView, views
from tests.reports import sample
from tests.reports.sample import ASSIGNMENT, CATALOGUE, XSS

NOW = sample.results()
SLUGS = {result.student_id: f"s{index}" for index, result in enumerate(NOW)}


def changed(student: int, faults: str) -> dict[str, sample.SubmissionResult]:
    """The class before: one student had made other mistakes."""
    before = sample.student(student, NOW[student].name, faults)
    return {before.student_id: replace(before, assignment_digest="old")}


@pytest.fixture(scope="module")
def seen() -> tuple[RegradeView, ...]:
    before = changed(0, "half nats blurred") | changed(5, "") | changed(9, "half blurred")
    return views(regrades(before, NOW), SLUGS, ASSIGNMENT)


def test_only_who_came_out_otherwise_is_listed_the_largest_loss_first(
    seen: tuple[RegradeView, ...],
) -> None:
    assert [(v.link.name, v.was, v.now, v.difference) for v in seen] == [
        ("Lin Okafor", "13.59", "14.59", "+1"),
        ("Ada Byron", "18", "20", "+2"),
    ]
    lost = views(regrades(changed(3, ""), NOW), SLUGS, ASSIGNMENT)
    assert (lost[0].tone, lost[0].difference) == ("bad", "−3")


def test_of_too_many_those_that_changed_least_are_left_out() -> None:
    (lost,) = regrades(changed(3, ""), NOW)
    (gained,) = regrades(changed(5, ""), NOW)
    (little,) = regrades(changed(0, "half nats blurred"), NOW)
    many = (gained,) * 150 + (little,) * 7 + (lost,) * 150
    assert {v.difference for v in views(many, SLUGS, ASSIGNMENT)} == {"−3", "+2"}
    page = cohort.page(NOW, SLUGS, ASSIGNMENT, CATALOGUE, many)
    assert page.regraded == (
        "307 of 30 came out otherwise than before; the 7 that changed least are not listed."
    )


def test_both_verdicts_stand_side_by_side(seen: tuple[RegradeView, ...]) -> None:
    (change,) = seen[0].changes
    assert (change.question, change.title[:18]) == ("2.6 Bits per dimension", "Nats become bits, ")
    assert (change.was.look.word, change.was.points) == ("Failed", "0 / 1")
    assert (change.now.look.word, change.now.points) == ("Passed", "1 / 1")
    assert change.was.message == "Right up to a constant factor of 0.6931."


def test_the_reason_says_what_else_differs(seen: tuple[RegradeView, ...]) -> None:
    assert seen[0].why == (
        "Graded before on 2 March 2026, 01:58 UTC. What else differs: the assignment was changed."
    )


def test_the_class_page_shows_it_and_escapes_it(tmp_path: Path) -> None:
    hostile = NOW[-1]
    before = {hostile.student_id: replace(hostile, verdicts=(), provenance=sample.provenance())}
    page = reports.render(NOW, ASSIGNMENT, tmp_path, tmp_path, CATALOGUE, regrades(before, NOW))
    html = page.read_text("utf-8")
    assert "1 of 30 came out otherwise than before." in html
    assert XSS not in html
