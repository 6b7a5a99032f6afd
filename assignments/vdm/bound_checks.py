"""Public checks of the bound: its terms on their own, and what they add up to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from assignments.vdm.bound import KnownModel, bound, expected_log_ratio, three_terms
from assignments.vdm.definitions import (
    VARIANCES,
    batches,
    consistency,
    lefts,
    log_density,
    noises,
    size_of,
    weights,
)
from assignments.vdm.own import (
    BUILT_OF,
    OF_WEIGHTS,
    Expectations,
    bounds_of_own_terms,
    consistency_of_own_weights,
)
from grader.checks import (
    Array,
    Callback,
    Expected,
    Subject,
    as_array,
    check,
    expect_all_close,
    expect_close,
    expect_shape,
    judge_by_any,
)

_RECONSTRUCTION = ("x0", "predicted_x0", "variance")
_CONSISTENCY = ("x0", "predicted_x0", "t", "alphas_cumprod")
_BOUND = ("x0", "noise", "alphas_cumprod", "decoder_variance")

# 3.1 Reconstruction


@check("reconstruction", points=1)
def reconstruction_is_a_log_density(subject: Subject) -> None:
    """The term is the log-density of x_0 under the decoder, summed over each image's entries."""
    given = [(b.x0, b.guess, variance) for b in batches() for variance in VARIANCES]
    answers = subject.map("reconstruction_term", given)
    expected = [log_density(x0, Expected(guess), v) for x0, guess, v in given]
    expect_all_close(answers, expected, given=_dicts(_RECONSTRUCTION, given))


@check("reconstruction", points=0.5)
def decoder_is_a_distribution(subject: Subject) -> None:
    """Over all x_0, the decoder's density integrates to one."""
    for variance in VARIANCES:
        # Eight standard deviations to each side; equal steps integrate a Gaussian to rounding.
        step = 2.0**-3 * np.sqrt(variance)
        x0 = (step * np.arange(-64, 65)[:, np.newaxis]).astype(np.float32)
        guess = np.zeros_like(x0)
        answer = as_array(subject.call("reconstruction_term", x0, guess, variance))
        expect_shape(answer, (len(x0),))
        mass = np.sum(np.exp(answer.astype(np.float64))) * step
        expect_close(
            mass,
            Expected(np.asarray(1.0), np.asarray(8.0), "the probability of everything"),
            given={"variance": np.float32(variance)},
            function="reconstruction_term, as a density integrated over all x_0,",
        )


# 3.2 Consistency


@check("consistency", points=1)
def consistency_is_a_kl_of_posteriors(subject: Subject) -> None:
    """The term is the KL between the posteriors given x_0 and given its prediction."""
    given = [(b.x0, b.guess, b.t, b.left) for b in batches(first=2)]
    answers = subject.map("consistency_term", given)
    _judge_consistency(subject, answers, given)


@check("consistency", points=0.5)
def examples_are_compared_on_their_own(subject: Subject) -> None:
    """An example costs what it would cost alone, at its own t, and nothing where it is right."""
    batch = batches(first=2)[-1]
    near = batch.guess.copy()
    near[::2] = batch.x0[::2]
    for guess in (batch.x0, near, batch.guess):
        whole = (batch.x0, guess, batch.t, batch.left)
        x0, t = batch.x0, batch.t
        rows = [slice(i, i + 1) for i in range(len(t))]
        given = [whole, *((x0[row], guess[row], t[row], batch.left) for row in rows)]
        _judge_consistency(subject, subject.map("consistency_term", given), given)


def _judge_consistency(
    subject: Subject,
    answers: Sequence[Any],
    given: Sequence[tuple[Array, Array, Array, Array]],
) -> None:
    exact = [(x0, Expected(guess), t, left) for x0, guess, t, left in given]
    judge_by_any(
        lambda values: expect_all_close(answers, values, given=_dicts(_CONSISTENCY, given)),
        [consistency(*each) for each in exact],
        (partial(consistency_of_own_weights, way, subject, exact, weights) for way in OF_WEIGHTS),
    )


# 3.3 The bound


