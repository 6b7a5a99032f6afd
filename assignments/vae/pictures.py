"""Grids of images: taken apart into tiles, and held against the pictures that they should show."""

from __future__ import annotations

import numpy as np
from scipy import special

from assignments.vae.decoders import Decoder
from grader.checks import Array, CheckFailure, as_array, expect


def percentile_pairs(n: int) -> Array:
    """All pairs of the latents in the middle of n equally probable slices, sorted."""
    values = special.ndtri((np.arange(n) + 0.5) / n)
    return np.stack(np.meshgrid(values, values, indexing="ij"), axis=-1).reshape(-1, 2)


def expect_percentile_pairs(seen: Array, n: int, called: str) -> None:
    """Demands that two latents walked every pair of percentiles and met no other.

    Args:
        seen: the two latents, shape (N, 2).
        n: steps of each.
        called: how the student's function was called, for messages.
    """
    expect(np.isfinite(seen), f"With {called} your decoder is given a latent that is not finite.")
    distance = np.abs(percentile_pairs(n)[:, None] - seen[None]).max(axis=-1)  # (n^2, seen)
    # float32 percentiles near 0 and 1 lose digits to the inverse: 1e-4 is far above that.
    wanted, found = distance.min(axis=0) <= 1e-4, distance.min(axis=1) <= 1e-4
    values = np.unique(seen.round(3)).tolist()
    expect(
        wanted,
        f"With {called} your latents hold {values[:n]}: are they the middles of equally probable "
        "slices of the prior?",
    )
    expect(found, f"With {called} your decoder sees {found.sum()} of the {n**2} pairs of latents.")


def expect_mean_images(figure: object, decoder: Decoder, n: int, reach: float) -> None:
    """Demands a grid of n x n mean images of the decoder, one latent along each axis of it.

    Greys may be scaled in any way that keeps their order and their ratios.

    Args:
        figure: as the student's function returned it.
        decoder: that it was given.
        n: images along each side.
        reach: largest error of a pixel, in levels.
    """
    tiles = tiles_of(as_array(figure), n, decoder.side)
    latents = decoder.seen()
    expect(np.isfinite(latents), "Your decoder is given a latent that is not finite.")
    shown = _shown(tiles.reshape(n**2, -1), decoder.means(latents).reshape(len(latents), -1), reach)
    expect(
        shown >= 0,
        "The images in your figure are not the mean images of the decoder: is every pixel the "
        "expected level, and every image whole and in one place?",
    )
    placed = latents[shown].reshape(n, n, -1)[..., list(decoder.axes)]
    expect(
        _in_order(placed) or _in_order(placed.swapaxes(0, 1)),
        "The mean images are there, but out of order: along a row of your figure one latent should "
        "move while the other stays.",
    )


def tiles_of(figure: Array, n: int, side: int) -> Array:
    """The images of a grid, shape (n, n, side, side), float64.

    Frames of any width may part them; a grey image may have three equal channels, first or last.

    Raises:
        CheckFailure: the figure holds no such grid.
    """
    grey = _grey(figure)
    if grey.shape == (n**2, side, side):
        return grey.reshape(n, n, side, side)
    spare = [size - n * side for size in grey.shape]
    if grey.ndim != 2 or len(set(spare)) != 1 or spare[0] < 0:
        raise CheckFailure(
            f"Your figure has shape {figure.shape}, which is no grid of {n} x {n} images of "
            f"{side} x {side} pixels."
        )
    for gaps in (n + 1, n - 1):  # framed, or parted only
        if gaps and spare[0] % gaps == 0:
            frame = spare[0] // gaps
            start, pitch = (frame if gaps == n + 1 else 0), side + frame
            places = start + (np.arange(n)[:, None] * pitch + np.arange(side)).ravel()
            tiles = grey[np.ix_(places, places)].reshape(n, side, n, side)
            return tiles.swapaxes(1, 2)
    raise CheckFailure(f"The {n} x {n} images in your figure are not evenly spaced.")


def _grey(figure: Array) -> Array:
    """The figure without its channels, if they hold the same."""
    wide = figure.astype(np.float64)
    for axis in (-3, -1):
        if wide.ndim > 2 and wide.shape[axis] in (1, 3):
            first = wide.take([0], axis=axis)
            if np.array_equal(np.broadcast_to(first, wide.shape), wide):
                return first.squeeze(axis)
    return wide


def _shown(tiles: Array, pictures: Array, reach: float) -> Array:
    """For each tile which picture it shows, -1 for none; both (N, pixels)."""
    shown = np.full(len(tiles), -1)
    for place, tile in enumerate(tiles):
        centred = pictures - pictures.mean(axis=1, keepdims=True)  # (N, pixels)
        slopes = centred @ tile / (centred**2).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            levels = (tile - tile.mean())[None] / slopes[:, None]
        errors = np.abs(levels - centred).max(axis=1)
        errors[~((slopes > 0) & (errors <= reach))] = np.inf
        if np.isfinite(errors).any():
            shown[place] = errors.argmin()
    return shown


def _in_order(placed: Array) -> bool:
    """Whether the first latent moves one way along the first axis, the second along the second."""
    first, second = placed[..., 0], placed[..., 1]
    still = np.ptp(first, axis=1).max() <= 1e-6 and np.ptp(second, axis=0).max() <= 1e-6
    steps = np.diff(first[:, 0]), np.diff(second[0])
    return bool(still and all((step > 0).all() or (step < 0).all() for step in steps))
