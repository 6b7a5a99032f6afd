"""Checks of ancestral sampling: a latent of the prior, then levels of the decoder."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from assignments.vae.decoders import PictureDecoder
from assignments.vae.drawing import expect_drawn_from, expect_levels, off_in_std
from grader.checks import (
    Array,
    Callback,
    Subject,
    as_array,
    check,
    expect_standard_normal,
)
from grader.checks.exact_null import detects

ALPHA, DRAWN, LATENTS = 1e-9, 64, 20


@check("ancestral", points=0.25)
def samples_are_levels(subject: Subject) -> None:
    """Samples are as many images as asked for, made of whole levels from 0 to 15."""
    for count in (1, 5):
        decoder = PictureDecoder()
        answer = subject.call("sample", Callback(decoder), count, seed=count)
        expect_levels(answer, (count, 1, decoder.side, decoder.side), "samples")


@check(
    "ancestral",
    points=0.5,
    alpha=ALPHA,
    detects=detects(
        (DRAWN, PictureDecoder().side ** 2),
        ALPHA,
        {
            "ancestral/most-likely-level": ("std", off_in_std("mode")),
            "ancestral/mean-level": ("std", off_in_std("mean")),
        },
    ),
)
def pixels_are_drawn_from_their_distributions(subject: Subject, seed: Callable[[str], int]) -> None:
    """Every pixel is a draw from the distribution over levels that the decoder gives it."""
    decoder = PictureDecoder()
    answer = as_array(subject.call("sample", Callback(decoder), DRAWN, seed=seed("images")))
    # A channel too few costs its points where the shape is asked for.
    channel = () if answer.ndim == 3 else (1,)
    levels = expect_levels(answer, (DRAWN, *channel, decoder.side, decoder.side), "samples")
    logits = decoder.logits(_one_each(decoder))
    given = levels.reshape(DRAWN, decoder.side, decoder.side)
    expect_drawn_from(given, logits, np.random.default_rng(seed("ties")), ALPHA)


@check(
    "ancestral",
    points=0.25,
    alpha=ALPHA,
    detects=detects(
        (DRAWN, LATENTS),
        ALPHA,
        {
            "ancestral/uniform-latents": ("mean", 0.5),
            "ancestral/latents-at-zero": ("std", 1.0),
            "ancestral/one-latent": ("columns", 1.0),
        },
    ),
)
def latents_are_draws_of_the_prior(subject: Subject, seed: Callable[[str], int]) -> None:
    """Each image begins with a latent of its own, drawn from the prior."""
    decoder = PictureDecoder()
    subject.call("sample", Callback(decoder), DRAWN, seed=seed("latents"))
    expect_standard_normal(_one_each(decoder), alpha=ALPHA)


def _one_each(decoder: PictureDecoder) -> Array:
    return decoder.seen_for(f"For {DRAWN} images", DRAWN)
