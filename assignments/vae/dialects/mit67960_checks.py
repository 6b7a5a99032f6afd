"""Checks that only the MIT 6.7960 sheet asks for: a figure of two latents of a whole model.

The model is the student's own, with its decoder replaced by a known one that answers in the same
shape. Which values the latents take, and how a pixel is shown, is left to the student.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assignments.vae.decoders import PictureDecoder
from assignments.vae.dialects.parts import made
from assignments.vae.pictures import expect_mean_images
from grader.checks import Array, Callback, Handle, Subject, check, evidence, expect
from grader.checks.subject import Value
from grader.errors import SubjectError

SIDE, STEPS = 28, 10
_NAMES = ("model", "vae", "vae_model", "net")
_SIZES = ("latent_dim", "latent_size", "z_dim", "n_latents", "hidden_dim", "dim_z")
# How decoders answer: as images, as rows, as images without a channel.
_SHAPES = ((1, SIDE, SIDE), (SIDE**2,), (SIDE, SIDE))


class Shown:
    """What `plot_latents` did with a known decoder.

    Attributes:
        decoder: the known one, with the latents that it was given.
        figure: what was returned, None where it is only drawn.
    """

    def __init__(self, subject: Subject, i: int, j: int, shapes: Sequence[tuple[int, ...]]) -> None:
        for shape in shapes:
            self.decoder = PictureDecoder(SIDE, (i, j))
            try:
                self.figure = _plotted(subject, self._answering(shape), i, j)
            except SubjectError:
                if shape == shapes[-1]:
                    raise
                continue
            return

    def _answering(self, shape: tuple[int, ...]) -> Callback:
        def answer(z: Array, *_: Value) -> Array:
            self.decoder(z)
            means = self.decoder.means(np.atleast_2d(np.asarray(z, np.float64)))
            # So close to one half that a sigmoid on top is a straight line.
            shown = (0.5 + 0.05 * (means / 15 - 0.5)).astype(np.float32)
            return shown.reshape(len(shown), *shape)

        return Callback(answer)


def _model(subject: Subject) -> Handle:
    """The student's trained model, or a fresh one of the class VAE."""
    for name in _NAMES:
        if subject.definition(name).kind in ("function", "value"):
            return subject.handle(name)
    try:
        return subject.new("VAE")
    except SubjectError:
        return made(subject, "VAE", dict.fromkeys(_SIZES, 20))


def _plotted(subject: Subject, decoder: Callback, i: int, j: int) -> Value:
    """The figure of the student's model with a decoder in the place of its own."""
    model = _model(subject)
    for name in ("decoder", "decode"):  # a module, or a method
        subject.call(model, name, decoder, method="__dict__.__setitem__")
    try:
        return subject.call("plot_latents", model, i, j)
    finally:
        for name in ("decoder", "decode"):
            subject.call(model, name, None, method="__dict__.pop")


def _shape_of(subject: Subject) -> list[tuple[int, ...]]:
    """How the student's own decoder answers, if it is a module; otherwise all that it may."""
    seen: list[tuple[int, ...]] = []
    model = _model(subject)
    try:
        hook = Callback(lambda *args: seen.append(np.shape(args[-1])[1:]))
        subject.call(model, hook, method="decoder.register_forward_hook")
        subject.call("plot_latents", model, 0, 1)
    except SubjectError as error:
        evidence(own_decoder=str(error))
    known = [shape for shape in seen[:1] if int(np.prod(shape)) == SIDE**2]
    return known or list(_SHAPES)


def _shown(subject: Subject) -> list[Shown]:
    """The first pair of latents, and another one where there are more."""
    shapes = _shape_of(subject)
    shown = [Shown(subject, 0, 1, shapes)]
    latents = shown[0].decoder.seen().shape[1]
    return [*shown, Shown(subject, latents - 1, 1, shapes)] if latents > 2 else shown


@check("model-latents", points=1)
def other_latents_are_zero(subject: Subject) -> None:
    """Only the two latents that are asked for move; the others are zero."""
    for shown in _shown(subject):
        others = np.delete(shown.decoder.seen(), list(shown.decoder.axes), axis=1)
        expect(others == 0, f"Latents other than {shown.decoder.axes} are not zero in your figure.")


@check("model-latents", points=1)
def pairs_fill_a_grid(subject: Subject) -> None:
    """Each of ten values of one latent meets each of ten values of the other."""
    for shown in _shown(subject):
        pair = shown.decoder.seen()[:, list(shown.decoder.axes)]
        expect(np.isfinite(pair), "Your decoder is given a latent that is not finite.")
        distinct = [len(np.unique(part.round(5))) for part in (pair[:, 0], pair[:, 1])]
        expect(
            distinct == [STEPS, STEPS],
            f"Your latents take {distinct[0]} and {distinct[1]} values; the figure has {STEPS} "
            "along each side.",
        )
        met = len(np.unique(pair.round(5), axis=0))
        expect(met == STEPS**2, f"Your figure meets {met} of {STEPS**2} pairs of values.")


@check("model-latents", points=1)
def figure_keeps_its_images_whole(subject: Subject) -> None:
    """A figure that is returned shows each image once, with one latent along each side."""
    for shown in _shown(subject):
        evidence(returned=shown.figure is not None)
        if isinstance(shown.figure, np.ndarray):
            expect_mean_images(shown.figure, shown.decoder, STEPS, reach=0.1)
