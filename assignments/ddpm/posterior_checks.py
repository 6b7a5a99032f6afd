"""The posterior, by Bayes' rule on a grid, and divergences of Gaussians, integrated."""

from __future__ import annotations

import numpy as np

from assignments.ddpm.definitions import (
    Batch,
    at,
    batches,
    chain,
    gaussian_pairs,
    kl_of_pair,
    noised,
    rounding,
    schedules,
)
from assignments.ddpm.own_answers import named, two_parts
from assignments.ddpm.posteriors import bayes, bayes_variance
from assignments.ddpm.right_ones import forgiving
from grader.checks import (
    Array,
    Expected,
    Subject,
    as_array,
    check,
    expect,
    expect_all_close,
    expect_close,
    expect_shape,
)

# 3.1 Variance of the posterior


@check("posterior-variance", points=0.75)
@forgiving("alphas_cumprod")
def posterior_variance_is_by_bayes(subject: Subject) -> None:
    """The variance of x_{t-1} given x_t and x_0 is that of Bayes' rule, zero at t = 1."""
    answers = subject.map("posterior_variance", [(betas,) for betas in schedules()])
    expected = [bayes_variance(betas) for betas in schedules()]
    expect_all_close(answers, expected, given=[{"betas": betas} for betas in schedules()])


@check("posterior-variance", points=0.25)
@forgiving("alphas_cumprod")
def knowing_more_leaves_less_doubt(subject: Subject) -> None:
    """The posterior's variance lies below beta_t, and below the variance of x_{t-1} given x_0."""
    betas = schedules()[-1]
    answer = as_array(subject.call("posterior_variance", betas))
    expect_shape(answer, betas.shape)
    _, variance = chain(betas)
    # Equal to the smaller one at t = 1 only, where rounding may lift it above zero.
    bound = np.minimum(betas, np.r_[0.0, variance[:-1]]) + 1e-5
    expect(
        answer <= bound,
        "Your posterior_variance exceeds the variance that x_{t-1} has when only x_0, or only x_t, "
        "is known.",
        yours=answer,
        bound=bound,
    )


# 3.2 The posterior


@check("posterior", points=0.75)
@forgiving("alphas_cumprod", "posterior_variance")
def posterior_is_by_bayes(subject: Subject) -> None:
    """Mean and variance of x_{t-1} given x_t and x_0 are those of Bayes' rule, integrated."""
    given = [(batch.x0, batch.x_t, batch.t, batch.betas) for batch in batches()]
    answers = subject.map("posterior", given)
    means, variances = two_parts(answers, [batch.x0 for batch in batches()], "posterior")
    right = [bayes(*each) for each in given]
    shown = named(("x0", "x_t", "t", "betas"), given)
    expect_all_close(means, [mean for mean, _ in right], given=shown)
    expect_all_close(variances, [spread for _, spread in right], given=shown)


@check("posterior", points=0.5)
@forgiving("alphas_cumprod", "posterior_variance")
def posterior_joins_the_chain(subject: Subject) -> None:
    """Averaged over x_t, your posterior gives x_{t-1} the mean and the variance of the chain."""
    for batch in batches()[1::3]:
        signal, variance = chain(batch.betas)
        (lower, upper), spread = _posterior_at_two_points(subject, batch)
        before = at(np.r_[1.0, signal], batch.t, batch.x0) * batch.x0
        growth = at(rounding(batch.betas), batch.t, batch.x0)
        size = np.abs(batch.x0) + np.abs(upper) + np.abs(lower) + 1
        given = {"x0": batch.x0, "t": batch.t, "betas": batch.betas}
        expect_close(
            (lower + upper) / 2,
            Expected(before, growth * size, "the chain's mean of x_{t-1}"),
            given=given,
            function="posterior, its mean averaged over x_t,",
        )
        total = np.broadcast_to(at(np.r_[0.0, variance], batch.t, batch.x0), batch.x0.shape)
        expect_close(
            spread + ((upper - lower) / 2) ** 2,
            Expected(total, growth * size**2, "the chain's variance of x_{t-1}"),
            given=given,
            function="posterior, the variance that it gives x_{t-1} when x_t is averaged out,",
        )


def _posterior_at_two_points(subject: Subject, batch: Batch) -> tuple[list[Array], Array]:
    """Means at the two points of a rule that is exact for a Gaussian x_t, and the variance."""
    x = [noised(batch._replace(noise=sign * np.ones_like(batch.noise))) for sign in (-1, 1)]
    given = [(batch.x0, each.astype(batch.x0.dtype), batch.t, batch.betas) for each in x]
    means, variances = two_parts(subject.map("posterior", given), 2 * [batch.x0], "posterior")
    for mean in means:
        expect_shape(mean, batch.x0.shape)
    return [as_array(mean).astype(np.float64) for mean in means], as_array(variances[0])


@check("posterior", points=0.25)
@forgiving("alphas_cumprod", "posterior_variance")
def first_step_is_known(subject: Subject) -> None:
    """At t = 1 the posterior is x_0 itself, without variance."""
    batch = batches()[-1]
    t = np.ones_like(batch.t)
    given = {"x0": batch.x0, "x_t": batch.x_t, "t": t, "betas": batch.betas}
    answer = subject.call("posterior", *given.values())
    (mean,), (variance,) = two_parts([answer], [batch.x0], "posterior")
    for part, right in zip(
        (mean, variance), bayes(batch.x0, batch.x_t, t, batch.betas), strict=True
    ):
        expect_close(part, right, given=given)


# 3.3 KL of two Gaussians


@check("full-kl", points=1)
def full_kl_is_the_expected_log_ratio(subject: Subject) -> None:
    """KL(a || b) is E_a[log a - log b], also where dimensions are correlated."""
    answers = subject.map("gaussian_kl_full", gaussian_pairs())
    expect_all_close(
        answers, [kl_of_pair(*pair) for pair in gaussian_pairs()], given=gaussian_pairs()
    )


@check("full-kl", points=0.5)
def full_kl_is_zero_at_itself_only(subject: Subject) -> None:
    """A divergence is zero from a Gaussian to itself, and positive to every other."""
    apart = [pair for pair in gaussian_pairs() if kl_of_pair(*pair).value.min() > 1e-6]
    same = [pair._replace(mean_b=pair.mean_a, cov_b=pair.cov_a) for pair in apart]
    answers = subject.map("gaussian_kl_full", same)
    expect_all_close(answers, [kl_of_pair(*pair) for pair in same], given=same)
    for pair, answer in zip(apart, subject.map("gaussian_kl_full", apart), strict=True):
        expect(
            as_array(answer) > 0,
            "Your gaussian_kl_full is not positive for two Gaussians that differ.",
            **pair._asdict(),
        )
