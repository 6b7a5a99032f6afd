"""Checks of figures that show what a decoder makes of chosen latents."""

from __future__ import annotations

import numpy as np

from assignments.vae.decoders import KnownDecoder, PictureDecoder
from assignments.vae.pictures import expect_mean_images, expect_percentile_pairs
from grader.checks import Callback, Subject, check, expect

GRID_SIZES = (3, 6)
STEPS = 10
PAIRS = ((0, 1), (4, 2))
# Float32 logits up to 40 leave a mean level this exact.
REACH = 1e-3


@check("manifold", points=1)
def manifold_walks_the_percentiles(subject: Subject) -> None:
    """The decoder sees every pair of latents in the middle of equally probable slices, no other."""
    for n in GRID_SIZES:
        decoder = KnownDecoder()
        subject.call("visualize_manifold", Callback(decoder), n, seed=n)
        expect_percentile_pairs(decoder.seen(), n, f"grid_size = {n}")


@check("manifold", points=1)
def manifold_shows_means(subject: Subject) -> None:
    """The figure tiles the mean images of the decoder, with one latent along each side."""
    n, decoder = GRID_SIZES[0], PictureDecoder()
    figure = subject.call("visualize_manifold", Callback(decoder), n, seed=n)
    expect_mean_images(figure, decoder, n, REACH)


@check("latent-pairs", points=0.5)
def pair_walks_the_percentiles(subject: Subject) -> None:
    """Two latents walk every pair of ten percentiles, the others stay zero."""
    for i, j in PAIRS:
        decoder = PictureDecoder(axes=(i, j))
        subject.call("plot_latents", Callback(decoder), i, j, seed=1)
        seen = decoder.seen()
        others = np.delete(seen, [i, j], axis=1)
        expect(others == 0, f"Latents other than {i} and {j} are not zero in your figure.")
        expect_percentile_pairs(seen[:, [i, j]], STEPS, f"i = {i} and j = {j}")


@check("latent-pairs", points=0.5)
def pair_shows_means(subject: Subject) -> None:
    """The figure tiles 10 x 10 mean images, with one of the two latents along each side."""
    for i, j in PAIRS:
        decoder = PictureDecoder(axes=(i, j))
        figure = subject.call("plot_latents", Callback(decoder), i, j, seed=1)
        expect_mean_images(figure, decoder, STEPS, REACH)
