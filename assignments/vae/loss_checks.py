"""Checks of the reconstruction loss, the negative bound, and its unit."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from assignments.vae.definitions import (
    averaged,
    bits_per_dimension,
    image_batches,
    kl_slopes,
    likelihood_slope,
    loss_inputs,
    negative_bound,
    negative_log_likelihood,
    own_bounds,
    own_slopes,
    single,
)
from grader.checks import (
    Expected,
    Subject,
    check,
    expect,
    expect_all_close,
    expect_close,
    judge_by_any,
)


@check("reconstruction", points=1.25)
def reconstruction_is_the_log_likelihood(subject: Subject) -> None:
    """The reconstruction loss is -log p(x | z): a sum over pixels, a mean over the batch."""
    batches = image_batches()
    answers = single(subject.map("reconstruction_loss", batches))
    expected = [negative_log_likelihood(*batch) for batch in batches]
    given = [dict(zip(("logits", "x"), batch, strict=True)) for batch in batches]
    expect_all_close(answers, expected, given=given)


@check("reconstruction", points=0.25)
def targets_come_with_or_without_a_channel(subject: Subject) -> None:
    """Levels of shape (B, H, W) mean the same as levels of shape (B, 1, H, W)."""
    logits, x = image_batches()[-2]
    answer = subject.call("reconstruction_loss", logits, x[:, 0])
    expect_close(
        single([answer])[0],
        negative_log_likelihood(logits, x),
        given={"logits": logits, "x": x[:, 0]},
    )


@check("elbo", points=1.25)
def loss_is_reconstruction_plus_kl(subject: Subject) -> None:
    """The loss is reconstruction plus KL, weighted alike, averaged once over the batch."""
    inputs, names = loss_inputs(), ("logits", "x", "mean", "log_std")
    answers = single(subject.map("elbo_loss", inputs))
    given = [dict(zip(names, each, strict=True)) for each in inputs]
    judge_by_any(
        lambda expected: expect_all_close(answers, expected, given=given),
        [negative_bound(*each) for each in inputs],
        [lambda: own_bounds(subject, inputs)],
    )


@check("elbo", points=0.5)
def loss_reaches_both_terms(subject: Subject) -> None:
    """The loss moves with mean, log_std and logits as its two terms do."""
    given = logits, x, mean, log_std = loss_inputs()[5]
    names = ("logits", "mean", "log_std")
    _, slopes = subject.gradient("elbo_loss", *given, wrt=(0, 2, 3))

    def judge(expecteds: Sequence[Expected]) -> None:
        for name, slope, expected in zip(names, slopes, expecteds, strict=True):
            expect(np.any(slope), f"No gradient of your elbo_loss reaches {name}.")
            expect_close(
                slope,
                expected,
                function=f"elbo_loss's gradient with respect to {name}",
                message="The gradient of the negative bound is another one.",
            )

    right = [likelihood_slope(logits, x), *averaged(kl_slopes(mean, log_std), len(x))]
    judge_by_any(judge, right, [lambda: own_slopes(subject, given)])


IMAGE_SHAPES = (
    (1, 1, 1, 1),
    (1, 1, 2, 2),
    (3, 1, 3, 5),
    (2, 3, 4, 4),
    (5, 1, 8, 8),
    (4, 3, 32, 32),
)


@check("bpd", points=1)
def bpd_is_bits_over_dimensions(subject: Subject) -> None:
    """A code of one bit for each value of an image has one bit per dimension."""
    inputs, expected = [], []
    for shape in IMAGE_SHAPES:
        bits = 0.5 + np.arange(shape[0])  # per dimension, another one for each image
        nats = (bits * math.prod(shape[1:]) * math.log(2)).astype(np.float32)
        inputs.append((nats, shape))  # arrives as x.shape does
        expected.append(bits_per_dimension(nats, shape))
    answers = subject.map("elbo_to_bpd", inputs)
    given = [{"elbo": nats, "img_shape": np.asarray(shape)} for nats, shape in inputs]
    expect_all_close(answers, expected, given=given)
