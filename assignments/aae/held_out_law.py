"""The law of a trained encoder's latents, and what a decoder in another process makes of them.

The encoder maps held-out images to latents in one sandbox; the decoder, loaded with weights that
were copied out before any held-out image was sent, maps them back in another one.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from scipy import special
from scipy.spatial.distance import pdist

from grader.checks import Array, CheckFailure, Handle, Subject, as_array, expect

LATENTS = 2
LEVELS = 16


def scaled(images: Array) -> Array:
    """Levels (N, H, W) as the notebook has them: (N, 1, H, W) in [-1, 1], float32."""
    return (images[:, np.newaxis].astype(np.float32) / (LEVELS - 1)) * 2 - 1


def encoded(subject: Subject, images: Array) -> Array:
    """Latents of images by the trained model's encoder, (N, 2), float64.

    Raises:
        CheckFailure: they have another shape, or are not finite.
        SubjectError: there is no such model, or it raised.
    """
    model = _evaluating(subject, subject.handle("model"))
    latents = as_array(subject.call(model, images, method="encoder"), "encoder")
    if latents.shape != (len(images), LATENTS):
        raise CheckFailure(
            f"For {len(images)} images your encoder returns latents of shape {latents.shape}; "
            f"({len(images)}, {LATENTS}) is expected."
        )
    expect(np.isfinite(latents), "Your encoder returns a latent that is not finite.")
    return latents.astype(np.float64)


def decoded_elsewhere(subject: Subject, images: Array) -> Array:
    """Images made of their latents by a decoder that has not seen them, float64.

    Raises:
        CheckFailure: they have another shape, or are not finite.
        SubjectError: there is no such model, or it cannot be made anew, or it raised.
    """
    weights = subject.state(subject.handle("model"))
    other = subject.rebuilt()
    model = other.new("AAE")
    other.load_state(model, weights)
    latents = encoded(subject, images).astype(np.float32)
    answer = other.call(_evaluating(other, model), latents, method="decoder")
    decoded = as_array(answer, "decoder")
    if decoded.shape != images.shape:
        raise CheckFailure(
            f"Your decoder returns images of shape {decoded.shape} where {images.shape} is "
            "expected."
        )
    expect(np.isfinite(decoded), "Your decoder returns a pixel that is not finite.")
    return decoded.astype(np.float64)


def _evaluating(subject: Subject, model: Handle) -> Handle:
    """The model with dropout and batch statistics switched off."""
    subject.call(model, method="eval")
    return model


def energy_distance_to_prior(latents: Array) -> float:
    """2 E|X - Z| - E|X - X'| - E|Z - Z'| for X from the sample and Z from N(0, I).

    What concerns Z alone is integrated in closed form, so nothing is drawn, and pairs of a latent
    with itself are left out, so that draws of the prior have zero on average.

    Args:
        latents: shape (n, D), n > 1.

    Source: Szekely and Rizzo 2013, section 1.
    """
    size = latents.shape[1]
    # |x - Z| has a noncentral chi law, whose mean is a confluent hypergeometric function.
    half = (latents**2).sum(axis=1) / 2
    to_prior = _mean_length(size) * special.hyp1f1(-0.5, size / 2, -half)
    return float(2 * to_prior.mean() - pdist(latents).mean() - math.sqrt(2) * _mean_length(size))


@cache
def _mean_length(size: int) -> float:
    """E|Z| for Z from N(0, I) in so many dimensions."""
    return math.sqrt(2) * math.exp(special.gammaln((size + 1) / 2) - special.gammaln(size / 2))
