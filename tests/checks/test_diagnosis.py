from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from grader.checks import Catalogue, ladder
from grader.checks.diagnosis import Candidate, conclude, diagnose
from grader.checks.subject import Call, Handle, Request

Function = Callable[..., Any]


@dataclass(frozen=True)
class Mistake:
    id: str
    code: Function
    around: Callable[[Function], Function] | None = None
    function: str = "KLD"
    killed_by: tuple[str, ...] = ()

    @property
    def says(self) -> str:
        return f"About {self.id}."


def kl(mean: np.ndarray, log_std: np.ndarray) -> np.ndarray:
    return 0.5 * (mean**2 + np.exp(2 * log_std) - 1 - 2 * log_std).sum(-1)


def doubled(inner: Function) -> Function:
    return lambda mean, log_std: 2 * inner(mean, log_std)


def halved_scale(inner: Function) -> Function:
    return lambda mean, log_std: inner(mean, 0.5 * log_std)


def averaged(inner: Function) -> Function:
    return lambda mean, log_std: inner(mean, log_std) / mean.shape[-1]


MISTAKES = (
    Mistake("kl/missing-half", doubled(kl), doubled),
    Mistake("kl/log-std-as-log-var", halved_scale(kl), halved_scale),
    Mistake("kl/mean-over-dims", averaged(kl), averaged),
    Mistake("kl/no-mean", lambda mean, log_std: kl(0 * mean, log_std)),
)
RUNGS = ladder.gaussians()


@pytest.fixture
def catalogue(subject_of: Callable[..., Any]) -> Catalogue:
    return Catalogue(MISTAKES, lambda overrides: subject_of(**({"KLD": kl} | dict(overrides))))


def asked(*args: Any) -> Request:
    return Request("KLD", (Call(args),))


def calls_of(code: Function) -> list[tuple[Request, Any]]:
    return [(asked(*rung), code(*rung)) for rung in RUNGS]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.id)
def test_each_mistake_is_named_by_its_own_answers(mistake: Mistake, catalogue: Catalogue) -> None:
    found = diagnose("KLD", calls_of(mistake.code), catalogue)
    assert found.mistakes == (mistake.id,)
    assert found.says == mistake.says


def test_a_mistake_written_in_another_way_is_still_named(catalogue: Catalogue) -> None:
    def another(mean: np.ndarray, log_std: np.ndarray) -> np.ndarray:
        return -np.sum(1 + 2 * log_std - mean**2 - np.exp(log_std) ** 2, axis=-1)

    assert diagnose("KLD", calls_of(another), catalogue).mistakes == ("kl/missing-half",)


def test_two_mistakes_at_once_are_named_together(catalogue: Catalogue) -> None:
    found = diagnose("KLD", calls_of(doubled(halved_scale(kl))), catalogue)
    assert found.mistakes == ("kl/log-std-as-log-var", "kl/missing-half")
    assert found.says.startswith("Two things at once.")


def test_a_mistake_without_wrapper_is_paired_by_the_other_one(catalogue: Catalogue) -> None:
    found = diagnose("KLD", calls_of(averaged(MISTAKES[3].code)), catalogue)
    assert found.mistakes == ("kl/mean-over-dims", "kl/no-mean")


def test_right_answers_are_given_no_name(catalogue: Catalogue) -> None:
    assert diagnose("KLD", calls_of(kl), catalogue).mistakes == ()


def test_a_bug_on_two_inputs_only_is_too_little_to_go_by(catalogue: Catalogue) -> None:
    calls = calls_of(kl)
    calls[40] = (calls[40][0], 2 * calls[40][1])
    assert diagnose("KLD", calls, catalogue).mistakes == ()


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_one_and_the_same_number_everywhere_is_given_no_name(
    value: float, subject_of: Callable[..., Any]
) -> None:
    def constant(mean: np.ndarray, _log_std: np.ndarray) -> np.ndarray:
        return np.full(mean.shape[:-1], value)

    catalogue = Catalogue(
        [Mistake("kl/stub", constant)], lambda o: subject_of(**({"KLD": kl} | dict(o)))
    )
    assert diagnose("KLD", calls_of(constant), catalogue).mistakes == ()


def test_answers_of_another_shape_are_named(subject_of: Callable[..., Any]) -> None:
    batch_mean = Mistake("kl/mean-over-batch", lambda *rung: kl(*rung).mean())
    catalogue = Catalogue([batch_mean], lambda o: subject_of(**({"KLD": kl} | dict(o))))
    assert diagnose("KLD", calls_of(batch_mean.code), catalogue).mistakes == (batch_mean.id,)


def test_nan_where_the_mistake_makes_nan_is_named(subject_of: Callable[..., Any]) -> None:
    def log_of_negative(mean: np.ndarray, log_std: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return kl(mean, log_std) + np.sqrt(mean.sum(-1))

    catalogue = Catalogue(
        [Mistake("kl/root", log_of_negative)], lambda o: subject_of(**({"KLD": kl} | dict(o)))
    )
    assert diagnose("KLD", calls_of(log_of_negative), catalogue).mistakes == ("kl/root",)


def test_a_mistake_that_is_infinite_explains_no_finite_answer(
    subject_of: Callable[..., Any],
) -> None:
    infinite = Mistake("kl/infinite", lambda *rung: np.full_like(kl(*rung), -np.inf))
    catalogue = Catalogue([*MISTAKES, infinite], lambda o: subject_of(**({"KLD": kl} | dict(o))))
    found = diagnose("KLD", calls_of(MISTAKES[0].code), catalogue)
    assert found.mistakes == ("kl/missing-half",)


def test_calls_with_objects_of_the_other_side_are_passed_over(catalogue: Catalogue) -> None:
    calls = [(asked(Handle(1)), np.ones(4)), *calls_of(MISTAKES[0].code)]
    assert diagnose("KLD", calls, catalogue).mistakes == ("kl/missing-half",)


def test_nothing_is_asked_where_no_mistake_is_known(catalogue: Catalogue) -> None:
    assert diagnose("elbo", calls_of(kl), catalogue).mistakes == ()


def test_alternatives_are_said_as_alternatives() -> None:
    found = conclude([Candidate(("a",), "Is it a?", kl), Candidate(("b",), "Is it b?", kl)])
    assert found.mistakes == ("a", "b")
    assert found.says == "Either: Is it a? Or: Is it b?"


def test_too_many_alternatives_are_none() -> None:
    assert conclude([Candidate((name,), name, kl) for name in "abcd"]).mistakes == ()
