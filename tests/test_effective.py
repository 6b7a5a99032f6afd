from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from grader.assignment import load
from grader.checks.verdict import Outcome, Verdict
from grader.effective import as_students_see, with_marks
from grader.export.gradebook import Gradebook
from grader.export.grades import grades_csv
from grader.export.gradescope import gradescope_results
from grader.marks import Mark, Marks
from grader.results import SubmissionResult
from grader.store import FILE, Store

WAITS = Verdict("one", "one", Outcome.MANUAL, 0, 1, title="One", message="Waits for a person.")
FAILED = Verdict(
    "two", "two_is_two", Outcome.FAILED, 0, 1.5, message="Not two.", mistakes=("two/half",)
)
HIDDEN = Verdict("two", "two_again", Outcome.PASSED, 0.5, 0.5, hidden=True)
RESULT = SubmissionResult("kim", "Kim", "sums", "graded", (WAITS, FAILED, HIDDEN), digest="d1")
MARK = Mark("kim", "one", 0, 0.5, "Nearly.", "", "Ann", "d1", marked_at="2026-11-21T02:00:00+00:00")
OVERRULED = replace(MARK, question="two", points=2, comment="", reason="Nobody was told.")


def marked(*marks: Mark, result: SubmissionResult = RESULT) -> SubmissionResult:
    return with_marks(result, {mark.question: mark for mark in marks})


def test_without_marks_a_result_stays_as_it_is() -> None:
    assert marked() == RESULT


@pytest.mark.parametrize(
    ("points", "outcome"),
    [(1, Outcome.PASSED), (0.5, Outcome.PARTIAL), (0, Outcome.FAILED)],
)
def test_a_marked_question_has_a_verdict_with_points_and_the_comment(
    points: float, outcome: Outcome
) -> None:
    verdict, *rest = marked(replace(MARK, points=points)).verdicts
    assert (verdict.verdict, verdict.points, verdict.max_points) == (outcome, points, 1)
    assert (verdict.message, verdict.by) == ("Nearly.", "Ann")
    assert rest == [FAILED, HIDDEN]


def test_a_marked_question_no_longer_waits() -> None:
    assert RESULT.waiting
    assert not marked(MARK).waiting
    assert marked(MARK).score == 1.0


def test_an_overruling_says_who_and_why_and_keeps_what_the_checks_said() -> None:
    _, verdict = marked(OVERRULED).verdicts
    assert (verdict.verdict, verdict.points, verdict.max_points) == (Outcome.PASSED, 2, 2)
    assert verdict.title == "Decided by Ann"
    assert verdict.message == "Nobody was told."
    assert verdict.evidence == {"marked_by": "Ann", "marked_at": MARK.marked_at}
    assert verdict.overruled == (FAILED, HIDDEN)
    assert verdict.mistakes == ()


def test_a_mistake_stays_named_while_points_are_missing() -> None:
    _, verdict = marked(replace(OVERRULED, points=1)).verdicts
    assert verdict.mistakes == ("two/half",)


def test_an_overruled_verdict_survives_json() -> None:
    result = marked(MARK, OVERRULED)
    assert SubmissionResult.from_json(json.loads(json.dumps(result.to_json()))) == result


def test_a_result_of_before_there_were_marks_is_read() -> None:
    row = RESULT.to_json()
    for verdict in row["verdicts"]:
        del verdict["by"], verdict["overruled"]
    assert SubmissionResult.from_json(row) == RESULT


@pytest.mark.parametrize(
    "mark",
    [replace(MARK, points=None), replace(MARK, digest="d0"), replace(MARK, question="three")],
    ids=["withdrawn", "another hand-in", "no such question"],
)
def test_a_mark_that_does_not_count_leaves_the_verdict(mark: Mark) -> None:
    assert marked(mark) == RESULT


def test_points_never_exceed_what_the_question_is_worth_now() -> None:
    assert marked(replace(MARK, points=9)).verdicts[0].points == 1


def test_our_own_failure_is_not_marked() -> None:
    lost = replace(RESULT, status="infrastructure")
    assert marked(MARK, result=lost) == lost


def test_the_store_gives_results_with_the_marks_in_force(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.add_result("key", RESULT)
        kept = Marks(tmp_path / FILE).add(MARK)
        assert list(store.results()) == [marked(kept)]
        assert list(store.automatic()) == [RESULT]


def test_marks_outlive_a_regrading(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.add_result("key", RESULT)
        kept = Marks(tmp_path / FILE).add(MARK)
        store.forget_others(set())
        store.begin("kim")
        store.add_result("other key", RESULT)
        assert list(store.results()) == [marked(kept)]


def test_grades_and_feedback_follow(sums: Path) -> None:
    result = marked(replace(MARK, points=1), replace(OVERRULED, points=1))
    book = Gradebook(load(sums), [result], {"two/half": "Half of it is missing."})
    assert book.feedback(result) == "One: 1 of 1. Nearly.\nTwo: 1 of 2. Nobody was told."
    assert "kim,Kim,graded,2,3,,1,1," in grades_csv([result])


def test_students_see_how_a_hidden_check_ended_and_no_more() -> None:
    told = replace(
        HIDDEN,
        verdict=Outcome.FAILED,
        points=0.25,
        title="Two, again",
        message="For x = 7 it is 3.",
        mistakes=("two/half",),
        detectable="a half",
        evidence={"x": 7},
        replay="token",
    )
    (seen,) = as_students_see(replace(RESULT, verdicts=(told,))).verdicts
    assert (seen.verdict, seen.points, seen.max_points) == (Outcome.FAILED, 0.25, 0.5)
    assert (seen.check, seen.title) == ("not-public", "A check that is not public")
    assert seen.message == "Your answer is not right on inputs that are not public."
    assert (seen.evidence, seen.replay, seen.detectable) == ({}, None, None)
    assert seen.mistakes == ("two/half",)


def test_students_see_public_checks_without_our_tracebacks() -> None:
    told = replace(FAILED, evidence={"inputs": 3, "diagnosis_traceback": "def mistake()"})
    (seen,) = as_students_see(replace(RESULT, verdicts=(told,))).verdicts
    assert seen == replace(FAILED, evidence={"inputs": 3})


def test_students_see_what_was_overruled_without_hidden_checks() -> None:
    told = replace(HIDDEN, verdict=Outcome.FAILED, title="Two, again")
    _, seen = as_students_see(
        marked(OVERRULED, result=replace(RESULT, verdicts=(WAITS, FAILED, told)))
    ).verdicts
    assert seen.message == "Nobody was told."
    assert [v.title for v in seen.overruled] == ["", "A check that is not public"]


def test_students_are_not_told_which_check_broke_on_our_side() -> None:
    broken = replace(RESULT, status="infrastructure", reason="could not be checked by two_again")
    assert as_students_see(broken).reason == ""
    crashed = replace(RESULT, status="crashed", reason="the kernel died")
    assert as_students_see(crashed).reason == "the kernel died"


def test_no_export_tells_students_which_check_broke_on_our_side(sums: Path) -> None:
    broken = replace(RESULT, status="infrastructure", reason="could not be checked by two_again")
    book = Gradebook(load(sums), [broken], {})
    assert "two_again" not in book.feedback(broken)
    assert json.loads(gradescope_results(book, broken))["output"] == ""
