"""What is said across the fence: requests to the student's side, and stand-ins for objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
# None, bool, int, float, str, Array, Handle, and lists, tuples and str-keyed dicts of these.
Value: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Handle:
    """An object that stays on the student's side; only its number crosses."""

    number: int
    type_name: str = ""


@dataclass(frozen=True, slots=True)
class Callback:
    """A function of ours that the student's code may call, such as a decoder with known weights.

    Arrives as a `torch.nn.Module`; each call comes back to us as plain arrays, so nothing of
    ours runs in the sandbox and every input that the student's code chose is seen.
    """

    function: Callable[..., Value]


@dataclass(frozen=True, slots=True)
class Failure:
    """One call that the student's code could not answer: who raised what, in one sentence."""

    message: str
    fault: str = "error"


@dataclass(frozen=True, slots=True)
class Call:
    """One call among many in a request: positional and named inputs, and the seed before it."""

    args: tuple[Value, ...] = ()
    kwargs: Mapping[str, Value] = field(default_factory=dict)
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of the student's side.

    Attributes:
        target: name in the student's namespace, or a handle.
        calls: how often and with what to call it.
        method: attribute of the target (dots descend) to call instead of the target.
        keep: leave each result on the student's side and return its handle.
        wrt: inputs (position or name) to differentiate the answer with respect to.
        cotangent: weights of the vector-Jacobian product; None weighs every output by one.
    """

    target: str | Handle
    calls: tuple[Call, ...]
    method: str | None = None
    keep: bool = False
    wrt: tuple[int | str, ...] = ()
    cotangent: Array | None = None


@dataclass(frozen=True, slots=True)
class Definition:
    """What the student's namespace holds under a name."""

    kind: str  # "function", "class", "value" or "missing"
    parameters: tuple[str, ...] = ()


def request_to_data(request: Request) -> dict[str, Value]:
    """The request as plain values, for the channel."""
    return {
        "op": "call",
        "target": request.target,
        "calls": [[list(c.args), dict(c.kwargs), c.seed] for c in request.calls],
        "method": request.method,
        "keep": request.keep,
        "wrt": list(request.wrt),
        "cotangent": request.cotangent,
    }


def request_from_data(data: Mapping[str, Value]) -> Request:
    """The inverse of `request_to_data`; only ever given what the grader itself has sent."""
    cotangent = data["cotangent"]
    return Request(
        target=data["target"],
        calls=tuple(Call(tuple(args), kwargs, seed) for args, kwargs, seed in data["calls"]),
        method=data["method"],
        keep=data["keep"],
        wrt=tuple(data["wrt"]),
        cotangent=None if cotangent is None else np.asarray(cotangent),
    )
