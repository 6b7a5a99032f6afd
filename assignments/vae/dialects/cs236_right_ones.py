"""Right densities in the place of the student's own, for what builds on them.

A bound calls the functions that earlier questions ask for. Where it fails, it is judged once more
with right ones in their place, so that a mistake costs its points where it is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any, TypeAlias

import numpy as np

from assignments.vae.dialects.densities import divergence, log_density, mixture_log_density
from grader.checks import Array, Callback, CheckFailure, Handle, Subject, evidence
from grader.errors import SubjectError

Judge: TypeAlias = Callable[..., None]
# A function and the name of one of its methods, whose globals may hold the student's functions.
_Home: TypeAlias = tuple[Handle, str]


def _normal(x: Array, m: Array, v: Array) -> Array:
    return log_density(x, m, v).value.astype(np.float32)


def _mixture(z: Array, m: Array, v: Array) -> Array:
    return mixture_log_density(z, m, v).value.astype(np.float32)


def _kl(qm: Array, qv: Array, pm: Array, pv: Array) -> Array:
    whole = np.broadcast_arrays(qm, qv, pm, pv)
    return divergence(*whole).value.astype(np.float32)


def _sampler() -> Callable[[Array, Array], Array]:
    rng = np.random.default_rng(9)

    def sample(m: Array, v: Array) -> Array:
        return np.asarray(m + np.sqrt(v) * rng.standard_normal(np.shape(m)), np.float32)

    return sample


# Each made anew, since one of them keeps count of what it drew.
_RIGHT: Mapping[str, Callable[[], Callable[..., Array]]] = {
    "sample_gaussian": _sampler,
    "log_normal": lambda: _normal,
    "log_normal_mixture": lambda: _mixture,
    "kl_normal": lambda: _kl,
}


EARLIER = tuple(_RIGHT)


def forgiving(*names: str, model: str = "") -> Callable[[Judge], Judge]:
    """Judges again, where a check fails, with right functions under these names.

    Args:
        names: of functions that the one which is asked for may build on.
        model: class whose methods call them, if it is one that is asked for.
    """

    def around(judge: Judge) -> Judge:
        @wraps(judge)
        def judged(subject: Subject, **others: Any) -> None:
            try:
                judge(subject, **others)
            except (CheckFailure, SubjectError) as failure:
                if isinstance(failure, SubjectError) and failure.fault != "error":
                    raise
                try:
                    with _in_place(subject, names, model):
                        judge(subject, **others)
                except (CheckFailure, SubjectError):
                    raise failure from None
                evidence(follows_from_own_functions=True)

        return judged

    return around


@contextmanager
def _in_place(subject: Subject, names: tuple[str, ...], model: str) -> Iterator[None]:
    """Right functions wherever the student's code looks its own ones up; the own ones come back."""
    with ExitStack() as stack:
        # Files may have imported a function by its name: each has globals of its own.
        for home in _homes(subject, names, model):
            for name in names:
                stack.enter_context(_replaced(subject, home, name))
        yield


def _homes(subject: Subject, names: tuple[str, ...], model: str) -> Iterator[_Home]:
    for name in names:
        if subject.definition(name).kind == "function":
            yield subject.handle(name), "__globals__"
    if subject.definition(model).kind == "class":
        for method in ("negative_elbo_bound", "negative_iwae_bound"):
            yield subject.handle(model), f"{method}.__globals__"


@contextmanager
def _replaced(subject: Subject, home: _Home, name: str) -> Iterator[None]:
    """One function replaced; whoever does so twice puts back in reverse what was there."""
    handle, place = home
    try:
        own = subject.new(handle, name, method=f"{place}.__getitem__")
        subject.call(handle, {name: Callback(_RIGHT[name]())}, method=f"{place}.update")
    except SubjectError:  # not looked up from there
        yield
        return
    try:
        yield
    finally:
        subject.call(handle, {name: own}, method=f"{place}.update")
