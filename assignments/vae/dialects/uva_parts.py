"""A UvA model with an encoder and a decoder of the grader's: its losses can be written out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assignments.vae.decoders import PictureDecoder
from assignments.vae.definitions import LEVELS
from assignments.vae.dialects.parts import made, with_parts
from grader.checks import Array, Handle, Subject, as_array, expect, expect_shape

SIDE, LATENTS, ALPHA = 28, 20, 1e-9
ROWS = 48
# What its published skeletons ask a constructor for, over the years.
SIZES = {"num_filters": 32, "lr": 1e-3, "model_name": "CNN", "hidden_dims": [64]}


def images(count: int = ROWS) -> Array:
    """Levels (B, 1, 28, 28)."""
    return np.random.default_rng(4).integers(0, LEVELS, (count, 1, SIDE, SIDE))


def vae(subject: Subject) -> Handle:
    """The student's model with twenty latents."""
    return made(subject, "VAE", {**SIZES, "z_dim": LATENTS})


class KnownParts:
    """An encoder whose Gaussians do not depend on the image, and a decoder that is written out."""

    def __init__(self) -> None:
        cycle = np.arange(ROWS * LATENTS).reshape(ROWS, LATENTS)
        self.mean = np.asarray([-2.0, 0.5, 1.5], np.float32)[cycle % 3]
        self.log_std = np.asarray([-1.0, -2.0, 0.5, -1.5, -0.5, -1.25, -0.75], np.float32)[
            cycle % 7
        ]
        self.decoder = PictureDecoder(SIDE)
        self._encoded = 0

    def encode(self, imgs: Array) -> tuple[Array, Array]:
        """Mean and log_std of the next images, both (B, D)."""
        rows = np.arange(self._encoded, self._encoded + len(imgs)) % ROWS
        self._encoded += len(imgs)
        return self.mean[rows], self.log_std[rows]

    def forward(self, subject: Subject, seed: int = 1) -> Sequence[Array]:
        """L_rec, L_reg and bpd of the student's model with these parts.

        Raises:
            CheckFailure: these are not three.
        """

        def ask(model: Handle) -> object:
            self.decoder, self._encoded = PictureDecoder(SIDE), 0
            return subject.call(model, images(), method="forward", seed=seed)

        parts = {"encoder": self.encode, "decoder": lambda z: self.decoder(z)}
        answer = with_parts(lambda: vae(subject), subject, parts, ask)
        expect(
            isinstance(answer, tuple | list) and len(answer) == 3,
            "Your forward should return three numbers: L_rec, L_reg and bpd.",
        )
        assert isinstance(answer, tuple | list)
        return [as_array(part, "forward") for part in answer]

    def latents(self) -> Array:
        """What the decoder was given, one row for each image."""
        seen = self.decoder.seen()
        expect_shape(seen, self.mean.shape, function="latent in forward")
        return seen
