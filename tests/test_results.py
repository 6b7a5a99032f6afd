from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from grader.checks.verdict import Counterexample, Outcome, Shown, Verdict
from grader.results import Provenance, SubmissionResult

TEXT = st.text(max_size=20)
POINTS = st.floats(0, 100)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
FACTS: Any = st.dictionaries(TEXT, PLAIN, max_size=3)
SHOWN = st.builds(
    Shown, TEXT, st.none() | st.lists(st.integers(0, 9), max_size=3).map(tuple), st.none() | TEXT
)
VERDICT = st.builds(
    Verdict,
    question=TEXT,
    check=TEXT,
    verdict=st.sampled_from(Outcome),
    points=POINTS,
    max_points=POINTS,
    title=TEXT,
    message=TEXT,
    counterexample=st.none()
    | st.builds(
        Counterexample,
        TEXT,
        st.dictionaries(TEXT, SHOWN, max_size=2),
        st.none() | SHOWN,
        st.none() | SHOWN,
    ),
    mistakes=st.lists(TEXT, max_size=3).map(tuple),
    false_fail=st.floats(0, 1),
    detectable=st.none() | TEXT,
    evidence=FACTS,
    hidden=st.booleans(),
    replay=st.none() | TEXT,
    wall_seconds=POINTS,
)
FIGURES = st.tuples(*[st.floats(allow_nan=False)] * 3)
RESULT = st.builds(
    SubmissionResult,
    student_id=TEXT,
    name=TEXT,
    assignment=TEXT,
    status=st.sampled_from(["graded", "timeout", "crashed", "infrastructure"]),
    verdicts=st.lists(VERDICT, max_size=3).map(tuple),
    reason=TEXT,
    late=st.booleans(),
    submitted_at=TEXT,
    printed=st.dictionaries(TEXT, st.floats(allow_nan=False), max_size=2),
    recomputed=st.dictionaries(TEXT, FIGURES, max_size=2),
    executed=TEXT,
    digest=TEXT,
    assignment_digest=TEXT,
    earlier=st.lists(TEXT, max_size=2).map(tuple),
    provenance=st.builds(
        Provenance, isolation=TEXT, packages=st.dictionaries(TEXT, TEXT), overridden=FACTS
    ),
)


@given(RESULT)
def test_a_result_survives_json(result: SubmissionResult) -> None:
    assert SubmissionResult.from_json(json.loads(json.dumps(result.to_json()))) == result


def verdict(outcome: Outcome, points: float, max_points: float) -> Verdict:
    return Verdict("kl", "kl", outcome, points, max_points)


def test_the_row_has_the_documented_keys() -> None:
    example = Counterexample("KLD", {"mean": Shown("[2.0]")})
    one = Verdict("kl", "kl", Outcome.FAILED, 0, 1, counterexample=example, mistakes=("kl/half",))
    row = SubmissionResult("ann", "Ann", "vae", "graded", (one,)).to_json()
    assert row.keys() >= {
        *("student_id", "name", "assignment", "status", "score", "max_score"),
        *("isolation", "wall_seconds", "verdicts"),
    }
    assert row["verdicts"][0].keys() >= {
        *("question", "check", "verdict", "points", "max_points", "message"),
        *("counterexample", "mistakes", "false_fail", "detectable"),
    }


def test_points_add_up() -> None:
    both = (verdict(Outcome.PASSED, 2, 2), verdict(Outcome.PARTIAL, 0.5, 1))
    row = SubmissionResult("ann", "Ann", "vae", "graded", both).to_json()
    assert (row["score"], row["max_score"]) == (2.5, 3)


def test_a_fault_of_ours_has_no_score() -> None:
    assert SubmissionResult("ann", "Ann", "vae", "infrastructure").to_json()["score"] is None


def test_a_manual_verdict_waits() -> None:
    waiting = (verdict(Outcome.PASSED, 2, 2), verdict(Outcome.MANUAL, 0, 1))
    assert SubmissionResult("ann", "Ann", "vae", "graded", waiting).waiting
    assert not SubmissionResult("ann", "Ann", "vae", "graded", waiting[:1]).waiting