@check("bound", points=1.5)
def bound_has_its_three_terms(subject: Subject) -> None:
    """Reconstruction at t = 1, prior matching at t = T, and consistency summed from 2 to T."""
    given = []
    for batch, variance in zip(batches()[1:], 3 * VARIANCES, strict=False):
        x0 = batch.x0[:2] if len(batch.x0) > 1 else batch.x0
        given.append((x0, noises((len(batch.betas), *x0.shape)), batch.left, variance))
    judge_bounds(subject, given)


def judge_bounds(subject: Subject, given: Sequence[tuple[Array, Array, Array, float]]) -> None:
    """Demands all three terms for every input.

    Raises:
        CheckFailure: a term is wrong.
        SubjectError: a call failed, or returned no numbers.
    """
    answers = subject.map("bound_terms", [(Callback(KnownModel()), *each) for each in given])
    terms = [term for answer in answers for term in three_terms(answer)]
    shown = [each for each in _dicts(_BOUND, given) for _ in range(3)]
    judge_by_any(
        lambda values: expect_all_close(terms, values, given=shown),
        [term for each in given for term in bound(KnownModel(), *each)],
        (partial(bounds_of_own_terms, subject, KnownModel(), given, names) for names in BUILT_OF),
    )


@check("bound", points=0.75)
def terms_add_up_to_the_bound(subject: Subject) -> None:
    """For a linear model, whose bound is known in closed form, your terms add up to it."""
    slope, shift, variance = 0.75, 0.25, 0.5
    left = lefts()[-1]
    x0 = np.asarray([[0.5, 1.0], [-1.0, 0.0], [2.0, -0.5]], np.float32)
    model = KnownModel(slope, 0.0, shift)
    # Every term is quadratic in its own noise, so plus and minus one average it exactly.
    noise = np.ones((len(left), *x0.shape), np.float32)
    given = [(x0, sign * noise, left, variance) for sign in (np.float32(1), np.float32(-1))]
    answers = subject.map("bound_terms", [(Callback(model), *each) for each in given])
    found = [_elbo(three_terms(answer), len(x0)) for answer in answers]
    values = [
        sum(expected_log_ratio(float(x), left, (slope, shift), variance) for x in row) for row in x0
    ]

    def judge(each: Expectations) -> None:
        expect_close(
            (found[0] + found[1]) / 2,
            each[0],
            given={"x0": x0, "alphas_cumprod": left, "decoder_variance": np.float32(variance)},
            function="bound_terms, summed as reconstruction - prior matching - consistency and "
            "averaged over the noise,",
        )

    sizes = [np.abs([size_of(term) for term in bound(model, *each)]).sum(axis=0) for each in given]
    says = "the bound from the joint law of the chain"
    judge_by_any(
        judge,
        [Expected(np.asarray(values), sizes[0] + sizes[1], says)],
        (partial(_own_elbo, subject, model, given, names) for names in BUILT_OF),
    )


def _elbo(terms: Sequence[Any], examples: int) -> Array:
    for term in terms:
        expect_shape(term, (examples,))
    reconstruction, prior, later = (as_array(term).astype(np.float64) for term in terms)
    return np.asarray(reconstruction - prior - later)


def _own_elbo(
    subject: Subject,
    model: KnownModel,
    given: Sequence[tuple[Array, Array, Array, float]],
    names: frozenset[str],
) -> Expectations:
    """The mean over both inputs of the bound by the student's own terms."""
    terms = bounds_of_own_terms(subject, model, given, names)
    signs = np.asarray([1, -1, -1] * len(given))[:, np.newaxis] / len(given)
    value = (signs * [term.value for term in terms]).sum(axis=0)
    return [Expected(value, np.sum([size_of(term) for term in terms], axis=0))]


def _dicts(names: Sequence[str], given: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    return [
        {name: _shown(value) for name, value in zip(names, each, strict=True)} for each in given
    ]


def _shown(value: Any) -> Any:
    # A number is given in the precision of the data, and so is what a student makes of it.
    return np.float32(value) if isinstance(value, float) else value
