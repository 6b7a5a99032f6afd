"""Checks that only the UvA sheet asks for: its classes, and its manifold of 28x28 images."""

from __future__ import annotations

from assignments.vae.decoders import PictureDecoder
from assignments.vae.dialects.uva_losses import (
    forward_counts_bits,
    forward_decodes_samples_of_q,
    forward_reconstructs,
    forward_regularises,
)
from assignments.vae.dialects.uva_networks import (
    decoder_gives_sixteen_logits_a_pixel,
    decoder_gives_unbounded_logits,
    encoder_gives_a_logarithm,
    encoder_gives_two_numbers_for_each_latent,
)
from assignments.vae.dialects.uva_parts import SIDE
from assignments.vae.dialects.uva_samples import (
    sample_begins_with_the_prior,
    sample_draws_every_pixel,
    sample_gives_levels,
)
from assignments.vae.pictures import expect_mean_images, expect_percentile_pairs
from grader.checks import Callback, Subject, check

__all__ = [
    "decoder_gives_sixteen_logits_a_pixel",
    "decoder_gives_unbounded_logits",
    "encoder_gives_a_logarithm",
    "encoder_gives_two_numbers_for_each_latent",
    "forward_counts_bits",
    "forward_decodes_samples_of_q",
    "forward_reconstructs",
    "forward_regularises",
    "sample_begins_with_the_prior",
    "sample_draws_every_pixel",
    "sample_gives_levels",
]


@check("manifold-grid", points=1.5)
def grid_walks_the_percentiles(subject: Subject) -> None:
    """The decoder sees every pair of latents in the middle of equally probable slices, no other."""
    for n in (3, 6):
        decoder = PictureDecoder(SIDE)
        subject.call("visualize_manifold", Callback(decoder), n, seed=n)
        expect_percentile_pairs(decoder.seen(), n, f"grid_size = {n}")


@check("manifold-grid", points=1.5)
def grid_shows_means(subject: Subject) -> None:
    """The grid shows the mean images of the decoder, with one latent along each of its axes."""
    n, decoder = 3, PictureDecoder(SIDE)
    grid = subject.call("visualize_manifold", Callback(decoder), n, seed=n)
    # Means may have been rounded to a level of their own; what is no mean is further off.
    expect_mean_images(grid, decoder, n, reach=1.0)
