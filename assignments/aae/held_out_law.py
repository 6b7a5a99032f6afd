"""The law of a trained encoder's latents, and what a decoder in another process makes of them.

The encoder maps held-out images to latents in one sandbox; the decoder, loaded with weights that
were copied out before any held-out image was sent, maps them back in another one.
"""

from __future__ import annotations

import math
from contextlib import suppress
from functools import cache

import numpy as np
from scipy import special
from scipy.spatial.distance import pdist, squareform

from grader.checks import Array, CheckFailure, Handle, Subject, as_array, expect
from grader.checks.measuring import Interval, Scale, until_decided
from grader.errors import SubjectError

LATENTS = 2
LEVELS = 16


def scaled(images: Array) -> Array:
    """Levels (N, H, W) as the notebook has them: (N, 1, H, W) in [-1, 1], float32."""
    return (images[:, np.newaxis].astype(np.float32) / (LEVELS - 1)) * 2 - 1


def measure_law(
    subject: Subject, images: Array, rng: np.random.Generator, alpha: float, scale: Scale
) -> tuple[Interval, Array]:
    """Energy distance to the prior of the latents of all images, and the latents it took, (n, 2).

    Args:
        subject: holds the trained `model`.
        images: levels 0..15, shape (N, H, W); as many are used as it takes.
        rng: draws their order.
        alpha: probability that the interval misses what all images would give.
        scale: the thresholds to decide.

    Raises:
        CheckFailure: the encoder returns something else than two finite numbers for each image.
        SubjectError: there is no such model, or it raised.
    """
    latents = _Latents(subject, images)
    return until_decided(latents, len(images), scale, rng, alpha), latents.drawn


def measure_error(
    subject: Subject, images: Array, rng: np.random.Generator, alpha: float, scale: Scale
) -> Interval:
    """Mean squared error of images decoded from their latents, by a decoder that never saw one.

    Arguments and errors are those of `measure_law`; the model must also be one that can be made
    anew.
    """
    return until_decided(_Errors(subject, images), len(images), scale, rng, alpha)


class _Latents:
    """Latents of the images that were drawn so far, by the trained model's encoder."""

    def __init__(self, subject: Subject, images: Array) -> None:
        self._subject, self._images = subject, images
        self._model = _evaluating(subject, subject.handle("model"))
        self.drawn = np.empty((0, LATENTS))

    def add(self, chosen: Array) -> None:
        latents = encoded(self._subject, self._model, scaled(self._images[chosen]))
        self.drawn = np.concatenate([self.drawn, latents])

    def interval(self, alpha: float) -> Interval:
        """Nothing is drawn but images: once all have been, this is a point.

        Source: Hoeffding 1948, theorem 5.2, for the variance of a mean over pairs.
        """
        value, single, pairs = _distance_and_variances(self.drawn)
        count = len(self.drawn)
        unseen = 1 - count / len(self._images)
        variance = (4 * single / count + 2 * pairs / (count * (count - 1))) * unseen
        reach = -float(special.ndtri(alpha / 2)) * math.sqrt(variance)
        return Interval(value, value - reach, value + reach)


class _Errors:
    """Squared errors of the images that were drawn so far."""

    def __init__(self, subject: Subject, images: Array) -> None:
        self._subject, self._images = subject, images
        handle = subject.handle("model")
        weights = subject.state(handle)
        self._encoder = _evaluating(subject, handle)
        self._other = subject.rebuilt()
        made = self._other.new("AAE")
        self._other.load_state(made, weights)
        self._decoder = _evaluating(self._other, made)
        self._drawn = np.empty(0)

    def add(self, chosen: Array) -> None:
        images = scaled(self._images[chosen])
        latents = encoded(self._subject, self._encoder, images).astype(np.float32)
        answer = self._other.call(self._decoder, latents, method="decoder")
        decoded = as_array(answer, "decoder")
        if decoded.shape != images.shape:
            raise CheckFailure(
                f"Your decoder returns images of shape {decoded.shape} where {images.shape} is "
                "expected."
            )
        expect(np.isfinite(decoded), "Your decoder returns a pixel that is not finite.")
        errors = ((decoded.astype(np.float64) - images) ** 2).mean(axis=(1, 2, 3))
        self._drawn = np.append(self._drawn, errors)

    def interval(self, alpha: float) -> Interval:
        unseen = float(self._drawn.var()) * (1 / len(self._drawn) - 1 / len(self._images))
        reach = -float(special.ndtri(alpha / 2)) * math.sqrt(unseen)
        value = float(self._drawn.mean())
        return Interval(value, value - reach, value + reach)


def encoded(subject: Subject, model: Handle, images: Array) -> Array:
    """Latents of images (N, 1, H, W), (N, 2), float64.

    Raises:
        CheckFailure: they have another shape, or are not finite.
        SubjectError: the encoder raised.
    """
    latents = as_array(subject.call(model, images, method="encoder"), "encoder")
    if latents.shape != (len(images), LATENTS):
        raise CheckFailure(
            f"For {len(images)} images your encoder returns latents of shape {latents.shape}; "
            f"({len(images)}, {LATENTS}) is expected."
        )
    expect(np.isfinite(latents), "Your encoder returns a latent that is not finite.")
    return latents.astype(np.float64)


def _evaluating(subject: Subject, model: Handle) -> Handle:
    """The model on the CPU, where our arrays arrive, with dropout and statistics switched off."""
    with suppress(SubjectError):  # what is no module of torch is where it is
        subject.call(model, method="cpu")
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
    return _distance_and_variances(latents)[0]


def _distance_and_variances(latents: Array) -> tuple[float, float, float]:
    """The distance, and the variances of what one latent and of what a pair adds to it."""
    count, size = latents.shape
    # |x - Z| has a noncentral chi law, whose mean is a confluent hypergeometric function.
    half = (latents**2).sum(axis=1) / 2
    to_prior = _mean_length(size) * special.hyp1f1(-0.5, size / 2, -half)  # (n,)
    lengths = pdist(latents)
    to_others = squareform(lengths).sum(axis=1) / (count - 1)  # (n,)
    distance = 2 * to_prior.mean() - lengths.mean() - math.sqrt(2) * _mean_length(size)
    return float(distance), float((to_prior - to_others).var()), float(lengths.var())


@cache
def _mean_length(size: int) -> float:
    """E|Z| for Z from N(0, I) in so many dimensions."""
    return math.sqrt(2) * math.exp(special.gammaln((size + 1) / 2) - special.gammaln(size / 2))
