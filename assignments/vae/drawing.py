"""Sampled images held against the very logits that they were drawn from."""

from __future__ import annotations

import numpy as np
from scipy import special

from assignments.vae.decoders import PictureDecoder
from assignments.vae.definitions import LEVELS
from grader.checks import Array, CheckFailure, as_array, expect, expect_standard_normal


def expect_levels(images: object, shape: tuple[int, ...], function: str = "") -> Array:
    """Demands images of this shape whose pixels are levels; returns them as integers."""
    array = as_array(images, function)
    name = function or "samples"
    if array.shape != shape:
        raise CheckFailure(f"Your {name} have shape {array.shape} where {shape} is expected.")
    whole = np.isfinite(array) & (array == np.floor(np.nan_to_num(array.astype(np.float64))))
    expect(whole, f"Your {name} hold a number that is no level: levels are whole numbers.")
    low, high = array.min(), array.max()
    expect(
        low >= 0 and high < LEVELS,
        f"Your {name} hold levels from {low:g} to {high:g}; there are those from 0 to 15.",
    )
    return array.astype(np.int64)


def residuals(levels: Array, logits: Array, rng: np.random.Generator) -> Array:
    """Independent N(0, 1) numbers if every pixel was drawn from its own distribution.

    A level becomes a uniform place in its own slice of the unit interval, slices as wide as the
    levels are likely, and the place a normal number (Rosenblatt's transform with randomised ties).

    Args:
        levels: shape (B, H, W).
        logits: that they were drawn from, shape (B, 16, H, W).
        rng: places levels in their slices.
    """
    probabilities = special.softmax(logits.astype(np.float64), axis=1)
    chosen = levels[:, None]  # (B, 1, H, W)
    below = np.where(np.arange(LEVELS).reshape(1, -1, 1, 1) < chosen, probabilities, 0).sum(axis=1)
    above = np.where(np.arange(LEVELS).reshape(1, -1, 1, 1) > chosen, probabilities, 0).sum(axis=1)
    width = np.take_along_axis(probabilities, chosen, axis=1)[:, 0]
    place = rng.uniform(size=levels.shape)
    lower, upper = below + place * width, above + (1 - place) * width
    # From the nearer end, where the place keeps its digits; a level that cannot be is infinite.
    with np.errstate(divide="ignore"):
        found: Array = np.where(lower < upper, special.ndtri(lower), -special.ndtri(upper))
    return found


def expect_drawn_from(
    levels: Array, logits: Array, rng: np.random.Generator, alpha: float, function: str = ""
) -> None:
    """Demands that every pixel was drawn from the distribution that its logits describe."""
    drawn = residuals(levels, logits, rng).reshape(len(levels), -1)
    expect_standard_normal(drawn, alpha=alpha, function=function)


def off_in_std(pick: str, side: int = 8) -> float:
    """How far the residuals' standard deviation is from one where levels are not drawn.

    Args:
        pick: "mode" for the most likely level, "mean" for the expected one, rounded.
        side: of the images.
    """
    rng, decoder = np.random.default_rng(0), PictureDecoder(side)
    z = rng.standard_normal((64, 2))
    logits = decoder.logits(z)
    levels = logits.argmax(axis=1) if pick == "mode" else decoder.means(z).round().astype(np.int64)
    return abs(float(residuals(levels, logits, rng).std()) - 1)
