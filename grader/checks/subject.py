"""The student's code as a check sees it: something to call, never something to trust.

A `Subject` is reached through one method, `_request`. `grader.kernel.remote` sends the request over
a socket to the student's sandbox, `grader.kernel.local` hands it to the same dispatcher in
process; a check cannot tell which.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from grader.errors import SubjectError
from grader.wire.messages import Array, Call, Callback, Definition, Handle, Request, Value

__all__ = [
    "Array",
    "Call",
    "Callback",
    "Definition",
    "Handle",
    "Inputs",
    "Request",
    "Subject",
    "Value",
]

Inputs: TypeAlias = Mapping[str, Value] | Sequence[Value]


class Subject(ABC):
    """The student's namespace, reached from outside.

    Arrays go in as torch tensors of the same dtype and come back as numpy arrays of exact builtin
    type. Every method raises `SubjectError` when the student's code raises, returns what cannot
    cross, or does not answer in time.
    """

    @abstractmethod
    def _request(self, request: Request) -> list[Value | SubjectError]:
        """Answers in the order of `request.calls`; one failed call does not stop the others."""

    @abstractmethod
    def definition(self, name: str) -> Definition:
        """What `name` is in the student's namespace."""

    @abstractmethod
    def value(self, name: str) -> Value:
        """A variable of the notebook, copied out."""

    @abstractmethod
    def handle(self, name: str) -> Handle:
        """A variable of the notebook, left where it is."""

    @abstractmethod
    def state(self, handle: Handle) -> dict[str, Array]:
        """The module's `state_dict()`, copied out."""

    @abstractmethod
    def load_state(self, handle: Handle, tensors: Mapping[str, Array]) -> None:
        """Strict `load_state_dict`."""

    @abstractmethod
    def rebuilt(self) -> Subject:
        """The definitions of the same notebook in another sandbox that shares nothing with this.

        Imports, functions, classes and plain assignments are executed there, training is not.
        """

    def files(self, patterns: Sequence[str]) -> dict[str, bytes]:  # noqa: ARG002  has none
        """Small files that the notebook wrote into its folder, by path; patterns as of `glob`."""
        return {}

    def call(
        self,
        target: str | Handle,
        *args: Value,
        method: str | None = None,
        seed: int | None = None,
        **kwargs: Value,
    ) -> Value:
        """One call. With `seed`, every generator is seeded just before it."""
        return self._single(Request(target, (Call(args, kwargs, seed),), method=method))

    def map(
        self, target: str | Handle, inputs: Sequence[Inputs], *, method: str | None = None
    ) -> list[Value | SubjectError]:
        """Many calls in one message. A call that failed leaves its error in its place."""
        return self._request(Request(target, tuple(map(_call, inputs)), method=method))

    def repeat(
        self, target: str | Handle, *args: Value, seeds: Sequence[int], **kwargs: Value
    ) -> list[Value | SubjectError]:
        """The same call under several seeds."""
        return self._request(Request(target, tuple(Call(args, kwargs, s) for s in seeds)))

    def gradient(
        self,
        target: str | Handle,
        *args: Value,
        wrt: Sequence[int | str],
        cotangent: Array | None = None,
        method: str | None = None,
        seed: int | None = None,
        **kwargs: Value,
    ) -> tuple[Value, list[Array]]:
        """The answer and its vector-Jacobian products with respect to the inputs named in `wrt`.

        An input that the answer does not depend on has the gradient zero.
        """
        request = Request(
            target, (Call(args, kwargs, seed),), method=method, wrt=tuple(wrt), cotangent=cotangent
        )
        return _with_gradients(self._single(request))

    def gradients(
        self, target: str | Handle, inputs: Sequence[Inputs], *, wrt: Sequence[int | str]
    ) -> list[tuple[Value, list[Array]]]:
        """`gradient` of many inputs in one message.

        Raises:
            SubjectError: of the first call that failed.
        """
        answers = self._request(Request(target, tuple(map(_call, inputs)), wrt=tuple(wrt)))
        return [_with_gradients(answer) for answer in answers]

    def new(
        self,
        target: str | Handle,
        *args: Value,
        method: str | None = None,
        seed: int | None = None,
        **kwargs: Value,
    ) -> Handle:
        """Calls a class or a function, leaves what it gives where it is, and returns its handle."""
        made = self._single(Request(target, (Call(args, kwargs, seed),), method=method, keep=True))
        assert isinstance(made, Handle)
        return made

    def _single(self, request: Request) -> Value:
        (answer,) = self._request(request)
        if isinstance(answer, SubjectError):
            raise answer
        return answer


def _with_gradients(answer: Value | SubjectError) -> tuple[Value, list[Array]]:
    if isinstance(answer, SubjectError):
        raise answer
    value, gradients = answer
    return value, [np.asarray(gradient) for gradient in gradients]


def _call(inputs: Inputs) -> Call:
    if isinstance(inputs, Mapping):
        return Call(kwargs=inputs)
    return Call(args=tuple(inputs))
