"""What is handed to students, held against everything that they must not learn from it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

import reports
from grader.assignment import Assignment, installed, load
from grader.authored import assignment_checks, catalogue_of, sentences
from grader.checks.declare import Check
from grader.checks.seeds import Seeds
from grader.checks.verdict import Counterexample, Outcome, Shown, Verdict
from grader.data import find, held_out
from grader.effective import as_students_see
from grader.results import SubmissionResult
from reports.check import view
from tests.reports import sample

ENDINGS = (Outcome.FAILED, Outcome.ERROR, Outcome.PARTIAL, Outcome.PASSED, Outcome.SKIPPED)
INPUT = "[0.8414709848, -0.6536436209]"


def held_out_text() -> str:
    """One image that no notebook has seen, as its numbers."""
    return " ".join(map(str, held_out(find("digits"))[0].ravel().tolist()))


def tell_tale(check: Check, number: int, secret: str, traceback: str) -> Verdict:
    """A verdict that holds all it can: a hidden one tells its secret in every field."""
    outcome = ENDINGS[number % len(ENDINGS)]
    told = secret if check.hidden else "Seen from outside."
    example = Counterexample("f", {"x": Shown(told)}, Shown(told), Shown(told))
    return Verdict(
        check.question,
        check.name,
        outcome,
        check.points if outcome is Outcome.PASSED else 0,
        check.points,
        title=check.title,
        message=told,
        counterexample=example,
        false_fail=check.alpha,
        detectable=told,
        evidence={"inputs": told, "traceback": traceback, "diagnosis_traceback": traceback},
        hidden=check.hidden,
        replay=Seeds(b"of the course", "any", 1).token(check.name),
    )


def hand_in(assignment: Assignment, checks: tuple[Check, ...]) -> tuple[SubmissionResult, str]:
    """A result that holds every secret of an assignment; and the held-out image in it."""
    image = held_out_text()
    catalogue = catalogue_of(assignment)
    code = "\n".join(code_of(m.code) for m in catalogue.mistakes) if catalogue else ""
    verdicts = tuple(
        tell_tale(check, number, f"{check.title} {check.name} {image} {INPUT}", code)
        for number, check in enumerate(checks)
    )
    overruled = Verdict(
        verdicts[0].question,
        "one",
        Outcome.PASSED,
        1,
        1,
        title="Decided by Ann",
        message="Right after all.",
        by="Ann",
        overruled=tuple(v for v in verdicts if v.hidden),
    )
    result = SubmissionResult(
        "kim",
        "Kim",
        assignment.name,
        "infrastructure",
        (overruled, *verdicts),
        reason=f"could not be checked by {' and '.join(v.check for v in verdicts)}",
        provenance=replace(sample.provenance(), held_out="digits/test (360 images)"),
    )
    return result, image


def code_of(code: object) -> str:
    try:
        return inspect.getsource(code)  # type: ignore[arg-type]
    except (OSError, TypeError):
        return ""


def tokens_of(checks: tuple[Check, ...]) -> Iterator[str]:
    for check in checks:
        yield Seeds(b"of the course", "any", 1).token(check.name)


@pytest.fixture(scope="module", params=sorted(installed()))
def assignment(request: pytest.FixtureRequest) -> Assignment:
    return load(request.param)


@pytest.fixture(scope="module")
def page(assignment: Assignment, tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("feedback")
    result, _ = hand_in(assignment, assignment_checks(assignment))
    reports.render_feedback([result], assignment, out, out, sentences(assignment))
    assert [path.name for path in out.iterdir()] == ["kim.html"]
    return unescape((out / "kim.html").read_text("utf-8"))


def test_no_hidden_check_is_named_to_students(assignment: Assignment, page: str) -> None:
    checks = assignment_checks(assignment)
    hidden = [check for check in checks if check.hidden]
    public = {check.title for check in checks if not check.hidden}
    assert hidden
    for check in hidden:
        assert check.name not in page
        assert check.title.rstrip(".") not in page or check.title in public
    for token in tokens_of(tuple(hidden)):
        assert token not in page


def test_no_hidden_input_and_no_held_out_image_reaches_students(
    assignment: Assignment, page: str
) -> None:
    _, image = hand_in(assignment, assignment_checks(assignment))
    assert image not in page
    assert image[:80] not in page
    assert INPUT not in page
    assert "digits/test" not in page


def test_no_code_of_a_mistake_reaches_students(assignment: Assignment, page: str) -> None:
    catalogue = catalogue_of(assignment)
    lines = {
        line.strip()
        for mistake in (catalogue.mistakes if catalogue else ())
        for line in code_of(mistake.code).splitlines()
        if len(line.strip()) > 24
    }
    assert {line for line in lines if line in page} == set()


def test_no_rubric_reaches_students(assignment: Assignment, page: str) -> None:
    for question in assignment.questions:
        assert not question.rubric or question.rubric.strip()[:60] not in page


def test_students_still_read_what_public_checks_say(page: str) -> None:
    assert "Seen from outside." in page
    assert "A check that is not public" in page
    assert "Right after all." in page


def test_nothing_is_claimed_of_how_a_hidden_check_decides() -> None:
    hidden = [v for v in sample.student(0, "Lin", "").verdicts if v.hidden]
    result = as_students_see(replace(sample.student(0, "Lin", ""), verdicts=tuple(hidden)))
    for verdict in result.verdicts:
        seen = view(verdict, {})
        assert (seen.evidence, seen.meaning, seen.hidden) == ((), "", False)
    assert hidden
    assert all(view(verdict, {}).evidence for verdict in hidden)


def test_the_same_secrets_stand_on_the_staff_page(assignment: Assignment, tmp_path: Path) -> None:
    result, _ = hand_in(assignment, assignment_checks(assignment))
    reports.render([result], assignment, tmp_path, tmp_path, sentences(assignment))
    staff = unescape((tmp_path / "students" / "kim.html").read_text("utf-8"))
    assert INPUT in staff
    hidden = next(check for check in assignment_checks(assignment) if check.hidden)
    assert hidden.title.rstrip(".") in staff


def test_a_page_of_a_student_who_is_gone_is_not_handed_out(tmp_path: Path) -> None:
    (tmp_path / "gone.html").write_text("old")
    reports.render_feedback(
        [sample.student(0, "Lin", "half")], sample.ASSIGNMENT, tmp_path, tmp_path, {}
    )
    assert [path.name for path in tmp_path.iterdir()] == ["4400.html"]
