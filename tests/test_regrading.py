from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grader import batch
from grader.batch import Options, run_batch
from grader.checks.verdict import Outcome, Verdict
from grader.marks import Mark, Marks
from grader.regrading import Regrade, regrades
from grader.results import Provenance, SubmissionResult
from grader.schedule import events
from grader.store import FILE, Store

FAILED = Verdict("one", "one_is_one", Outcome.FAILED, 0, 1, message="Not one.")
PASSED = replace(FAILED, verdict=Outcome.PASSED, points=1, message="")
OTHER = Verdict("two", "two_is_two", Outcome.PASSED, 2, 2)
BEFORE = SubmissionResult("kim", "Kim", "sums", "graded", (FAILED, OTHER), digest="d1")
AFTER = replace(BEFORE, verdicts=(PASSED, OTHER), assignment_digest="a2")


def compared(was: SubmissionResult, now: SubmissionResult) -> Regrade:
    (regrade,) = regrades({was.student_id: was}, [now])
    return regrade


def test_a_check_that_decides_otherwise_stands_with_both_verdicts() -> None:
    regrade = compared(BEFORE, AFTER)
    (change,) = regrade.changes
    assert (change.was, change.now, change.points) == (FAILED, PASSED, 1)
    assert (change.question, change.check) == ("one", "one_is_one")
    assert regrade.causes == ("the assignment was changed",)


def test_what_comes_out_the_same_is_no_change() -> None:
    again = replace(BEFORE, verdicts=(replace(FAILED, message="In other words."), OTHER))
    assert regrades({"kim": BEFORE}, [again]) == ()


def test_who_was_not_graded_before_has_nothing_to_compare() -> None:
    assert regrades({}, [AFTER]) == ()
    assert regrades({"kim": replace(BEFORE, assignment="other")}, [AFTER]) == ()
    assert regrades({"kim": BEFORE}, [replace(AFTER, status="infrastructure")]) == ()


def test_checks_come_and_go() -> None:
    new = Verdict("two", "two_again", Outcome.FAILED, 0, 1)
    regrade = compared(BEFORE, replace(BEFORE, verdicts=(FAILED, new)))
    assert [(c.check, c.was, c.now) for c in regrade.changes] == [
        ("two_again", None, new),
        ("two_is_two", OTHER, None),
    ]
    assert [c.points for c in regrade.changes] == [0, -2]


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        ({"digest": "d2"}, "another hand-in"),
        ({"status": "timeout"}, "it ended as timeout, before as graded"),
        ({"provenance": Provenance(packages={"torch": "2.13"})}, "torch 2.13, before none"),
        ({"provenance": Provenance(held_out="mnist")}, "other held-out data: mnist"),
        ({"provenance": Provenance(overridden={"epochs": 1})}, "other parameters"),
        ({"provenance": Provenance(isolation="warm")}, "run in warm on cpu"),
        ({}, None),
    ],
    ids=["hand-in", "status", "version", "data", "parameters", "isolation", "nothing"],
)
def test_what_else_differs_is_said(changed: dict[str, object], cause: str | None) -> None:
    now = replace(BEFORE, verdicts=(PASSED, OTHER), **changed)
    assert compared(BEFORE, now).causes == ((cause,) if cause else ())


def test_the_store_keeps_the_grade_before_the_last_one(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.add_result("key", BEFORE)
        assert store.replaced() == {}
        store.add_result("key", AFTER)
        assert store.replaced() == {"kim": BEFORE}
        store.add_result("key", replace(AFTER, status="infrastructure", verdicts=()))
        store.add_result("key", BEFORE)
        assert store.replaced() == {"kim": AFTER}
        store.forget_others(set())
        assert store.replaced() == {}


def test_a_mark_that_stands_is_no_change(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.add_result("key", BEFORE)
        Marks(tmp_path / FILE).add(Mark("kim", "one", 0, 1, "", "Right after all.", "Ann", "d1"))
        store.add_result("key", AFTER)
        assert regrades(store.replaced(), store.results()) == ()
        store.add_result("key", replace(AFTER, digest="d2"))
        (regrade,) = regrades(store.replaced(), store.results())
        assert regrade.causes == ("another hand-in",)


class Silent:
    """A display of nothing."""

    def begin(self, plan: object) -> None:
        pass

    def tell(self, event: object) -> None:
        pass

    def end(self) -> None:
        pass


@pytest.mark.usefixtures("course_environment")
def test_a_run_tells_what_it_changed_and_the_page_keeps_telling(
    hand_in: Callable[..., Path],
    sums: Path,
    library: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    verdicts: Iterator[tuple[Verdict, ...]] = iter([(FAILED, OTHER), (PASSED, OTHER)])

    def decide(pending: Any, settings: Any, jobs: int, tell: Callable[..., None]) -> None:
        tell(events.Finished("kim", replace(BEFORE, verdicts=next(verdicts))))

    monkeypatch.setattr(batch, "stage_library", lambda _: library)
    monkeypatch.setattr(batch, "run_all", decide)
    options = Options(hand_in("kim"), tmp_path / "out", str(sums), isolation="none")
    assert run_batch(options, Silent()).regrades == ()
    (regrade,) = run_batch(replace(options, force=True), Silent()).regrades
    assert regrade.changes[0].now == PASSED
    assert run_batch(options, Silent()).regrades == ()  # nothing ran
    page = (tmp_path / "out" / "report" / "index.html").read_text("utf-8")
    assert "1 of 1 came out otherwise than before." in page
    assert "came out otherwise" not in (tmp_path / "out/feedback/kim.html").read_text("utf-8")
