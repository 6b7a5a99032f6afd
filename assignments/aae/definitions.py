"""What the checks of an adversarial autoencoder compare with: definitions in NumPy, no reference.

A logit l stands for the probability 1 / (1 + exp(-l)) that a latent was drawn from the prior.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from grader.checks import Array, Expected

AUTOENCODER_PARTS = ("total", "reconstruction", "adversarial")
DISCRIMINATOR_PARTS = ("total", "real", "fake", "accuracy")

# No logit is zero: there the cross-entropy is ln 2 whatever the label, and an accuracy undecided.
# One of each sign lies between 0 and 1/2, where a threshold for probabilities shows.
_REAL = (1.0, -2.0, 0.25, 3.0, -0.5, -0.375, 2.25)
_FAKE = (-1.5, 0.375, -0.25, 2.5, -3.0, 0.75, 1.25, -0.625, 0.125)  # as many as to be coprime
_DATA = (0.5, -1.0, 0.25, 1.0, -0.75, 0.0, -0.5)
_ERRORS = (1.0, 0.25, -0.5, -1.25, 0.75, 0.125, -0.25, 1.5, 0.375)
_WEIGHTS = (0.75, 0.25, 1.0, 0.0, 0.875)
_SHAPES = ((1, 1), (2, 1), (3, 4), (2, 1, 2, 2), (4, 1, 4, 4), (3, 3, 2, 5))


class Losses(NamedTuple):
    """What an autoencoder's loss is computed from.

    Attributes:
        x: data, shape (B, ...), float32 like the rest.
        recon_x: shape of `x`.
        logits_fake: shape (B, 1).
        reconstruction_weight: lambda.
    """

    x: Array
    recon_x: Array
    logits_fake: Array
    reconstruction_weight: float


class Logits(NamedTuple):
    """Logits on draws from the prior and on encoded latents, both (B, 1), float32."""

    logits_real: Array
    logits_fake: Array


def image_pairs() -> list[tuple[Array, Array]]:
    """Data and reconstructions, smallest first."""
    made = []
    for shape in _SHAPES:
        x = _cycled(_DATA, shape)
        made.append((x, x + _cycled(_ERRORS, shape)))
    return made


def logit_pairs() -> list[Logits]:
    """Logits of both kinds, fewest first; of the last ones the batches lean to one side."""
    made = [Logits(_cycled(_REAL, (n, 1)), _cycled(_FAKE, (n, 1))) for n in (1, 2, 3, 5, 8)]
    sure = made[-1]
    return [*made, Logits(np.abs(sure.logits_real), sure.logits_fake), Logits(*sure[::-1])]


def loss_inputs() -> list[Losses]:
    """Every weight with data of growing shapes."""
    made = []
    for (x, recon_x), shift in zip(image_pairs()[1:], range(len(_SHAPES) - 1), strict=True):
        logits = _cycled(_FAKE[shift:], (len(x), 1))
        made += [Losses(x, recon_x, logits, weight) for weight in _WEIGHTS]
    return made


def _cycled(values: Sequence[float], shape: tuple[int, ...]) -> Array:
    return np.resize(np.asarray(values, np.float32), shape)


def squared_error(x: Array, recon_x: Array) -> Expected:
    """Mean over batch and elements of the squared difference."""
    wide, other = x.astype(np.float64), recon_x.astype(np.float64)
    return Expected(
        np.asarray(np.mean((wide - other) ** 2)),
        np.asarray(np.mean((np.abs(wide) + np.abs(other)) ** 2)),
        "the mean squared error",
    )


def squared_error_slope(x: Array, recon_x: Array) -> Expected:
    """Derivative of the mean squared error by the reconstruction."""
    wide, other = x.astype(np.float64), recon_x.astype(np.float64)
    return Expected(2 * (other - wide) / x.size, 2 * (np.abs(wide) + np.abs(other)) / x.size)


def cross_entropy(logits: Array, label: int) -> Expected:
    """Mean of -log P(label), where the discriminator says P(1) = 1 / (1 + exp(-logit))."""
    wide = logits.astype(np.float64)
    value = np.mean(np.logaddexp(0, -wide if label else wide))
    called = "from the prior" if label else "encoded"
    says = f"the mean of -log p, p the probability that the latents are {called},"
    return Expected(np.asarray(value), np.asarray(np.mean(_rounding(wide))), says)


def cross_entropy_slope(logits: Array, label: int) -> Expected:
    """Derivative of the mean cross-entropy by the logits."""
    wide = logits.astype(np.float64)
    probability = np.exp(-np.logaddexp(0, -wide))
    return Expected((probability - label) / wide.size, _rounding(wide) / wide.size)


def _rounding(logits: Array) -> Array:
    # Through a probability p the logarithm of 1 - p loses as many digits as 1 - p is small.
    return np.asarray(1 + np.abs(logits) + np.exp(np.abs(logits)))


def accuracy(logits: Logits) -> Expected:
    """Share of both batches that lies on its side of even odds."""
    right = np.concatenate([logits.logits_real > 0, logits.logits_fake < 0])
    return Expected(
        np.asarray(np.mean(right)), np.asarray(1.0), "the share of both batches told rightly"
    )


def autoencoder_terms(given: Losses) -> list[Expected]:
    """Total, reconstruction and adversarial term by definition."""
    terms = squared_error(given.x, given.recon_x), cross_entropy(given.logits_fake, 1)
    return weighed(terms, given.reconstruction_weight)


def weighed(terms: Sequence[Expected], weight: float) -> list[Expected]:
    """The weighted sum of two terms, and the terms."""
    first, second = terms
    total = weight * first.value + (1 - weight) * second.value
    says = "the weighed sum of both terms"
    return [Expected(total, scale_of(first) + scale_of(second), says), first, second]


def discriminator_terms(given: Logits) -> list[Expected]:
    """Total and the halves for real and fake latents, by definition."""
    real, fake = cross_entropy(given.logits_real, 1), cross_entropy(given.logits_fake, 0)
    total = Expected(
        real.value + fake.value, scale_of(real) + scale_of(fake), "the sum of both halves"
    )
    return [total, real, fake]


def scale_of(expected: Expected) -> Array:
    """The sum of absolute terms that an expected value is judged by."""
    assert expected.scale is not None
    return expected.scale


def autoencoder_slopes(given: Losses) -> list[Expected]:
    """Derivatives of the weighted loss by the reconstruction and by the logits."""
    of_terms = term_slopes(given)
    return weighed_slopes(of_terms, given.reconstruction_weight)


def term_slopes(given: Losses) -> list[Expected]:
    """Derivatives of each term by what it depends on: the reconstruction, the logits."""
    return [squared_error_slope(*given[:2]), cross_entropy_slope(given.logits_fake, 1)]


def weighed_slopes(of_terms: Sequence[Expected], weight: float) -> list[Expected]:
    """The slopes of a weighted sum, of which each term has one."""
    return [
        Expected(share * slope.value, share * scale_of(slope))
        for share, slope in zip((weight, 1 - weight), of_terms, strict=True)
    ]


def discriminator_slopes(given: Logits) -> list[Expected]:
    """Derivatives of the discriminator's loss by both batches of logits."""
    return [cross_entropy_slope(logits, label) for logits, label in zip(given, (1, 0), strict=True)]
