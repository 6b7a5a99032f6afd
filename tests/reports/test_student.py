from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from grader.results import Provenance, Status, SubmissionResult
from reports import notebook, student
from reports.question import Card
from tests.reports import sample
from tests.reports.sample import ASSIGNMENT, CATALOGUE


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[notebook.Cell]:
    folder = sample.write_notebooks(tmp_path_factory.mktemp("notebooks"))
    return notebook.read(folder / "0.ipynb")


def page(result: SubmissionResult, cells: list[notebook.Cell] | None = None) -> student.StudentPage:
    return student.page(result, ASSIGNMENT, cells or [], CATALOGUE)


def card(page: student.StudentPage, question: str) -> Card:
    return next(card for card in page.questions if card.id == question)


def test_cards_stand_in_the_order_of_the_sheet() -> None:
    cards = page(sample.student(0, "Lin", "half")).questions
    assert [c.number for c in cards] == [q.sheet for q in ASSIGNMENT.questions]


def test_the_line_says_how_it_went_and_points_at_the_largest_loss() -> None:
    result = page(sample.student(0, "Lin", "half blurred"))
    assert result.line == "7 of 9 questions passed. 2 points wait for a person."
    assert result.first is not None
    assert result.first.id == "kl"
    assert (result.score, result.max_score) == ("14.59", "20")


def test_a_perfect_hand_in_is_told_so() -> None:
    result = page(sample.student(0, "Lin", "marked"))
    assert result.line == "Every question that a program can decide passed."
    assert result.first is None


def test_our_own_failure_is_not_told_as_a_loss() -> None:
    result = page(sample.student(0, "Lin", "ours"))
    assert result.line == (
        "8 of 9 questions passed. 2 points wait for a person. 4 points are graded again."
    )
    assert card(result, "bpd-test").points == "–"
    assert result.first is None


def test_a_question_for_a_person_has_no_points_yet_and_shows_its_rubric(
    cells: list[notebook.Cell],
) -> None:
    manual = card(page(sample.student(0, "Lin", ""), cells), "mc")
    assert manual.points == "–"
    assert manual.rubric.startswith("1 point: names the variance")
    assert manual.checks == ()
    assert manual.cells[0].kind == "text"
    assert "Most z drawn from the prior" in manual.cells[0].source


def test_cells_come_with_highlighting_and_outputs(cells: list[notebook.Cell]) -> None:
    result = page(sample.student(0, "Lin", "half"), cells)
    (kl,) = card(result, "kl").cells
    assert '<span class="nf">KLD</span>' in kl.source
    assert len(kl.outputs) == 1
    assert len(card(result, "samples").cells[0].outputs) == 1
    assert len(card(result, "manifold").cells) == 1


def test_the_metric_stands_in_the_card_of_its_threshold() -> None:
    result = page(sample.student(0, "Lin", "blurred"))
    metric = card(result, "bpd-test").metric
    assert metric is not None
    assert (metric.printed, metric.recomputed, metric.mismatch) == ("0.41", "2.05", True)
    assert [m.name for m in result.other_metrics] == ["train_loss"]


@pytest.mark.parametrize("status", sorted(set(get_args(Status)) - {"graded"}))
def test_every_status_but_graded_has_a_banner_with_its_reason(status: str) -> None:
    result = replace(sample.student(0, "Lin", ""), status=status, reason="Because.")
    banner = page(result).banner
    assert banner is not None
    assert banner.reason == "Because."
    assert page(sample.student(0, "Lin", "")).banner is None


def test_without_verdicts_the_sheet_is_still_there() -> None:
    result = replace(sample.student(0, "Lin", ""), verdicts=(), status="unreadable")
    assert (page(result).score, page(result).max_score) == ("–", "20")
    assert {card.look.word for card in page(result).questions} == {"Not graded"}


def test_the_foot_names_what_ran_and_what_was_changed() -> None:
    facts = {fact.name: fact.text for fact in page(sample.student(1, "Petra", "")).provenance}
    assert facts["Versions"] == "Python 3.12.4, torch 2.13.0, numpy 2.4.6"
    assert facts["Started"] == "2 March 2026, 01:58 UTC"
    assert facts["Took"] == "41.8 s, of which the notebook 33.2 s"
    assert facts["Peak memory"] == "700 MiB"
    assert facts["Changed for the run"] == "epochs = 2, batch_size = 128"
    assert facts["Fixed for the run"] == "PYTHONHASHSEED 0, OMP_NUM_THREADS 1"
    assert facts["Held-out data"] == "digits/test (360 images)"
    assert facts["Superseded"] == "1 earlier hand-in kept and not graded"


def test_a_run_without_isolation_is_marked() -> None:
    result = replace(sample.student(0, "Lin", ""), provenance=Provenance(isolation="none"))
    assert page(result).unsafe
    assert not page(sample.student(0, "Lin", "")).unsafe
