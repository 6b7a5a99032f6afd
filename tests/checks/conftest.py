"""A subject over plain numpy functions, in process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from grader.checks.subject import Array, Definition, Handle, Request, Subject
from grader.errors import SubjectError


class FakeSubject(Subject):
    def __init__(self, functions: Mapping[str, Callable[..., Any]]) -> None:
        self.functions = dict(functions)
        self.asked: list[Request] = []

    def _request(self, request: Request) -> list[Any]:
        self.asked.append(request)
        return [self._answer(request, call) for call in request.calls]

    def _answer(self, request: Request, call: Any) -> Any:
        assert isinstance(request.target, str)
        if request.target not in self.functions:
            return SubjectError(f"{request.target} is not defined", "missing")
        kwargs = dict(call.kwargs)
        if call.seed is not None:
            kwargs["generator"] = np.random.default_rng(call.seed)
        try:
            return self.functions[request.target](*call.args, **kwargs)
        except SubjectError as error:
            return error
        except Exception as error:  # noqa: BLE001 - stands for the student's side of the fence
            return SubjectError(f"{request.target} raised {type(error).__name__}")

    def definition(self, name: str) -> Definition:
        return Definition("function" if name in self.functions else "missing")

    def value(self, name: str) -> Any:
        raise NotImplementedError

    def handle(self, name: str) -> Handle:
        raise NotImplementedError

    def state(self, handle: Handle) -> dict[str, Array]:
        raise NotImplementedError

    def load_state(self, handle: Handle, tensors: Mapping[str, Array]) -> None:
        raise NotImplementedError

    def rebuilt(self) -> Subject:
        return FakeSubject(self.functions)


@pytest.fixture
def subject_of() -> Callable[..., FakeSubject]:
    """Makes a subject from functions by name."""
    return lambda **functions: FakeSubject(functions)
