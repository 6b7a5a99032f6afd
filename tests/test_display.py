from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from grader.batch import Outcome as Left
from grader.batch import Plan
from grader.checks.verdict import Outcome, Verdict
from grader.display import display_for
from grader.regrading import Change, Regrade
from grader.results import Status, SubmissionResult
from grader.schedule import events
from grader.settings import Settings
from grader.submission import Discovery, Submission
from grader.summary import print_outcome

HOSTILE = "[red]Ann[/red]\x1b[2J\x1b]0;owned\x07\r\u202e"


def console(*, terminal: bool = False) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=200, color_system=None)


def text(of: Console) -> str:
    assert isinstance(of.file, io.StringIO)
    return of.file.getvalue()


def verdict(question: str, outcome: Outcome, *mistakes: str) -> Verdict:
    earned = 1 if outcome is Outcome.PASSED else 0
    return Verdict(question, f"{question}_check", outcome, earned, 1, mistakes=mistakes)


def result(
    student: str, *verdicts: Verdict, status: Status = "graded", reason: str = ""
) -> SubmissionResult:
    return SubmissionResult(student, student.title(), "sums", status, verdicts, reason)


@pytest.fixture
def plan(settings: Settings) -> Plan:
    submissions = tuple(Submission(name, name) for name in ("ann", "bob", "eve"))
    found = Discovery("plain", submissions, ("Passed over: [red]\x1b[31mx.", *"bcdefghij"))
    return Plan(
        settings.assignment, found, settings, 2, submissions[:2], "digits/test (360 images)"
    )


def test_a_log_gets_a_plain_line_per_submission(plan: Plan) -> None:
    log = console()
    display = display_for(log)
    display.begin(plan)
    display.tell(events.Started("ann"))
    display.tell(events.Retried("ann", "the worker died"))
    display.tell(events.Finished("ann", result("ann", verdict("one", Outcome.PASSED))))
    display.tell(events.Failed("bob", "no sandbox"))
    display.end()
    lines = text(log).splitlines()
    assert lines[0] == "sums · 3 submissions (plain layout) · 1 unchanged, not run again"
    assert "isolation none · 2 workers · held-out data digits/test (360 images)" in lines[1]
    assert "unprotected" in lines[1]
    assert lines[2] == "  note: Passed over: [red] [31mx."
    assert lines[-4:] == [
        "  and 2 more notes",
        "[0/2] ann  tried again: the worker died",
        "[1/2] ann  1 / 1  graded",
        "[2/2] bob  infrastructure: no sandbox",
    ]


def test_a_terminal_gets_a_bar(plan: Plan) -> None:
    screen = console(terminal=True)
    display = display_for(screen)
    display.begin(plan)
    display.tell(events.Ready({}))
    display.tell(events.Started("ann"))
    display.tell(events.Progress("ann", 3, 7))
    display.tell(events.Landed("ann", verdict("one", Outcome.PASSED)))
    display.tell(events.Retried("ann", "the worker died"))
    display.tell(events.Finished("ann", result("ann")))
    display.tell(events.Started(HOSTILE))
    display.tell(events.Failed("bob", "no sandbox"))
    display.end()
    shown = text(screen)
    assert "━" in shown
    assert "2/2" in shown
    assert "1 retried" in shown
    assert "owned\x07" not in shown
    assert "\x1b[2J" not in shown
    assert shown.rstrip().endswith(("\x1b[?25h", "\x1b[2K"))  # the cursor is back


def test_what_strangers_wrote_commands_no_terminal(plan: Plan) -> None:
    screen = console(terminal=True)
    display = display_for(console())
    hostile = result(HOSTILE, status="crashed", reason=HOSTILE)
    print_outcome(screen, Left((hostile,), {}, Path("out")), "out")
    log = console()
    display = display_for(log)
    display.begin(plan)
    display.tell(events.Finished(HOSTILE, hostile))
    for shown in (text(screen), text(log)):
        assert "[red]" in shown.lower()
        assert not {"\x07", "\r", "\u202e"} & set(shown)
        assert "\x1b[2J" not in shown
        assert "\x1b]0;" not in shown


def test_the_outcome_counts_and_names(plan: Plan) -> None:
    results = (
        result("ann", verdict("one", Outcome.PASSED), verdict("mc", Outcome.MANUAL)),
        result("bob", verdict("one", Outcome.FAILED, "one/two")),
        result("cem", status="timeout", reason="stopped at a deadline in cell 2"),
        result("dia", status="memory", reason="used more than 4096 MiB of memory"),
        result("eve", status="crashed", reason="the kernel died"),
        result("fay", status="unreadable", reason="is not JSON"),
        result("gus", status="infrastructure", reason="no sandbox"),
    )
    log = console()
    pages = ("report/index.html", "feedback/")
    print_outcome(log, Left(results, {"one/two": "Count again."}, Path("/x/out"), pages), "out")
    shown = text(log)
    for line in (
        "passed everything",
        "lost some points",
        "stopped at a deadline",
        "ran out of memory",
        "could not be read",
        "wait for a person",
        " stopped at a deadline in cell 2",
        "one/two",
        "Count again.",
        "out/grades.csv · out/report/index.html · out/feedback/",
        "1 submission failed on our side, no grade: no sandbox; the same command tries again",
    ):
        assert line in shown
    assert "mean 0.2 / 2" in shown  # 1 point over the 6 that have a score
    assert "no score" in shown
    assert "stopped;" not in shown


def test_what_came_out_otherwise_is_listed_with_its_reason() -> None:
    was = result("ann", verdict("one", Outcome.FAILED))
    now = result("ann", verdict("one", Outcome.PASSED))
    regrade = Regrade(was, now, (Change("one", was.verdicts[0], now.verdicts[0]),), ("of moons",))
    log = console()
    print_outcome(log, Left((now,), {}, Path("out"), regrades=(regrade,) * 21), "out")
    lines = [" ".join(line.split()) for line in text(log).splitlines()]
    assert "graded again, 21 came out otherwise was is why" in lines
    assert lines.count("Ann 0 1 one_check failed → passed; of moons") == 20
    assert "and 1 more" in lines


def test_a_large_class_has_no_table_of_students() -> None:
    results = tuple(result(f"student{number:03}") for number in range(61))
    log = console()
    print_outcome(log, Left(results, {}, Path("out"), stopped=True), "out")
    assert "student007" not in text(log).lower()
    assert "stopped; 61 results are kept; the same command goes on" in text(log)


def test_a_run_in_which_everything_failed_on_our_side_has_no_mean() -> None:
    results = tuple(
        result(name, status="infrastructure", reason="no sandbox") for name in ("ann", "bob")
    )
    log = console()
    print_outcome(log, Left(results, {}, Path("out")), "out")
    assert "mean" not in text(log)
    assert "2 submissions failed on our side" in text(log)
