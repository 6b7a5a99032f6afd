"""Which catalogued mistake, or pair of them, reproduces a student's wrong answers.

Runs after a failure and never decides one. A name is given only where every answer of every probe
agrees to rounding, and the probes, all answered wrongly, hold at least three different numbers: a
random wrong formula agrees with a given candidate on one of them with probability of the order of
1e-5, on three of 1e-15. Zeros or NaN throughout have many causes and get no name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import Any

import numpy as np

from grader.checks.context import Catalogue, Mistake
from grader.checks.subject import Array, Handle, Request, Subject, Value
from grader.errors import SubjectError

_PROBES = 12
FEWEST_DIFFERENT_NUMBERS = 3
_MOST_ALTERNATIVES = 3  # more than this many explanations explain nothing
# Two float32 ways of writing the same formula differ by at most 2 * 32 unit roundoffs.
_AGREEMENT = 64 * 2.0**-24


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What explains the answers.

    Attributes:
        mistakes: ids, in the order in which `says` speaks of them; empty where nothing fits.
        says: for the student.
    """

    mistakes: tuple[str, ...] = ()
    says: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One explanation: a mistake, or two on top of each other."""

    ids: tuple[str, ...]
    says: str
    code: Callable[..., Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Probes:
    requests: tuple[Request, ...]
    answers: tuple[list[Array], ...]
    magnitude: float  # typical size of a right answer, below which rounding is not relative

    def few(self) -> _Probes:
        """Every fourth probe, which is enough to rule most candidates out."""
        return _Probes(self.requests[::4], self.answers[::4], self.magnitude)

    def agree(self, outputs: Sequence[Value | SubjectError]) -> bool:
        return all(
            same(answer, leaves_of(output), self.magnitude)
            for answer, output in zip(self.answers, outputs, strict=True)
        )


def diagnose(
    function: str, calls: Sequence[tuple[Request, Value]], catalogue: Catalogue
) -> Diagnosis:
    """Explains a function's answers by the catalogue: singles first, then pairs.

    Args:
        function: name under which the mistakes are catalogued.
        calls: what the student's function was asked, one call in each request, and its answers.
        catalogue: known mistakes, and how to call one.
    """
    mistakes = [mistake for mistake in catalogue.mistakes if mistake.function == function]
    probes = _choose(function, calls, catalogue) if mistakes else None
    if probes is None:
        return Diagnosis()
    for candidates in explanations(mistakes):
        fitting = {
            candidate.ids: candidate for candidate in _fitting(candidates, probes, catalogue)
        }
        if fitting:
            return conclude(list(fitting.values()))
    return Diagnosis()


def proved(ids: Sequence[str], function: str, catalogue: Catalogue) -> Diagnosis:
    """What a check's own evidence says: one of these mistakes of the function, if catalogued."""
    return conclude(
        [
            Candidate((mistake.id,), mistake.says, mistake.code)
            for mistake in catalogue.mistakes
            if mistake.function == function and mistake.id in ids
        ]
    )


def conclude(found: Sequence[Candidate]) -> Diagnosis:
    """One explanation is named, two or three are said as alternatives, more say nothing."""
    if not 1 <= len(found) <= _MOST_ALTERNATIVES:
        return Diagnosis()
    ids = tuple(dict.fromkeys(id for candidate in found for id in candidate.ids))
    says = list(dict.fromkeys(candidate.says for candidate in found))
    if len(says) == 1:
        return Diagnosis(ids, says[0])
    return Diagnosis(ids, "Either: " + " Or: ".join(says))


def explanations(mistakes: Sequence[Mistake]) -> tuple[Iterator[Candidate], Iterator[Candidate]]:
    """What may explain answers: each mistake alone and, where none does, two of them at once."""
    return _singles(mistakes), _pairs(mistakes)


def agreeing(answers: Array, outputs: Array, magnitude: float) -> Array:
    """Where two arrays are equal to rounding; NaN agrees with NaN, as a mistake may make it.

    Args:
        answers: a student's.
        outputs: a candidate's, of the same shape or broadcast to it.
        magnitude: typical size of a right answer, below which rounding is not relative.
    """
    with np.errstate(invalid="ignore"):
        close = np.abs(answers - outputs) <= _AGREEMENT * np.maximum(np.abs(outputs), magnitude)
    close &= np.isfinite(outputs)  # an infinite one has an infinite tolerance
    return np.asarray(close | (answers == outputs) | (np.isnan(answers) & np.isnan(outputs)))


