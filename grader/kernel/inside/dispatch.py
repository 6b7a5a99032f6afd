"""Carries out requests on the student's namespace. The same code serves in and out of process."""

from __future__ import annotations

import contextlib
import inspect
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from grader.kernel.inside.tensors import as_array, from_student, to_student
from grader.wire.messages import (
    Array,
    Call,
    Callback,
    Definition,
    Failure,
    Handle,
    Request,
    Value,
)

MOST_FILES = 16
MOST_PATHS = 1000
MOST_FILE_BYTES = 4 << 20  # of all together: learning curves are small

CallBack = Callable[[Callback, list[Value], dict[str, Value]], Value]


class Dispatcher:
    """Answers requests about one namespace.

    Args:
        namespace: the student's globals after the notebook has run.
        call_back: carries a call of one of the grader's functions back to the grader.
    """

    def __init__(self, namespace: Mapping[str, Any], call_back: CallBack) -> None:
        self._namespace = namespace
        self._call_back = call_back
        self._kept: list[Any] = []

    def call(self, request: Request) -> list[Value]:
        """One answer or `Failure` per call, in order."""
        name = _name(request)
        function = self._guarded(name, lambda: self._function(request.target, request.method))
        if isinstance(function, Failure):
            return [function] * len(request.calls)
        answers: list[Value] = []
        for call in request.calls:
            answers.append(self._one(name, function, call, request))
            if _is_timeout(answers[-1]):
                # One interrupt ends the request: the next call would hang in the same place.
                return answers + answers[-1:] * (len(request.calls) - len(answers))
        return answers

    def definition(self, name: str) -> Definition:
        """What stands under a name, and how it wants to be called."""
        if name not in self._namespace:
            return Definition("missing")
        found = self._namespace[name]
        if not callable(found):
            return Definition("value")
        parameters: tuple[str, ...] = ()
        # A signature may be computed by the student's code, which may raise anything.
        with contextlib.suppress(Exception):
            parameters = tuple(map(str, inspect.signature(found).parameters))
        return Definition("class" if inspect.isclass(found) else "function", parameters)

    def value(self, name: str) -> Value:
        """A variable, copied out, or a `Failure`."""
        if name not in self._namespace:
            return Failure(f"{name} is not defined", "missing")
        return self._guarded(name, lambda: from_student(self._namespace[name], self.keep))

    def handle(self, name: str) -> Value:
        """A handle on a variable, or a `Failure`."""
        if name not in self._namespace:
            return Failure(f"{name} is not defined", "missing")
        return self.keep(self._namespace[name])

    def state(self, handle: Handle) -> Value:
        """A module's state as arrays, or a `Failure`."""
        return self._guarded("state_dict", lambda: _arrays(self._kept[handle.number].state_dict()))

    def load_state(self, handle: Handle, tensors: Mapping[str, Array]) -> Value:
        """Strict loading; None, or a `Failure`."""

        def load() -> None:
            state = to_student(dict(tensors), self._resolve)
            self._kept[handle.number].load_state_dict(state)

        return self._guarded("load_state_dict", load)

    def files(self, patterns: Sequence[str]) -> Value:
        """Small files below the working folder, the first by name, as far as there is room."""
        return self._guarded("files", lambda: _read(patterns))

    def keep(self, value: Any) -> Handle:
        """Leaves an object here and gives it a number."""
        self._kept.append(value)
        return Handle(len(self._kept) - 1, _type_name(value))

    def _function(self, target: str | Handle, method: str | None) -> Any:
        if isinstance(target, Handle):
            found: Any = self._kept[target.number]
        elif target in self._namespace:
            found = self._namespace[target]
        else:
            return Failure(f"{target} is not defined", "missing")
        name = target.type_name if isinstance(target, Handle) else target
        for attribute in method.split(".") if method else ():
            if not hasattr(found, attribute):
                return Failure(f"{_type_name(found)} has no {attribute}", "missing")
            found, name = getattr(found, attribute), attribute
        if not callable(found):
            return Failure(f"{name} is a {_type_name(found)}, not a function", "missing")
        return found

    def _one(self, name: str, function: Callable[..., Any], call: Call, request: Request) -> Value:
        return self._guarded(name, lambda: self._answer(function, call, request))

    def _answer(self, function: Callable[..., Any], call: Call, request: Request) -> Value:
        # One by one: the arguments of f(3) are no shape, and making one would import torch.
        args = tuple(to_student(value, self._resolve) for value in call.args)
        kwargs = to_student(dict(call.kwargs), self._resolve)
        leaves = [_leaf(args, kwargs, where) for where in request.wrt]
        if call.seed is not None:
            seed_everything(call.seed)
        answer = function(*args, **kwargs)
        if request.keep:
            return self.keep(answer)
        if request.wrt:
            return from_student(answer, self.keep), _gradients(answer, leaves, request.cotangent)
        return from_student(answer, self.keep)

    def _resolve(self, stand_in: Handle | Callback) -> Any:
        if isinstance(stand_in, Handle):
            return self._kept[stand_in.number]
        return _module(lambda args, kwargs: self._called_back(stand_in, args, kwargs))

    def _called_back(self, callback: Callback, args: Any, kwargs: Any) -> Any:
        plain_args = from_student(list(args), self.keep)
        plain_kwargs = from_student(dict(kwargs), self.keep)
        return to_student(self._call_back(callback, plain_args, plain_kwargs), self._resolve)

    def _guarded(self, name: str, action: Callable[[], Value]) -> Value:
        # KeyboardInterrupt is how the grader ends a call that takes too long; SystemExit is a
        # student's exit(). Neither may end the conversation.
        try:
            return action()
        except KeyboardInterrupt:
            return Failure(f"{name} was stopped: it took too long", "timeout")
        except MemoryError:
            return Failure(f"{name} ran out of memory", "memory")
        except RuntimeError as error:
            # What torch.cuda.OutOfMemoryError is, in whatever version.
            if _type_name(error) != "OutOfMemoryError":
                return _described(name, error)
            return Failure(f"{name} ran out of GPU memory", "memory")
        except BaseException as error:  # noqa: BLE001  the student's code may raise anything
            return _described(name, error)


