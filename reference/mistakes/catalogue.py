"""The two kinds of entry in a catalogue: a known mistake and an honest way of being right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Mistake:
    """A function that is wrong in a way students are wrong.

    Attributes:
        id: topic and mistake, such as `kl/missing-half`.
        function: canonical name of the function it stands in for, such as `KLD`; a variable
            that a question asks for may stand there, too.
        says: what a good TA would say, without giving the answer away.
        code: the wrong function; same signature as the right one, torch tensors in and out.
            For a variable its wrong value.
        killed_by: names of the checks that must fail it, where it matters which; the audit measures
            and reports all that do.
        around: makes the same mistake on top of another one: takes a function of the same
            signature and returns it with this mistake added. Gives diagnosis its pairs.
    """

    id: str
    function: str
    says: str
    code: Any
    killed_by: tuple[str, ...] = ()
    around: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None


@dataclass(frozen=True, slots=True)
class Variant:
    """One honest way of writing a function; every check must pass it."""

    id: str
    function: str
    code: Callable[..., Any]
