"""A submission under the names and conventions that it chose, seen under the question's own.

A question names a function, `KLD(mean, log_std)`, and may accept others, `kl_divergence(mean,
log_var)`. Checks and catalogues only ever speak of the first; here a call of it becomes a call of
whichever the student wrote, by position, with scales converted.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from grader.checks.context import Question, Signature
from grader.checks.subject import Array, Call, Definition, Handle, Request, Subject, Value
from grader.errors import AssignmentError, SubjectError


@dataclass(frozen=True, slots=True)
class _Scale:
    """One way of giving the spread of a Gaussian, by way of its log standard deviation."""

    to_log_std: Callable[[Array], Array]
    from_log_std: Callable[[Array], Array]
    slope: Callable[[Array], Array]  # d value / d log_std, at a value


_SCALES = {
    "log_std": _Scale(lambda v: v, lambda v: v, np.ones_like),
    "log_var": _Scale(lambda v: v / 2, lambda v: 2 * v, lambda v: np.full_like(v, 2.0)),
    "std": _Scale(np.log, np.exp, lambda v: v),
    "var": _Scale(lambda v: np.log(v) / 2, lambda v: np.exp(2 * v), lambda v: 2 * v),
}


class Adapted(Subject):
    """The subject of one submission, under the names of the assignment's questions.

    Args:
        subject: as the student wrote it.
        questions: whose functions may go by other names.
    """

    def __init__(self, subject: Subject, questions: Sequence[Question]) -> None:
        self._subject = subject
        self._questions = questions
        self._chosen: dict[str, Signature] = {}
        self._definitions: dict[str, Definition] = {}

    def _request(self, request: Request) -> list[Value | SubjectError]:
        own = self._signature(request.target)
        if own is None or request.method is not None:
            return self._subject._request(request)
        chosen = self._choose(own)
        if not own.arguments:
            return self._subject._request(replace(request, target=chosen.name))
        adapted = replace(
            request,
            target=chosen.name,
            calls=tuple(_convert(call, own, chosen) for call in request.calls),
            wrt=tuple(_position(where, own, chosen) for where in request.wrt),
        )
        answers = self._subject._request(adapted)
        if not request.wrt:
            return answers
        pairs = zip(answers, adapted.calls, strict=True)
        return [_chain(answer, call, adapted.wrt, own, chosen) for answer, call in pairs]

    def definition(self, name: str) -> Definition:
        """What stands under the name, or under the one that the student chose for it."""
        own = self._signature(name)
        return self._defined(self._choose(own).name if own else name)

    def value(self, name: str) -> Value:
        """Passed on."""
        return self._subject.value(name)

    def handle(self, name: str) -> Handle:
        """Passed on."""
        return self._subject.handle(name)

    def state(self, handle: Handle) -> dict[str, Array]:
        """Passed on."""
        return self._subject.state(handle)

    def load_state(self, handle: Handle, tensors: Mapping[str, Array]) -> None:
        """Passed on."""
        self._subject.load_state(handle, tensors)

    def rebuilt(self) -> Subject:
        """The rebuilt subject under the same names."""
        return Adapted(self._subject.rebuilt(), self._questions)

    def _defined(self, name: str) -> Definition:
        # Every check asks first; one answer has to do for all of them.
        if name not in self._definitions:
            self._definitions[name] = self._subject.definition(name)
        return self._definitions[name]

    def _signature(self, target: str | Handle) -> Signature | None:
        for question in self._questions:
            own = question.checked_as or question.function
            if own is not None and own.name == target:
                return own
        return None

    def _choose(self, own: Signature) -> Signature:
        if own.name not in self._chosen:
            accepted = [
                signature
                for question in self._questions
                if question.function is not None
                and own == (question.checked_as or question.function)
                for signature in (question.function, *question.also)
            ]
            self._chosen[own.name] = self._first_defined(accepted)
        return self._chosen[own.name]

    def _first_defined(self, accepted: Sequence[Signature]) -> Signature:
        """The first signature whose name the student has; of namesakes the one that fits.

        One name may go with two conventions, `KLD(mean, log_std)` and `KLD(mean, log_var)`: what
        the student calls the arguments tells them apart.
        """
        for signature in accepted:
            found = self._defined(signature.name)
            if found.kind != "missing":
                namesakes = (s for s in accepted if s.name == signature.name)
                fits = (s for s in namesakes if tuple(s.arguments) == found.parameters)
                return next(fits, signature)
        return accepted[0]


def _convert(call: Call, own: Signature, chosen: Signature) -> Call:
    """The call by position, in the order and scales that the student chose."""
    if chosen.arguments == own.arguments and not call.kwargs:
        return call
    named = dict(zip(own.arguments, call.args, strict=False)) | dict(call.kwargs)
    if len(call.args) > len(own.arguments) or set(named) - set(own.arguments):
        return call  # the check asks for something beyond the signature; leave it as it is
    values: list[Value] = []
    for argument in chosen.arguments:
        source = _source(argument, own, chosen)
        if source not in named:
            break  # the rest has defaults
        values.append(_rescale(named[source], source, argument))
    return Call(tuple(values), {}, call.seed)


def _source(argument: str, own: Signature, chosen: Signature) -> str:
    """The question's argument that feeds one of the student's."""
    if argument in own.arguments:
        return argument
    if (scale := _scale_of(argument)) is not None:
        for candidate in own.arguments:
            found = _scale_of(candidate)
            if found is not None and candidate.replace(found, "") == argument.replace(scale, ""):
                return candidate
    raise AssignmentError(
        f"{chosen.name}({', '.join(chosen.arguments)}): argument {argument!r} has no counterpart "
        f"in {own.name}({', '.join(own.arguments)}); name it alike, or give it a scale "
        f"({', '.join(_SCALES)})"
    )


@functools.cache
def _scale_of(argument: str) -> str | None:
    longest_first = sorted(_SCALES, key=len, reverse=True)
    return next((scale for scale in longest_first if scale in argument), None)


def _rescale(value: Value, source: str, argument: str) -> Value:
    before, after = _scale_of(source), _scale_of(argument)
    if source == argument or before is None or after is None:
        return value
    array = np.asarray(value)
    exact = _SCALES[after].from_log_std(_SCALES[before].to_log_std(array.astype(np.float64)))
    return exact.astype(array.dtype) if isinstance(value, np.ndarray) else float(exact)


def _position(where: int | str, own: Signature, chosen: Signature) -> int:
    name = own.arguments[where] if isinstance(where, int) else where
    sources = [_source(argument, own, chosen) for argument in chosen.arguments]
    return sources.index(name)


def _chain(
    answer: Value | SubjectError,
    call: Call,
    wrt: Sequence[int | str],
    own: Signature,
    chosen: Signature,
) -> Value | SubjectError:
    """Gradients with respect to the question's arguments, by the chain rule."""
    if isinstance(answer, SubjectError):
        return answer
    value, gradients = answer
    return value, [
        _pull_back(gradient, call.args[int(where)], int(where), own, chosen)
        for gradient, where in zip(gradients, wrt, strict=True)
    ]


def _pull_back(
    gradient: Any, value: Array, position: int, own: Signature, chosen: Signature
) -> Array:
    argument = chosen.arguments[position]
    source = _source(argument, own, chosen)
    before, after = _scale_of(source), _scale_of(argument)
    plain: Array = np.asarray(gradient)
    if source == argument or before is None or after is None:
        return plain
    exact = np.asarray(value, np.float64)
    log_std = _SCALES[after].to_log_std(exact)
    slope = _SCALES[after].slope(exact) / _SCALES[before].slope(
        _SCALES[before].from_log_std(log_std)
    )
    return np.asarray(plain * slope).astype(plain.dtype)
