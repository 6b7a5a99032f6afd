from __future__ import annotations

import csv
import io
from datetime import datetime
from pathlib import Path

import pytest

from grader.assignment import Late, load
from grader.checks.verdict import Outcome
from grader.errors import AssignmentError
from grader.export.gradebook import Gradebook
from grader.export.grades import grades_csv
from grader.late import days_late, final_score
from grader.results import SubmissionResult
from tests.export.conftest import on_roster, result, verdict

DUE = datetime.fromisoformat("2026-11-20T23:59:00+01:00")
LATE = Late(due=DUE, grace_minutes=10, per_day=0.25, most=0.6)


def handed_in(at: str) -> SubmissionResult:
    return result("kim", "Kim", verdict("one", Outcome.PASSED, 2), submitted_at=at)


@pytest.mark.parametrize(
    ("at", "days", "score"),
    [
        ("2026-11-20T22:00:00+01:00", 0, 2.0),
        ("2026-11-20T23:09:00+00:00", 0, 2.0),  # 00:09 in the deadline's zone: within the grace
        ("2026-11-21T00:09:01+01:00", 1, 1.5),
        ("2026-11-22T00:09:00+01:00", 1, 1.5),
        ("2026-11-22T00:09:01+01:00", 2, 1.0),
        ("2026-12-24T00:00:00+01:00", 33, 0.8),
        ("2026-11-20T23:30:00", 1, 1.5),  # without a zone: UTC, 00:30 there
        ("", 0, 2.0),
    ],
)
def test_a_day_begun_costs_its_share(at: str, days: int, score: float) -> None:
    late = handed_in(at)
    assert days_late(late, LATE) == days
    assert final_score(late, LATE) == pytest.approx(score)


def test_without_a_deadline_nothing_is_late() -> None:
    assert final_score(handed_in("2030-01-01T00:00:00+00:00"), None) == 2


def test_the_table_shows_both_scores_and_who_is_missing(book: Gradebook) -> None:
    joined = on_roster(book, "id,name\nkim,Kim\nlee,Lee\n")
    text = grades_csv([handed_in("2026-11-21T12:00:00+01:00")], LATE, joined.roster)
    kim, *missing = csv.DictReader(io.StringIO(text, newline=""))
    assert (kim["score"], kim["days_late"], kim["final_score"]) == ("2", "1", "1.5")
    assert [row["status"] for row in missing] == ["not handed in"] * 2


def test_a_deadline_needs_its_offset(sums: Path) -> None:
    toml = sums / "assignment.toml"
    toml.write_text(toml.read_text("utf-8") + "\n[late]\ndue = 2026-11-20T23:59:00\n", "utf-8")
    with pytest.raises(AssignmentError, match=r"late\.due"):
        load(sums)
