"""A whole ladder judged at once: the first rung that fails, and what the others tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from grader.checks.comparison import compare
from grader.checks.expectations import as_array, expect_close
from grader.checks.expected import Expected, precision
from grader.checks.failure import CheckFailure
from grader.checks.recording import current, evidence
from grader.checks.showing import listed, named, number
from grader.checks.subject import Array
from grader.checks.terms import Terms, misweighted
from grader.errors import SubjectError

_CONSTANT = "Look at the constant in front."
_UNIT = "Look at the unit, nats or bits."
# Factors that people know by a name, with where to look.
_TIMES = {
    2.0: ("exactly twice as large", _CONSTANT),
    0.5: ("exactly half as large", _CONSTANT),
    -1.0: ("of the opposite sign", ""),
    np.log2(np.e): ("log2(e) times as large", _UNIT),
    np.log(2.0): ("ln 2 times as large", _UNIT),
    0.0: ("zero", ""),
}

# An answer, what is expected, and the inputs by name.
_Triple: TypeAlias = tuple[Any, Any, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Rung:
    answer: Array
    expected: Expected
    tolerance: Array


def expect_all_close(
    answers: Sequence[Any],
    expecteds: Sequence[Any],
    *,
    given: Sequence[Any],
    function: str = "",
    condition: Any = 1.0,
    message: str | None = None,
    terms: Terms | None = None,
) -> None:
    """Demands every answer; fails on the first wrong one and says what all the wrong ones share.

    Args:
        answers: as they came from `subject.map`.
        expecteds: an `Expected` or plain numbers for each answer.
        given: the inputs of each answer, simplest first.
        function: whose answers these are; the question's function by default.
        condition: condition number of the formula.
        message: replaces the sentence that tells the expected value.
        terms: of the formula, by name; where no catalogued mistake explains the answers, the
            student is told which of them has the wrong weight.

    Raises:
        CheckFailure: an answer is wrong; the counterexample is the first one that is.
        SubjectError: the first answer that is not right is no number at all.
    """
    evidence(inputs_tried=len(answers))
    triples = list(zip(answers, expecteds, map(named, given), strict=True))
    if wrong := [i for i, (a, e, g) in enumerate(triples) if not _right(a, e, g, condition)]:
        _fail(triples, wrong, function, condition, message, terms)


def _fail(
    triples: list[_Triple],
    wrong: list[int],
    function: str,
    condition: Any,
    message: str | None,
    terms: Terms | None,
) -> None:
    """Fails on the first wrong answer, with what it shares with the others."""
    answer, expected, inputs = triples[wrong[0]]
    if isinstance(answer, SubjectError):
        bare = current().hidden or answer.fault == "missing"
        where = "" if bare else f"For {listed(inputs)}: "
        raise SubjectError(f"{where}{answer}", answer.fault)
    try:
        expect_close(
            answer, expected, given=inputs, condition=condition, message=message, function=function
        )
    except CheckFailure as failure:
        text, hint = _told(failure.message, triples, wrong, condition, terms)
        facts = {"inputs_failed": len(wrong), "first_failing_input": wrong[0]}
        raise CheckFailure(text, failure.counterexample, facts, hint=hint) from None


def _told(
    sentence: str, triples: list[_Triple], wrong: list[int], condition: Any, terms: Terms | None
) -> tuple[str, str]:
    """The sentence with what the wrong answers share, and a hint where to look."""
    shared, hint = _shared([triples[i] for i in wrong], condition)
    if terms is not None:
        hint = _misweighted(terms, triples) or hint
    count = f"It differs on {len(wrong)} of {len(triples)} inputs tried."
    return f"{sentence} {shared or count}", hint


def _right(answer: Any, expected: Any, inputs: dict[str, Any], condition: Any) -> bool:
    try:
        array = as_array(answer)
    except SubjectError:
        return False
    return compare(array, expected, list(inputs.values()), condition) is None


def _misweighted(terms: Terms, triples: list[_Triple]) -> str:
    try:
        answers = [as_array(answer) for answer, _, _ in triples]
    except SubjectError:
        return ""
    right = [e.value if isinstance(e, Expected) else np.asarray(e) for _, e, _ in triples]
    return misweighted(terms, [tuple(inputs.values()) for _, _, inputs in triples], answers, right)


def _shared(wrong: list[_Triple], condition: Any) -> tuple[str, str]:
    """A sentence and a hint where one factor or offset explains every wrong answer."""
    if len(wrong) < 3:
        return "", ""
    rungs = []
    for answer, expected, inputs in wrong:
        target = expected if isinstance(expected, Expected) else Expected(expected)
        try:
            array = as_array(answer).astype(np.float64)
        except SubjectError:
            return "", ""
        if array.shape != target.value.shape:
            return "", ""
        dtype = precision(answer, list(inputs.values()))
        rungs.append(_Rung(array, target, target.tolerance(dtype, condition)))
    answers = np.concatenate([rung.answer.ravel() for rung in rungs])
    values = np.concatenate([rung.expected.value.ravel() for rung in rungs])
    tolerances = np.concatenate([rung.tolerance.ravel() for rung in rungs])
    on_all = f"On all {len(wrong)} inputs where it differs yours is"
    factor, hint = _factor(answers, values, tolerances)
    if factor:
        return f"{on_all} {factor}.", hint
    if offset := _offset(answers, values, tolerances):
        return f"{on_all} {offset}.", "Look for a constant term."
    return "", ""


def _factor(answers: Array, values: Array, tolerances: Array) -> tuple[str, str]:
    largest = int(np.argmax(np.abs(values)))
    if values[largest] == 0 or not np.isfinite(answers).all():
        return "", ""
    factor = answers[largest] / values[largest]
    if not np.all(np.abs(answers - factor * values) <= tolerances * (1 + abs(factor))):
        return "", ""
    known = (told for at, told in _TIMES.items() if np.isclose(factor, at, rtol=1e-5))
    return next(known, (f"{number(factor)} times as large", _CONSTANT))


def _offset(answers: Array, values: Array, tolerances: Array) -> str:
    if not np.isfinite(answers).all():
        return ""
    offset = float(np.median(answers - values))
    if not np.all(np.abs(answers - values - offset) <= 2 * tolerances):
        return ""
    side = "larger" if offset > 0 else "smaller"
    return f"{side} by {number(abs(offset))}"
