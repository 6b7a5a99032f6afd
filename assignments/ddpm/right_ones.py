"""Right functions in the place of the student's earlier ones.

What builds on a function that is wrong is judged once more with a right one in its place, so that a
mistake costs its points where it is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeAlias

import numpy as np

from assignments.ddpm.definitions import chain
from assignments.ddpm.posteriors import bayes, bayes_variance, predicted_mean, predicted_x0
from grader.checks import Array, Callback, CheckFailure, Handle, Subject, evidence
from grader.errors import SubjectError

Judge: TypeAlias = Callable[..., None]


def _left(betas: Array) -> Array:
    signal, _ = chain(betas)
    return np.asarray((signal**2).astype(betas.dtype))


def _posterior_variance(betas: Array) -> Array:
    return bayes_variance(betas).value.astype(betas.dtype)


def _posterior(x0: Array, x_t: Array, t: Array, betas: Array) -> tuple[Array, Array]:
    mean, variance = bayes(x0, x_t, t, betas)
    return mean.value.astype(x0.dtype), variance.value.astype(x0.dtype)


def _x0(x_t: Array, noise: Array, t: Array, alphas_cumprod: Array) -> Array:
    left = alphas_cumprod.astype(np.float64)
    betas = 1 - left / np.r_[1.0, left[:-1]]
    return predicted_x0(x_t, noise, t, betas).value.astype(x_t.dtype)


def _mean(x_t: Array, noise: Array, t: Array, betas: Array) -> Array:
    return predicted_mean(x_t, noise, t, betas).value.astype(x_t.dtype)


RIGHT: Mapping[str, Callable[..., Any]] = {
    "alphas_cumprod": _left,
    "posterior_variance": _posterior_variance,
    "posterior": _posterior,
    "x0_from_noise": _x0,
    "mean_from_noise": _mean,
}


def forgiving(*names: str) -> Callable[[Judge], Judge]:
    """Judges again, where a check fails, with right functions under these names.

    Only for what the function that is asked for may build on. The check must be deterministic.
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
                    with _in_place(subject, names):
                        judge(subject, **others)
                except (CheckFailure, SubjectError):
                    raise failure from None
                evidence(follows_from_own_functions=True)

        return judged

    return around


@contextmanager
def _in_place(subject: Subject, names: tuple[str, ...]) -> Iterator[None]:
    """Right functions where the student's code looks its own ones up; the own ones come back."""
    own: dict[str, Handle] = {name: subject.handle(name) for name in names}
    # The globals of a plain function are the namespace: nobody decorates this one.
    plain, update = subject.handle("alphas_cumprod"), "__globals__.update"
    subject.call(plain, {name: Callback(RIGHT[name]) for name in names}, method=update)
    try:
        yield
    finally:
        subject.call(plain, own, method=update)