def _singles(mistakes: Sequence[Mistake]) -> Iterator[Candidate]:
    for mistake in mistakes:
        yield Candidate((mistake.id,), mistake.says, mistake.code)


def _pairs(mistakes: Sequence[Mistake]) -> Iterator[Candidate]:
    for outer, inner in permutations(mistakes, 2):
        if outer.around is not None:
            first, second = sorted((outer, inner), key=lambda mistake: mistake.id)
            says = f"Two things at once. {first.says} {second.says}"
            yield Candidate((first.id, second.id), says, outer.around(inner.code))


def _choose(
    function: str, calls: Sequence[tuple[Request, Value]], catalogue: Catalogue
) -> _Probes | None:
    """Up to twelve calls, spread over all that were answered wrongly; None where they are few."""
    plain = [(asked, leaves_of(answer)) for asked, answer in calls if not _holds_handle(asked)]
    usable = [(request, leaves) for request, leaves in plain if leaves is not None]
    every = [request for request, _ in usable]
    right = [leaves_of(output) for output in _ask(catalogue.make_subject({}), function, every)]
    magnitude = magnitude_of(right)
    wrong = [
        (request, leaves)
        for (request, leaves), truth in zip(usable, right, strict=True)
        if not same(leaves, truth, magnitude)
    ]
    spread = {round(i) for i in np.linspace(0, len(wrong) - 1, _PROBES)} if wrong else set()
    chosen = [wrong[i] for i in sorted(spread)]
    numbers = [leaf.ravel() for _, leaves in chosen for leaf in leaves]
    different = np.unique(np.concatenate(numbers)) if numbers else np.zeros(0)
    if np.isfinite(different).sum() < FEWEST_DIFFERENT_NUMBERS:
        return None
    return _Probes(tuple(r for r, _ in chosen), tuple(a for _, a in chosen), magnitude)


def _fitting(
    candidates: Iterable[Candidate], probes: _Probes, catalogue: Catalogue
) -> Iterator[Candidate]:
    """The candidates that answer as the student does, all asked within one subject."""
    by_name = {f"candidate_{i}": candidate for i, candidate in enumerate(candidates)}
    subject = catalogue.make_subject({name: c.code for name, c in by_name.items()})
    for name, candidate in by_name.items():
        stages = (probes.few(), probes)
        if all(stage.agree(_ask(subject, name, stage.requests)) for stage in stages):
            yield candidate


def _ask(subject: Subject, name: str, requests: Sequence[Request]) -> list[Value | SubjectError]:
    return [subject._request(replace(request, target=name))[0] for request in requests]


def same(answer: list[Array], output: list[Array] | None, magnitude: float) -> bool:
    """Whether two answers have the same shapes and, to rounding, the same numbers."""
    if output is None or [a.shape for a in answer] != [o.shape for o in output]:
        return False
    return all(np.all(agreeing(a, o, magnitude)) for a, o in zip(answer, output, strict=True))


def leaves_of(value: Value | SubjectError) -> list[Array] | None:
    """The numbers in an answer as float64 arrays, by name; None where it holds anything else."""
    if isinstance(value, Mapping):
        value = [value[key] for key in sorted(value)]
    if isinstance(value, list | tuple):
        parts = [leaves_of(item) for item in value]
        return None if None in parts else [leaf for part in parts if part for leaf in part]
    if isinstance(value, bool | int | float | np.generic | np.ndarray):
        array = np.asarray(value)
        return [array.astype(np.float64)] if array.dtype.kind in "biuf" else None
    return None


def magnitude_of(answers: Sequence[list[Array] | None]) -> float:
    """Typical size of the numbers in some answers."""
    numbers = [leaf.ravel() for leaves in answers if leaves for leaf in leaves]
    sizes = np.abs(np.concatenate(numbers)) if numbers else np.zeros(0)
    sizes = sizes[np.isfinite(sizes)]
    return float(np.median(sizes)) if sizes.size else 0.0


def _holds_handle(request: Request) -> bool:
    (call,) = request.calls
    return any(isinstance(value, Handle) for value in (*call.args, *call.kwargs.values()))
