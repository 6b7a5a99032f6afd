"""Decoders of the grader's own, which keep every latent that a student's code asks them for."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from scipy import special

from assignments.vae.definitions import LEVELS
from grader.checks import Array, CheckFailure, expect

_LEVEL = np.arange(LEVELS).reshape(1, LEVELS, 1, 1)


class Decoder(ABC):
    """Logits (B, 16, side, side) of latents (B, D).

    Args:
        side: of the images.
        axes: the two latents that matter.
    """

    def __init__(self, side: int = 8, axes: tuple[int, int] = (0, 1)) -> None:
        self.side = side
        self.axes = axes
        self.latents: list[Array] = []

    def __call__(self, z: Array) -> Array:
        """Logits in float32; notes the latents."""
        rows = np.atleast_2d(np.asarray(z, np.float64))
        if rows.ndim != 2 or rows.shape[1] <= max(self.axes):
            raise ValueError(
                f"latents have shape {np.shape(z)} where (B, D) with D > {max(self.axes)} is "
                "expected"
            )
        self.latents.append(rows)
        return self.logits(rows).astype(np.float32)

    def seen(self) -> Array:
        """Every latent so far, one a row.

        Raises:
            CheckFailure: there was none, or they differ in size.
        """
        sizes = {rows.shape[1] for rows in self.latents}
        if len(sizes) != 1:
            raise CheckFailure(
                "Your code gives the decoder latents of different sizes."
                if sizes
                else "Your code never calls the decoder that it is given."
            )
        return np.concatenate(self.latents)

    def seen_for(self, asked: str, expected: int) -> Array:
        """Every latent so far, one a row, where so many have to be there.

        Args:
            asked: what for, in words: "For 64 images".
            expected: how many latents.

        Raises:
            CheckFailure: there are more or fewer.
        """
        latents = self.seen()
        count = len(latents)
        plural = "s" if count != 1 else ""
        expect(
            count == expected,
            f"{asked} your decoder is given {count} latent{plural} where {expected} are expected.",
        )
        return latents

    @abstractmethod
    def logits(self, z: Array) -> Array:
        """Logits in float64."""

    def means(self, z: Array) -> Array:
        """Expected levels (B, side, side)."""
        probabilities = special.softmax(self.logits(z), axis=1)
        means: Array = np.einsum("bkhw,k->bhw", probabilities, np.arange(LEVELS))
        return means

    def _moving(self, z: Array) -> tuple[Array, Array]:
        z = np.nan_to_num(z, nan=0.0, posinf=8.0, neginf=-8.0)
        first, second = (z[:, axis].reshape(-1, 1, 1, 1) for axis in self.axes)
        return first, second


class KnownDecoder(Decoder):
    """Level k of pixel p has the logit -(k - c)^2 / 8.

    The centre c depends on the latent, on the pixel, and on nothing else, so that the mean is
    neither the most likely level nor constant.
    """

    side = 8

    def logits(self, z: Array) -> Array:
        """Logits in float64."""
        first, second = self._moving(z)
        pixel = np.arange(self.side**2).reshape(1, 1, self.side, self.side) / self.side**2
        return -((_LEVEL - (7 + 1.5 * first + 0.7 * second + pixel)) ** 2) / 8


class PictureDecoder(Decoder):
    """A wave for each of two latents on a fixed third one: no picture is another in other greys.

    Of two likely levels one is more likely, on every second pixel the lower one: the most likely
    level is two off the mean, in turns above and below.
    """

    def logits(self, z: Array) -> Array:
        """Logits in float64."""
        first, second = (3.5 * np.tanh(part / 2) for part in self._moving(z))
        down, across = (np.indices((self.side, self.side)) + 0.5) / self.side
        centre = 7.5 + 1.5 * np.sin(2 * np.pi * across) + first * np.cos(np.pi * down)
        centre = centre + second * np.cos(np.pi * across)  # (B, 1, side, side)
        turn = 1 - 2 * (np.indices((self.side, self.side)).sum(axis=0) % 2)
        likely = np.log(0.6) - (_LEVEL - centre + 2 * turn) ** 2
        rare = np.log(0.4) - (_LEVEL - centre - 3 * turn) ** 2
        # Far above zero, where a sigmoid tells logits apart no longer, and a softmax still does.
        both: Array = np.logaddexp(likely, rare) + 5
        return both
