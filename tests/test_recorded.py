from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from grader.checks import Expected, Subject, check, expect_all_close
from grader.checks.context import Catalogue, Context
from grader.checks.runner import run_check
from grader.kernel.local import LocalSubject
from grader.recorded import RecordedMistake, digest, record, recorded_catalogue
from tests.checks.stand_ins import Question, Signature

ROWS = [np.array([[a, b]], np.float32) for a in (0.5, 1.0, 2.0) for b in (-1.0, 3.0, 0.25)]
QUESTION = Question(function=Signature("total", ("values",)))


@check("total", points=1)
def is_the_sum(subject: Subject) -> None:
    """The total is the sum over the last axis."""
    inputs = [(row,) for row in ROWS]
    expected = [Expected(row.sum(-1, dtype=np.float64), np.abs(row).sum(-1)) for row in ROWS]
    expect_all_close(subject.map("total", inputs), expected, given=inputs)


def right(values: torch.Tensor) -> torch.Tensor:
    return values.sum(-1)


def averaged(values: torch.Tensor) -> torch.Tensor:
    return values.mean(-1)


def crashing(values: torch.Tensor) -> torch.Tensor:
    raise ValueError


def mistake(id: str, code: Callable[..., Any]) -> RecordedMistake:
    return RecordedMistake(id, "total", f"{id}, in words.", code)


LIVE = Catalogue(
    [mistake("total/mean", averaged), mistake("total/crash", crashing)],
    lambda overrides: LocalSubject({"total": right, **overrides}),
)


@pytest.fixture(scope="module")
def kept() -> Catalogue:
    """The catalogue after a way through a file."""
    return recorded_catalogue(
        json.loads(json.dumps(record([is_the_sum], lambda _: Context(question=QUESTION), LIVE)))
    )


def verdict(code: Callable[..., Any], catalogue: Catalogue) -> Any:
    return run_check(
        is_the_sum, LocalSubject({"total": code}), Context(question=QUESTION), catalogue
    )


def test_a_mistake_is_named_by_its_answers_alone(kept: Catalogue) -> None:
    live, recorded = verdict(averaged, LIVE), verdict(averaged, kept)
    assert recorded.mistakes == live.mistakes == ("total/mean",)
    assert recorded.message == live.message
    assert "total/mean, in words." in recorded.message


def test_an_unknown_mistake_stays_without_a_name(kept: Catalogue) -> None:
    assert verdict(lambda values: 3 * values.sum(-1), kept).mistakes == ()


def test_only_what_was_recorded_is_known(kept: Catalogue) -> None:
    seen = []

    class Spy(LocalSubject):
        def _request(self, request: Any) -> Any:
            seen.append(request)
            return super()._request(request)

    Spy({"total": right}).call("total", ROWS[0])
    Spy({"total": right}).call("total", ROWS[0] + 1)
    assert [kept.knows(request) for request in seen] == [True, False]


def test_what_cannot_be_written_down_has_no_digest() -> None:
    from grader.checks.subject import Call, Callback, Request

    assert digest(Request("f", (Call((Callback(abs),)),))) == ""
    assert digest(Request("f", (Call((1,)),))) != digest(Request("f", (Call((2,)),)))


def test_no_code_is_written_down() -> None:
    table = record([is_the_sum], lambda _: Context(question=QUESTION), LIVE)
    assert set(table) == {"mistakes", "answers"}
    assert {key for entry in table["mistakes"] for key in entry} == {"id", "function", "says"}
