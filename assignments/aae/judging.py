"""How answers of several numbers are held against definitions, or against what they build on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from assignments.aae.definitions import (
    Losses,
    autoencoder_terms,
    scale_of,
    term_slopes,
    weighed,
    weighed_slopes,
)
from grader.checks import (
    Array,
    CheckFailure,
    Expected,
    Subject,
    as_array,
    evidence,
    expect_all_close,
    expect_close,
)
from grader.errors import SubjectError

Terms: TypeAlias = Sequence[Sequence[Expected]]  # of each input, by part


def one_number(answer: Any) -> Any:
    """An answer of a single entry without its axes: a number is asked for, not a shape."""
    is_single = isinstance(answer, np.ndarray) and answer.size == 1
    return answer.reshape(()) if is_single else answer


def rows_of(answers: Sequence[Any], names: Sequence[str], function: str) -> list[list[Any]]:
    """The parts of every answer; of one that is an error, the error in place of each.

    Raises:
        CheckFailure: an answer does not have the parts that are asked for.
    """
    return [_parts(answer, names, function) for answer in answers]


def _parts(answer: Any, names: Sequence[str], function: str) -> list[Any]:
    if isinstance(answer, SubjectError):
        return [answer] * len(names)
    if answer is None:
        raise CheckFailure(f"Your {function} returned None. Does it end with a return?")
    if not (isinstance(answer, tuple | list) and len(answer) == len(names)):
        raise CheckFailure(
            f"Your {function} should return {len(names)} numbers, in this order: "
            f"{', '.join(names)}."
        )
    return [one_number(part) for part in answer]


def expect_parts(
    rows: Sequence[Sequence[Any]],
    terms: Terms,
    given: Sequence[Any],
    names: Sequence[str],
    function: str,
) -> None:
    """Demands the named parts of every answer, one part after the other."""
    for part, name in enumerate(names):
        answers = [row[part] for row in rows]
        expected = [row[part] for row in terms]
        expect_all_close(answers, expected, given=given, function=f"{function}, its {name} loss,")


def expect_slopes(
    slopes: Sequence[Array], expected: Sequence[Expected], given: Any, names: Sequence[str], of: str
) -> None:
    """Demands a function's gradients with respect to the named inputs."""
    for slope, right, name in zip(slopes, expected, names, strict=True):
        expect_close(slope, right, given=given, function=f"{of}'s gradient with respect to {name}")


def judge_by_either(judge: Callable[[Terms], None], right: Terms, own: Callable[[], Terms]) -> None:
    """Judges by the right terms, and where that fails by those of the student's own functions.

    A mistake costs its points once, where the function is asked for that it is made in.

    Raises:
        CheckFailure: neither explains the answers; it tells of the right ones.
    """
    try:
        judge(right)
    except (CheckFailure, SubjectError) as failure:
        try:
            judge(own())
        except (CheckFailure, SubjectError, ValueError):
            raise failure from None
        evidence(follows_from_own_functions=True)


def weighed_own_terms(subject: Subject, inputs: Sequence[Losses]) -> Terms:
    """What the student's own reconstruction and generator losses add up to.

    Raises:
        SubjectError: one of them is missing, or returns no number.
        ValueError: one of them returns more than a number.
    """
    first = subject.map("reconstruction_loss", [given[:2] for given in inputs])
    second = subject.map("generator_loss", [(given.logits_fake,) for given in inputs])
    rows = [list(map(one_number, answers)) for answers in zip(first, second, strict=True)]
    rights = [autoencoder_terms(given)[1:] for given in inputs]
    return [
        weighed(_owned(row, right), given.reconstruction_weight)
        for row, right, given in zip(rows, rights, inputs, strict=True)
    ]


def weighed_own_slopes(subject: Subject, given: Losses) -> list[Expected]:
    """Derivatives of the weighted sum of the student's own two terms.

    Raises:
        SubjectError: one of them is missing, or has no gradient.
        ValueError: a gradient has another shape than it should.
    """
    _, (first,) = subject.gradient("reconstruction_loss", *given[:2], wrt=(1,))
    _, (second,) = subject.gradient("generator_loss", given.logits_fake, wrt=(0,))
    return weighed_slopes(_owned([first, second], term_slopes(given)), given.reconstruction_weight)


def own_parts(
    subject: Subject, function: str, inputs: Sequence[Any], names: Sequence[str], right: Terms
) -> Terms:
    """What the student's own loss function returns, to be held against a step that builds on it.

    Raises:
        SubjectError: there is no such function, or it returns no numbers.
        CheckFailure: it does not return the named parts.
        ValueError: a part is more than a number.
    """
    rows = rows_of(subject.map(function, inputs), names, function)
    return [_owned(row[: len(terms)], terms) for row, terms in zip(rows, right, strict=True)]


def own_slopes(
    subject: Subject, function: str, given: Any, wrt: Sequence[int], right: Sequence[Expected]
) -> list[Expected]:
    """Derivatives of the student's own loss function.

    Raises:
        SubjectError: there is no such function, or it has no gradient.
        ValueError: a gradient has another shape than it should.
    """
    _, slopes = subject.gradient(function, *given, wrt=wrt)
    return _owned(slopes, right)


def _owned(answers: Sequence[Any], right: Sequence[Expected]) -> list[Expected]:
    """Numbers of the student's own to compare with; they have roundings of their own size."""
    values = [as_array(answer).astype(np.float64) for answer in answers]
    for value, expected in zip(values, right, strict=True):
        if value.shape != expected.value.shape:
            raise ValueError(f"shape {value.shape} where {expected.value.shape} is expected")
    return [
        Expected(value, scale_of(expected) + np.abs(value), expected.says)
        for value, expected in zip(values, right, strict=True)
    ]
