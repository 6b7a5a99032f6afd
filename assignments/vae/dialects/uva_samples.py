"""Checks of the UvA model's `sample`: what it draws, from latents of which law."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from assignments.vae.decoders import PictureDecoder
from assignments.vae.dialects.parts import with_parts
from assignments.vae.dialects.right_densities import UVA
from assignments.vae.dialects.right_ones import forgiving
from assignments.vae.dialects.uva_parts import ALPHA, LATENTS, SIDE, vae
from assignments.vae.drawing import expect_drawn_from, expect_levels, off_in_std
from grader.checks import (
    Array,
    Handle,
    Subject,
    as_array,
    check,
    expect_shape,
    expect_standard_normal,
)
from grader.checks.exact_null import detects

DRAWN = 48


class Sampled:
    """Images that the student's model drew from a known decoder, and the latents it began with."""

    def __init__(self, subject: Subject, count: int, seed: int) -> None:
        self.decoder = PictureDecoder(SIDE)

        def ask(model: Handle) -> object:
            self.decoder = PictureDecoder(SIDE)
            return subject.call(model, count, method="sample", seed=seed)

        parts = {"decoder": lambda z: self.decoder(z)}
        self.answer = with_parts(lambda: vae(subject), subject, parts, ask)


@check("sampling", points=1)
@forgiving(UVA, model="VAE")
def sample_gives_levels(subject: Subject) -> None:
    """Samples are images of whole levels, 0 to 15, as many as asked for."""
    for count in (3, 8):
        drawn = Sampled(subject, count, seed=count)
        expect_levels(drawn.answer, (count, 1, SIDE, SIDE), "samples")


@check(
    "sampling",
    points=1,
    alpha=ALPHA,
    detects=detects(
        (DRAWN, SIDE**2),
        ALPHA / 2,
        {
            "sampling/most-likely-level": ("std", off_in_std("mode", SIDE)),
            "sampling/mean-level": ("std", off_in_std("mean", SIDE)),
        },
    ),
)
@forgiving(UVA, model="VAE")
def sample_draws_every_pixel(subject: Subject, seed: Callable[[str], int]) -> None:
    """Every pixel is a draw from the distribution over levels that the decoder gives it."""
    drawn = Sampled(subject, DRAWN, seed("images"))
    array = as_array(drawn.answer, "sample")
    # A channel too few costs its points where the shape is asked for.
    shape = (DRAWN, SIDE, SIDE) if array.ndim == 3 else (DRAWN, 1, SIDE, SIDE)
    levels = expect_levels(array, shape, "samples").reshape(DRAWN, SIDE, SIDE)
    logits = drawn.decoder.logits(_one_each(drawn))
    expect_drawn_from(levels, logits, np.random.default_rng(seed("ties")), ALPHA / 2, "sample")


@check(
    "sampling",
    points=1,
    alpha=ALPHA,
    detects=detects(
        (DRAWN, LATENTS),
        ALPHA / 2,
        {
            "sampling/uniform-latents": ("mean", 0.5),
            "sampling/latents-at-zero": ("std", 1.0),
            "sampling/one-latent": ("columns", 1.0),
        },
    ),
)
@forgiving(UVA, model="VAE")
def sample_begins_with_the_prior(subject: Subject, seed: Callable[[str], int]) -> None:
    """Each image is decoded from a latent of its own, drawn from the prior."""
    drawn = Sampled(subject, DRAWN, seed("latents"))
    latents = _one_each(drawn)
    expect_shape(latents, (DRAWN, LATENTS), function="latent")
    expect_standard_normal(latents, alpha=ALPHA / 2, function="sample")


def _one_each(drawn: Sampled) -> Array:
    return drawn.decoder.seen_for(f"For {DRAWN} images", DRAWN)
