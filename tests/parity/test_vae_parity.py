"""The same verdicts in this process and over the channel, for right and for wrong solutions."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grader.assignment import load
from grader.authored import assignment_checks, catalogue_of
from grader.checks.adapted import Adapted
from grader.checks.context import Context
from grader.checks.runner import run_check
from grader.checks.seeds import Seeds
from grader.checks.subject import Subject
from grader.checks.verdict import Outcome, Verdict
from grader.kernel.inside.serve import serve
from grader.kernel.local import LocalSubject
from grader.kernel.remote import RemoteSubject
from grader.wire.channel import Channel
from reference.mistakes.catalogue import Mistake
from reference.mistakes.vae import MISTAKES, VARIANTS

ASSIGNMENT = load(Path(__file__).parents[2] / "assignments" / "vae")
CHECKS = assignment_checks(ASSIGNMENT)
QUESTIONS = {question.id: question for question in ASSIGNMENT.questions}
FUNCTIONS = sorted({q.function.name for q in ASSIGNMENT.questions if q.function is not None})


def solution(**replaced: Any) -> dict[str, Any]:
    functions = {variant.function: variant.code for variant in reversed(VARIANTS)}
    named = {"very_small": (0.0, 1.0, 0.1, 1.0), "very_large": (0.0, 1.0, 10.0, 1.0)}
    return functions | named | replaced


@contextmanager
def remote(namespace: Mapping[str, Any]) -> Iterator[Subject]:
    ours, theirs = socket.socketpair()
    serving = threading.Thread(target=serve, args=(namespace, Channel(theirs)))
    serving.start()
    subject = RemoteSubject(Channel(ours), 60, lambda: None, lambda: LocalSubject({}))
    try:
        yield subject
    finally:
        subject.close()
        serving.join(10)


def verdicts(subject: Subject, function: str) -> list[Verdict]:
    adapted = Adapted(subject, ASSIGNMENT.questions)
    found = []
    for check in CHECKS:
        question = QUESTIONS[check.question]
        if question.function is not None and question.function.name == function:
            context = Context(question=question, seed=Seeds(assignment="vae").of(check.name))
            verdict = run_check(check, adapted, context, catalogue_of(ASSIGNMENT))
            found.append(replace(verdict, wall_seconds=0.0))
    return found


def both(namespace: dict[str, Any], function: str) -> tuple[list[Verdict], list[Verdict]]:
    with remote(namespace) as subject:
        return verdicts(LocalSubject(namespace), function), verdicts(subject, function)


def a_dozen() -> list[Mistake]:
    """Two or three of each function, spread over the catalogue."""
    by_function: dict[str, list[Mistake]] = {}
    for mistake in MISTAKES:
        by_function.setdefault(mistake.function, []).append(mistake)
    return [m for found in by_function.values() for m in (found[0], found[len(found) // 2])]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_right_solution_passes_on_both_sides_of_the_fence(function: str) -> None:
    here, there = both(solution(), function)
    assert {verdict.verdict for verdict in here} == {Outcome.PASSED}
    assert there == here


@pytest.mark.parametrize("mistake", a_dozen(), ids=lambda mistake: mistake.id)
def test_a_mistake_has_the_same_verdict_on_both_sides(mistake: Mistake) -> None:
    here, there = both(solution(**{mistake.function: mistake.code}), mistake.function)
    assert {verdict.verdict for verdict in here} - {Outcome.PASSED}
    assert there == here


def refuse(*args: Any, **kwargs: Any) -> Any:
    raise ValueError("two\nlines \x1b[31m")


ODD = {
    "nothing": lambda *args, **kwargs: None,
    "an object": lambda *args, **kwargs: object(),
    "text": lambda *args, **kwargs: "0.5",
    "a huge integer": lambda *args, **kwargs: 2**70,
    "an exception": refuse,
    "not a number": lambda *args, **kwargs: float("nan"),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
def test_odd_answers_have_the_same_verdict_on_both_sides(odd: Any) -> None:
    here, there = both(solution(KLD=odd), "KLD")
    assert {verdict.points for verdict in here} == {0.0}
    assert there == here


def test_the_same_function_under_another_name_and_convention_has_the_same_verdict() -> None:
    right = solution()
    kld = right.pop("KLD")
    here, there = both(right | {"kl_divergence": lambda mu, logvar: kld(mu, logvar / 2)}, "KLD")
    assert {verdict.verdict for verdict in here} == {Outcome.PASSED}
    assert there == here


def test_what_is_not_there_is_missing_on_both_sides() -> None:
    right = solution()
    del right["elbo_to_bpd"]
    here, there = both(right, "elbo_to_bpd")
    assert {verdict.verdict for verdict in here} == {Outcome.MISSING}
    assert there == here