def _read(patterns: Sequence[str]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    left = MOST_FILE_BYTES
    paths = {path for pattern in patterns for path in islice(_below(pattern), MOST_PATHS)}
    for path in sorted(paths)[:MOST_FILES]:
        with contextlib.suppress(OSError):
            content = path.read_bytes() if path.stat().st_size <= left else b""
            if content:
                found[str(path)] = np.frombuffer(content, np.uint8)
                left -= len(content)
    return found


def _below(pattern: str) -> Iterator[Path]:
    # A folder that cannot be listed ends the search.
    with contextlib.suppress(OSError):
        yield from (path for path in Path().rglob(pattern) if path.is_file())


def _described(name: str, error: BaseException) -> Failure:
    # The stub of a release says nothing more; anything of the student's does.
    if type(error) is NotImplementedError and not error.args:
        return Failure(f"not attempted: {name} is still as it was handed out", "missing")
    return Failure(describe(name, error))


def describe(name: str, error: BaseException) -> str:
    """One bounded line about an exception; its own text may itself raise."""
    try:
        text = one_line(str(error), 300)
    except BaseException:  # noqa: BLE001  a hostile __str__
        text = ""
    kind = one_line(_type_name(error), 80)
    return f"{name} raised {kind}: {text}" if text else f"{name} raised {kind}"


def one_line(text: str, longest: int) -> str:
    """Printable characters only, on one line, of bounded length."""
    words = " ".join(str.split(text[: 4 * longest]))
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in words)[:longest]


def seed_everything(seed: int) -> None:
    """Seeds the generators that a student's code may draw from."""
    import torch

    if torch.cuda.is_available() or torch.backends.mps.is_available():
        torch.manual_seed(seed)
    else:
        # The same generator: for devices that are not there, torch writes down where it was asked.
        torch.default_generator.manual_seed(seed)
    np.random.seed(seed % (1 << 32))  # noqa: NPY002  students draw from the global generator
    random.seed(seed)


def _name(request: Request) -> str:
    target = request.target
    return request.method or (target if isinstance(target, str) else target.type_name)


def _type_name(value: Any) -> str:
    # A metaclass of the student's may answer for `__name__`; this asks the interpreter.
    name: str = _NAME_OF(type(value))
    return name


_NAME_OF = type.__dict__["__name__"].__get__


def _is_timeout(answer: Value) -> bool:
    return isinstance(answer, Failure) and answer.fault == "timeout"


def _leaf(args: tuple[Any, ...], kwargs: dict[str, Any], where: int | str) -> Any:
    value = args[where] if isinstance(where, int) else kwargs[where]
    return value.requires_grad_()


def _gradients(answer: Any, leaves: list[Any], cotangent: Array | None) -> list[Array]:
    import torch

    output = answer[0] if isinstance(answer, tuple | list) and answer else answer
    if not isinstance(output, torch.Tensor):
        kind = _type_name(output)
        raise TypeError(f"returned {kind} where a tensor is needed for a gradient")
    found: Sequence[Any] = [None] * len(leaves)
    if output.requires_grad:
        # Explicit weights make torch import sympy, 0.4 s once; the gradient of the sum does not.
        weights = None if cotangent is None else torch.tensor(cotangent).to(output)
        scalar = output.sum() if weights is None else output
        found = torch.autograd.grad(scalar, leaves, weights, allow_unused=True)
    pairs = zip(found, leaves, strict=True)
    arrays = [as_array(torch.zeros_like(leaf) if g is None else g) for g, leaf in pairs]
    return [array for array in arrays if array is not None]


def _arrays(state: Mapping[str, Any]) -> dict[str, Value]:
    arrays = {str(name): as_array(tensor) for name, tensor in state.items()}
    return {name: array for name, array in arrays.items() if array is not None}


def _module(forward: Callable[[Any, Any], Any]) -> Any:
    """A `torch.nn.Module` around one of the grader's functions.

    It has one parameter and a device, since students write `next(decoder.parameters()).device`.
    """
    import torch

    class Remote(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.anchor = torch.nn.Parameter(torch.zeros(1))

        @property
        def device(self) -> torch.device:
            return self.anchor.device

        def forward(self, *args: Any, **kwargs: Any) -> Any:
            return forward(args, kwargs)

    return Remote()
