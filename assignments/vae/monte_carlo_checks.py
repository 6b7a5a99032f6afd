"""Checks of the Monte Carlo estimate of log p(x)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from assignments.vae.decoders import KnownDecoder
from assignments.vae.definitions import log_mean_likelihood
from grader.checks import (
    Array,
    Callback,
    Subject,
    as_array,
    check,
    expect,
    expect_all_close,
    expect_shape,
    expect_standard_normal,
    ladder,
)
from grader.checks.exact_null import detects

DRAWS, LATENTS, ALPHA = 256, 20, 1e-9


def single_images() -> list[Array]:
    """Images (1, 1, 8, 8) of the size that `KnownDecoder` knows."""
    return ladder.images((1, KnownDecoder.side, KnownDecoder.side), levels=16)


@check("monte-carlo", points=0.75)
def estimate_is_the_log_of_the_mean(subject: Subject) -> None:
    """The estimate is the logarithm of the mean of p(x | z) over the samples of z."""
    draws, images = 16, single_images()[2:8]
    answers, expected = [], []
    for seed, x in enumerate(images):
        decoder = KnownDecoder()
        answers.append(subject.call("log_likelihood_mc", x, Callback(decoder), draws, seed=seed))
        latents = decoder.seen_for(f"With n_samples = {draws} and one image", draws)
        expected.append(log_mean_likelihood(x, decoder.logits(latents).astype(np.float32)))
    given = [{"x": x, "n_samples": np.asarray(draws)} for x in images]
    expect(
        [np.isfinite(as_array(answer)).all() for answer in answers],
        "Your log_likelihood_mc is not finite: how small is p(x | z) for a whole image?",
    )
    expect_all_close(answers, expected, given=given)
    three = np.concatenate(single_images()[:3])
    answer = subject.call("log_likelihood_mc", three, Callback(KnownDecoder()), draws)
    expect_shape(answer, (3,))


@check(
    "monte-carlo",
    points=0.25,
    alpha=ALPHA,
    detects=detects(
        (DRAWS, LATENTS),
        ALPHA,
        {
            "mc/uniform-latents": ("mean", 0.5),
            "mc/one-latent": ("columns", 1.0),
            "mc/latents-at-zero": ("std", 1.0),
        },
    ),
)
def latents_come_from_the_prior(subject: Subject, seed: Callable[[str], int]) -> None:
    """The decoder is given samples of the prior, each of them its own."""
    decoder, three = KnownDecoder(), np.concatenate(single_images()[:3])
    subject.call("log_likelihood_mc", three, Callback(decoder), DRAWS, seed=seed("prior"))
    latents = decoder.seen()
    expect(len(latents) > 1, "Your decoder is given a single latent.")
    expect_standard_normal(latents, alpha=ALPHA)
