"""Checks of the discriminator's loss in the UvA sheet; `uva_checks.py` brings them in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from assignments.aae.definitions import (
    accuracy,
    discriminator_slopes,
    discriminator_terms,
    scale_of,
)
from assignments.aae.dialects.uva_parts import (
    LATENTS,
    KnownDiscriminator,
    judged,
    latents,
    logged,
    loss_and_log,
    with_known_discriminator,
)
from assignments.aae.networks import gradients_left
from grader.checks import (
    Array,
    CheckFailure,
    Expected,
    Subject,
    check,
    evidence,
    expect,
    expect_close,
    expect_shape,
    expect_standard_normal,
)
from grader.checks.exact_null import detects

OF_DISCRIMINATOR = "get_loss_discriminator"


@check("discriminator-loss", points=2)
def draws_are_real_and_encoded_latents_fake(subject: Subject) -> None:
    """Each half is a mean cross-entropy: draws of the prior are real, z_fake is fake."""
    with_known_discriminator(subject, lambda known: _expect_halves(subject, known))


def _expect_halves(subject: Subject, known: KnownDiscriminator) -> None:
    model = known.placed_in(subject)
    for rows in (1, 2, 16):
        z = latents(rows)
        answer = subject.call(model, z, method=OF_DISCRIMINATOR, seed=rows)
        total, log = loss_and_log(answer, OF_DISCRIMINATOR)
        both, *halves = discriminator_terms(judged(known.drawn_beside(z), z))
        for key, right in zip(("loss_real", "loss_fake"), halves, strict=True):
            found = logged(log, key, OF_DISCRIMINATOR)
            expect_close(found, right, function=f"{OF_DISCRIMINATOR}, its {key},")
        _expect_sum_or_mean([total], [both], f"{OF_DISCRIMINATOR}, the loss itself,")


def _expect_sum_or_mean(
    answers: Sequence[Array], rights: Sequence[Expected], function: str
) -> None:
    """Demands what belongs to the sum of both halves or to their mean: the sheet leaves it open."""
    try:
        for answer, right in zip(answers, rights, strict=True):
            expect_close(answer, right, function=function)
    except CheckFailure as failure:
        try:
            for answer, right in zip(answers, rights, strict=True):
                half = Expected(right.value / 2, scale_of(right) / 2)
                expect_close(answer, half, function=function)
        except CheckFailure:
            raise failure from None
        evidence(halves_are_averaged=True)


DRAWS, ALPHA = 1024, 1e-9


@check(
    "discriminator-loss",
    points=1.5,
    alpha=ALPHA,
    detects=detects(
        (DRAWS, LATENTS),
        ALPHA,
        {
            "uva/prior-uniform": ("mean", 0.5),
            "uva/prior-centred-uniform": ("std", 1 - 3**-0.5),
            "uva/prior-drawn-once": ("columns", 1.0),
        },
    ),
)
def real_latents_come_from_the_prior(subject: Subject, seed: Callable[[str], int]) -> None:
    """The latents that are called real are independent draws of N(0, I)."""
    seeds = seed("law"), seed("again")
    with_known_discriminator(subject, lambda known: _expect_draws(subject, known, *seeds))


def _expect_draws(subject: Subject, known: KnownDiscriminator, first: int, second: int) -> None:
    model, z = known.placed_in(subject), latents(DRAWS)
    subject.call(model, z, method=OF_DISCRIMINATOR, seed=first)
    drawn = known.drawn_beside(z)
    expect_shape(drawn, z.shape, function="batch of real latents")
    expect_standard_normal(drawn, alpha=ALPHA, function="prior")
    subject.call(model, z, method=OF_DISCRIMINATOR, seed=second)
    again = known.drawn_beside(z)
    expect(not np.array_equal(drawn, again), "Your prior gives the same draws in every call.")


@check("discriminator-loss", points=0.5)
def accuracy_counts_real_and_fake(subject: Subject) -> None:
    """The accuracy is the share of both batches that the sign of the logit tells rightly."""
    with_known_discriminator(subject, lambda known: _expect_accuracy(subject, known))


def _expect_accuracy(subject: Subject, known: KnownDiscriminator) -> None:
    model, z = known.placed_in(subject), latents(64)
    answer = subject.call(model, z, method=OF_DISCRIMINATOR, seed=9)
    _, log = loss_and_log(answer, OF_DISCRIMINATOR)
    found = logged(log, "accuracy", OF_DISCRIMINATOR)
    right = accuracy(judged(known.drawn_beside(z), z))
    in_percent = float(right.value) * 50 < float(found)
    shown = Expected(100 * right.value, np.asarray(100.0)) if in_percent else right
    expect_close(found, shown, function=f"{OF_DISCRIMINATOR}, its accuracy,")


@check("discriminator-loss", points=1)
def discriminator_learns_from_real_and_fake(subject: Subject) -> None:
    """Gradients of both halves reach the discriminator."""
    with_known_discriminator(subject, lambda known: _expect_learning(subject, known))


def _expect_learning(subject: Subject, known: KnownDiscriminator) -> None:
    z, drawn = latents(6), []
    for _ in range(2):
        subject.call(known.placed_in(subject), z, method=OF_DISCRIMINATOR, seed=11)
        drawn.append(known.drawn_beside(z))
    if not np.array_equal(drawn[0], drawn[1]):
        evidence(draws_can_be_repeated=False)  # so what reaches the discriminator is not known
        return
    model, linear = known.as_module_in(subject)
    losses = subject.new(model, z, method=OF_DISCRIMINATOR, seed=11)
    found = gradients_left(subject, losses, {"discriminator": linear}, OF_DISCRIMINATOR)
    batch = np.concatenate([drawn[0], z])
    by_real, by_fake = discriminator_slopes(judged(drawn[0], z))
    slopes = np.concatenate([by_real.value, by_fake.value])
    sizes = np.concatenate([scale_of(by_real), scale_of(by_fake)])
    rights = [Expected(slopes.T @ batch, sizes.T @ np.abs(batch))]
    rights.append(Expected(slopes.sum(axis=0), sizes.sum(axis=0)))
    of = f"{OF_DISCRIMINATOR}, the gradient that it leaves in the discriminator,"
    expect(found["discriminator"][0].any(), "No gradient of your loss reaches the discriminator.")
    _expect_sum_or_mean(found["discriminator"], rights, of)
