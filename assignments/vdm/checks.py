"""Public checks of variational diffusion: each decides by definition, so students may have them.

Nothing of the reference is used: the forward chain is composed kernel by kernel, its posterior is
the product of two Gaussians, and the bound of a linear model comes from the chain's covariance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from assignments.vdm.bound_checks import (
    bound_has_its_three_terms,
    consistency_is_a_kl_of_posteriors,
    decoder_is_a_distribution,
    examples_are_compared_on_their_own,
    reconstruction_is_a_log_density,
    terms_add_up_to_the_bound,
)
from assignments.vdm.definitions import (
    batches,
    half_lost,
    lefts,
    ratio,
    ratio_of_gaussian,
    ratio_of_image,
    schedules,
    weights,
    weights_of_betas,
)
from assignments.vdm.own import (
    Expectations,
    images_of_own_gaussian,
    images_of_own_ratio,
    weights_of_own_ratio,
)
from grader.checks import (
    Array,
    Expected,
    Subject,
    as_array,
    check,
    expect,
    expect_all_close,
    expect_close,
    expect_decreasing,
    expect_shape,
    judge_by_any,
)

__all__ = [
    "bound_has_its_three_terms",
    "consistency_is_a_kl_of_posteriors",
    "decoder_is_a_distribution",
    "examples_are_compared_on_their_own",
    "reconstruction_is_a_log_density",
    "terms_add_up_to_the_bound",
]

_LEFT = "alphas_cumprod"
_IMAGE = ("x0", "t", _LEFT)

# 1.1 Of a schedule


@check("snr", points=1)
def ratio_is_that_of_the_chain(subject: Subject) -> None:
    """The ratio compares the power of the signal in x_t with that of the noise, at every t."""
    answers = subject.map("snr", [(left,) for left in lefts()])
    expect_all_close(answers, [ratio(left) for left in lefts()], given=_named(_LEFT, lefts()))


@check("snr", points=0.5)
def ratio_falls_with_time(subject: Subject) -> None:
    """A ratio of powers is positive, and falls at every step, without a limit on either side."""
    left = np.asarray([0.96875, 0.75, 0.5, 0.25, 0.03125], np.float32)
    answer = as_array(subject.call("snr", left))
    expect_shape(answer, left.shape)
    expect(answer > 0, f"Your snr holds {answer.min():.4g}; a ratio of powers is positive.")
    expect_decreasing(answer)
    # Time reversed, and signal and noise swapped: ratios r and 1 / r.
    expect_close(
        answer * answer[::-1],
        Expected(np.ones(5), 5 / left[::-1] / left, "signal over noise, times noise over signal,"),
        given={"alphas_cumprod": left},
        function="snr, multiplied by itself with signal and noise swapped,",
    )


# 1.2 Of a Gaussian


def _gaussians() -> list[tuple[Array, Array]]:
    """Means (..., D) and covariances (..., D, D), uncorrelated and small ones first."""
    made = []
    for size in (1, 2, 3):
        unit, ramp = np.eye(size), np.arange(1.0, size + 1)
        far = ramp * (-1) ** ramp / 2
        covs = unit, np.diag(ramp + 1), 0.25 * unit + 0.125 * np.diag(ramp) + 0.5
        made += [(far.astype(np.float32), cov.astype(np.float32)) for cov in covs]
    stacked = tuple(np.stack(parts) for parts in zip(*made[-3:], strict=True))
    return [*made, (stacked[0], stacked[1])]


@check("gaussian-snr", points=1)
def ratio_of_a_gaussian_compares_expected_powers(subject: Subject) -> None:
    """The ratio is the squared length of the mean over the expected squared length of the noise."""
    answers = subject.map("signal_to_noise", _gaussians())
    expected = [ratio_of_gaussian(*each) for each in _gaussians()]
    expect_all_close(answers, expected, given=_gaussians())


@check("gaussian-snr", points=0.5)
def ratio_knows_neither_units_nor_copies(subject: Subject) -> None:
    """Neither units nor copies of all dimensions matter; a mean twice as long counts four times."""
    plain = _gaussians()[3:-1]
    scaled = [(3 * mean, 9 * cov) for mean, cov in plain]
    doubled = [
        (np.concatenate([mean, mean]), np.kron(np.eye(2), cov).astype(cov.dtype))
        for mean, cov in plain
    ]
    before = [as_array(answer) for answer in subject.map("signal_to_noise", plain)]
    louder = [(2 * mean, cov) for mean, cov in plain]
    changes = (
        (scaled, 1, "what it is before, not in other units,"),
        (doubled, 1, "what it is before, not with every dimension twice,"),
        (louder, 4, "four times what it is before the mean is doubled, which"),
    )
    for changed, factor, says in changes:
        after = subject.map("signal_to_noise", changed)
        expected = [Expected(factor * each, says=says) for each in before]
        expect_all_close(after, expected, given=changed)


# 1.3 Of an image


@check("image-snr", points=1.25)
def ratio_of_an_image_is_that_of_its_gaussian(subject: Subject) -> None:
    """Each image's ratio is that of x_t given x_0, at the image's own timestep."""
    given = [(batch.x0, batch.t, batch.left) for batch in batches()]
    answers = subject.map("image_signal_to_noise", given)
    _judge_images(subject, answers, given)


@check("image-snr", points=0.75)
def brightness_counts_by_its_square(subject: Subject) -> None:
    """A uniform image of brightness b has b^2 times the ratio of the schedule."""
    batch = batches()[-1]
    brightness = np.resize(np.asarray([1, -2, 0.5], np.float32), (len(batch.t), 1, 1, 1))
    uniform = (brightness * np.ones_like(batch.x0), batch.t, batch.left)
    _judge_images(subject, [subject.call("image_signal_to_noise", *uniform)], [uniform])


def _judge_images(
    subject: Subject, answers: Sequence[Any], given: Sequence[tuple[Array, Array, Array]]
) -> None:
    right = [ratio_of_image(*each) for each in given]
    judge_by_any(
        lambda values: expect_all_close(
            answers, values, given=[dict(zip(_IMAGE, each, strict=True)) for each in given]
        ),
        right,
        [
            lambda: images_of_own_gaussian(subject, given, right),
            lambda: images_of_own_ratio(subject, given, right),
        ],
    )


# 2.1 Weights of the x_0 loss


@check("weights", points=1.5)
def weight_is_a_kl_of_posteriors(subject: Subject) -> None:
    """The weight of t is the KL between the posteriors of two x_0 that are one apart."""
    answers = subject.map("x0_loss_weights", [(betas,) for betas in schedules()])
    right = [weights_of_betas(betas) for betas in schedules()]
    judge_by_any(
        lambda values: expect_all_close(answers, values, given=_named("betas", schedules())),
        right,
        [lambda: weights_of_own_ratio(subject, lefts(), right)],
    )


@check("weights", points=0.75)
def weights_add_up_over_steps(subject: Subject) -> None:
    """Two steps merged into one lose what they lose one after the other."""
    fine = np.asarray([0.25, 0.5, 0.5, 0.25, 0.125], np.float32)
    merged = np.asarray([0.25, 0.75, 0.34375], np.float32)  # 1 - (1 - beta)(1 - beta')
    both = [as_array(subject.call("x0_loss_weights", betas)) for betas in (fine, merged)]
    for answer, betas in zip(both, (fine, merged), strict=True):
        expect_shape(answer, (len(betas) - 1,))
    right = weights_of_betas(fine)
    assert right.scale is not None
    scale = right.scale.reshape(2, 2).sum(axis=1)
    pairs = both[0].astype(np.float64).reshape(2, 2).sum(axis=1)
    expect_close(
        both[1],
        Expected(pairs, 2 * scale + np.abs(pairs), "the sum of the weights of the steps merged"),
        given={"betas": merged},
    )


# 2.2 Weights by the ratio


@check("snr-weights", points=1.25)
def weight_by_the_ratio_is_a_kl_of_posteriors(subject: Subject) -> None:
    """Written by the signal-to-noise ratio, the weights are still the same divergences."""
    answers = subject.map("x0_loss_weights_from_snr", [(left,) for left in lefts()])
    right = [weights(left) for left in lefts()]
    judge_by_any(
        lambda values: expect_all_close(answers, values, given=_named(_LEFT, lefts())),
        right,
        [lambda: weights_of_own_ratio(subject, lefts(), right)],
    )


@check("snr-weights", points=0.5)
def weights_sum_to_what_is_lost_in_all(subject: Subject) -> None:
    """Whatever way the schedule takes, the weights add up to a number that its ends decide."""
    ways = [
        np.asarray(left, np.float32)
        for left in ((0.75, 0.25), (0.75, 0.5, 0.25), (0.75, 0.625, 0.375, 0.25))
    ]
    answers = [as_array(a) for a in subject.map("x0_loss_weights_from_snr", [(w,) for w in ways])]
    for answer, left in zip(answers, ways, strict=True):
        expect_shape(answer, (len(left) - 1,))
    sums = [np.sum(answer.astype(np.float64)) for answer in answers]
    right = [half_lost(ratio(left).value[[0, -1]]) for left in ways]

    def judge(values: Expectations) -> None:
        expect_all_close(sums, values, given=_named(_LEFT, ways), function=_SUMMED)

    says = "half of what the ratio loses from its first value to its last"
    judge_by_any(
        judge,
        [Expected(value[0], np.asarray(20.0), says) for value in right],
        [lambda: _sums(weights_of_own_ratio(subject, ways, [weights(left) for left in ways]))],
    )


_SUMMED = "x0_loss_weights_from_snr, summed over t,"


def _sums(values: Expectations) -> Expectations:
    return [
        Expected(np.sum(each.value), np.asarray(20.0) + np.abs(each.value).sum()) for each in values
    ]


def _named(name: str, given: Sequence[Array]) -> list[dict[str, Array]]:
    return [{name: each} for each in given]
