"""Public checks of the two steps: which losses they compute, and which networks they train.

Losses are computed with networks of the grader's own, gradients with the same as linear modules on
the student's side.
"""

from __future__ import annotations

import numpy as np

from assignments.aae.definitions import (
    AUTOENCODER_PARTS,
    DISCRIMINATOR_PARTS,
    autoencoder_slopes,
    autoencoder_terms,
    discriminator_slopes,
    discriminator_terms,
)
from assignments.aae.judging import (
    expect_parts,
    judge_by_either,
    own_parts,
    own_slopes,
    rows_of,
)
from assignments.aae.networks import (
    SMALL,
    Recorded,
    autoencoder_gradients,
    discriminator_gradients,
    expect_gradients,
    gradients_after,
)
from grader.checks import Array, Callback, Subject, check, expect
from grader.errors import SubjectError

IMAGE = (1, 2, 2)
WEIGHTS = (0.75, 0.25, 1.0, 0.0)


def batches() -> list[tuple[Array, Array]]:
    """Images (B, 1, 2, 2) and draws of the prior (B, 2), float32, smallest first."""
    pixels = np.asarray([0.5, -1, 0.25, 1, -0.75, 0, -0.5], np.float32)
    drawn = np.asarray([-0.5, 1, 0.75, -1.5, 0.25], np.float32)
    return [(np.resize(pixels, (n, *IMAGE)), np.resize(drawn, (n, 2))) for n in (1, 2, 3, 5)]


def vectors() -> tuple[Array, Array]:
    """Data (B, 4), as linear modules take them, and draws of the prior (B, 2)."""
    images, prior = batches()[-1]
    return images.reshape(len(images), -1), prior


# 2.1 Encoder and decoder


@check("step", points=1.25)
def autoencoder_step_has_its_losses(subject: Subject) -> None:
    """The step decodes and judges the latents of the data, and returns the weighed loss."""
    name, names = "autoencoder_step_loss", AUTOENCODER_PARTS
    asked = [(images, weight) for images, _ in batches() for weight in WEIGHTS]
    networks = SMALL.callbacks(IMAGE)
    answers = subject.map(name, [(*networks.values(), *each) for each in asked])
    rows = rows_of(answers, names, name)
    inputs = [SMALL.losses(*each) for each in asked]
    right = [autoencoder_terms(given) for given in inputs]
    shown = [{"x": images, "reconstruction_weight": weight} for images, weight in asked]
    judge_by_either(
        lambda terms: expect_parts(rows, terms, shown, names, name),
        right,
        lambda: own_parts(subject, "autoencoder_loss", inputs, names, right),
    )


@check("step", points=1.25)
def autoencoder_step_trains_encoder_and_decoder(subject: Subject) -> None:
    """The decoder learns from the reconstruction, the encoder from it and from the game."""
    for weight in sorted(WEIGHTS, key=lambda weight: weight % 1):  # either end shows most
        _expect_training_of_the_autoencoder(subject, weight)


def _expect_training_of_the_autoencoder(subject: Subject, weight: float) -> None:
    data, _ = vectors()
    name, given = "autoencoder_step_loss", SMALL.losses(data, weight)
    found = gradients_after(subject, name, SMALL.modules(subject), data, weight)
    right = autoencoder_slopes(given)
    judge_by_either(
        lambda slopes: expect_gradients(
            found, autoencoder_gradients(SMALL, data, *slopes[0]), f"{name} with lambda = {weight}"
        ),
        [right],
        lambda: [own_slopes(subject, "autoencoder_loss", given, (1, 2), right)],
    )


# 2.2 The discriminator


@check("discriminator-step", points=1.25)
def discriminator_step_has_its_losses(subject: Subject) -> None:
    """The step judges the draws of the prior that it is given, and the latents of the data."""
    name, names = "discriminator_step_loss", DISCRIMINATOR_PARTS
    networks, judged = SMALL.callbacks(IMAGE), Recorded(SMALL.discriminator)
    pair = networks["encoder"], Callback(judged)
    rows = rows_of(subject.map(name, [(*pair, *each) for each in batches()]), names, name)
    if not any(isinstance(part, SubjectError) for row in rows for part in row):
        expect(
            all(judged.has_seen(prior) for _, prior in batches()),
            f"Your {name} never shows the discriminator the prior_sample that it is given: what "
            "does it call real?",
        )
    inputs = [SMALL.logits(*each) for each in batches()]
    right = [discriminator_terms(given) for given in inputs]
    shown = [{"x": images, "prior_sample": prior} for images, prior in batches()]
    judge_by_either(
        lambda terms: expect_parts(rows, terms, shown, names[:3], name),
        right,
        lambda: own_parts(subject, "discriminator_loss", inputs, names, right),
    )


@check("discriminator-step", points=1.25)
def discriminator_step_trains_the_discriminator_alone(subject: Subject) -> None:
    """The discriminator learns from both batches, and no gradient reaches the encoder."""
    data, prior = vectors()
    name, given = "discriminator_step_loss", SMALL.logits(data, prior)
    modules = SMALL.modules(subject)
    del modules["decoder"]
    found = gradients_after(subject, name, modules, data, prior)
    right = discriminator_slopes(given)
    judge_by_either(
        lambda slopes: expect_gradients(
            found, discriminator_gradients(SMALL, data, prior, *slopes[0]), name
        ),
        [right],
        lambda: [own_slopes(subject, "discriminator_loss", given, (0, 1), right)],
    )
    expect(
        not any(slope.any() for slope in found["encoder"]),
        f"The backward pass of your {name} leaves a gradient in the encoder: who is it that this "
        "step is to train?",
    )
