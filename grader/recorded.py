"""How known mistakes answer, without their code: what a student's kit explains failures with.

A kit may hold neither references nor mistakes. It holds what each mistake answers on the inputs of
the public checks, as numbers, and a mistake is named where the student's answers are the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from grader.checks.context import Catalogue, Context
from grader.checks.declare import Check
from grader.checks.diagnosis import leaves_of
from grader.checks.runner import run_check
from grader.checks.subject import Request, Subject, Value
from grader.checks.watching import Watched
from grader.errors import SubjectError
from grader.kernel.local import LocalSubject
from grader.wire.codec import WireError, encode

_MOST_REQUESTS, _MOST_NUMBERS = 48, 256  # of a function; of an answer
_RIGHT = ""

# By digest of the request: the answer of each mistake by id, and the right one under "".
Answers = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class RecordedMistake:
    """A mistake known by its answers only; its `code` is its id."""

    id: str
    function: str
    says: str
    code: Any
    killed_by: tuple[str, ...] = ()
    around: None = None


def record(
    checks: Sequence[Check], context_for: Any, catalogue: Catalogue
) -> dict[str, list[dict[str, Any]] | dict[str, dict[str, Any]]]:
    """What every mistake answers on the inputs of the checks, ready for `json.dumps`.

    Args:
        checks: public ones.
        context_for: what a check may ask for.
        catalogue: known mistakes, and a right solution to put them into.
    """
    requests: dict[str, dict[str, Request]] = {}
    for check in checks:
        for function, request in _requests(check, context_for(check), catalogue):
            requests.setdefault(function, {}).setdefault(digest(request), request)
    answers: dict[str, dict[str, Any]] = {}
    for function, found in requests.items():
        for key, request in _spread(found):
            row = _row(function, request, catalogue)
            if row is not None:
                answers[f"{function} {key}"] = row
    told = [
        {"id": mistake.id, "function": mistake.function, "says": mistake.says}
        for mistake in catalogue.mistakes
    ]
    return {"mistakes": told, "answers": answers}


def recorded_catalogue(table: Mapping[str, Any]) -> Catalogue:
    """The catalogue that `record` has written down."""
    mistakes = [RecordedMistake(**entry, code=entry["id"]) for entry in table["mistakes"]]
    function_of = {mistake.id: mistake.function for mistake in mistakes}
    answers = table["answers"]

    def make_subject(overrides: Mapping[str, Any]) -> Subject:
        return _Recording(answers, function_of, overrides)

    def knows(request: Request) -> bool:
        return f"{request.target} {digest(request)}" in answers

    return Catalogue(mistakes, make_subject, knows)


def digest(request: Request) -> str:
    """The same for the same inputs; "" where they cannot be written down."""
    (call,) = request.calls
    value = [list(call.args), dict(call.kwargs), call.seed, list(request.wrt), request.cotangent]
    try:
        header, payload = encode(value)
    except WireError:
        return ""
    return hashlib.sha256(header + payload).hexdigest()[:24]


class _Recording(LocalSubject):
    """Answers what was written down, and has nothing else."""

    def __init__(
        self, answers: Answers, function_of: Mapping[str, str], overrides: Mapping[str, Any]
    ) -> None:
        super().__init__({})
        self._answers = answers
        self._function_of = function_of
        self._overrides = overrides

    def _request(self, request: Request) -> list[Value | SubjectError]:
        id = self._overrides.get(str(request.target), _RIGHT)
        function = self._function_of.get(id, request.target)
        row = self._answers.get(f"{function} {digest(request)}", {})
        if row.get(id) is None:
            return [SubjectError("nothing was recorded of this")]
        return [[np.array(values).reshape(shape) for shape, values in row[id]]]


def _requests(
    check: Check, context: Context, catalogue: Catalogue
) -> Iterable[tuple[str, Request]]:
    signature = context.question.checked_as or context.question.function
    if signature is None:
        return []
    watched = Watched(catalogue.make_subject({}), signature.name)
    run_check(check, watched, context)
    return [(signature.name, request) for request, _ in watched.calls if digest(request)]


def _spread(found: Mapping[str, Request]) -> list[tuple[str, Request]]:
    pairs = list(found.items())
    places = {round(i) for i in np.linspace(0, len(pairs) - 1, _MOST_REQUESTS)}
    return [pairs[i] for i in sorted(places)]


def _row(function: str, request: Request, catalogue: Catalogue) -> dict[str, Any] | None:
    """The answers to one request; None where the right one is not made of a few numbers."""
    right = _plain(catalogue.make_subject({})._request(request)[0])
    if right is None:
        return None
    row: dict[str, Any] = {_RIGHT: right}
    for mistake in catalogue.mistakes:
        if mistake.function == function:
            subject = catalogue.make_subject({function: mistake.code})
            row[mistake.id] = _plain(subject._request(request)[0])
    return row


def _plain(answer: Value | SubjectError) -> list[Any] | None:
    leaves = leaves_of(answer)
    if leaves is None or sum(leaf.size for leaf in leaves) > _MOST_NUMBERS:
        return None
    return [[list(leaf.shape), leaf.ravel().tolist()] for leaf in leaves]
