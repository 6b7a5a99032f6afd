"""Bits per dimension that cannot be forged: the encoder and the decoder never share a process.

The encoder maps an image to a Gaussian in one sandbox, the grader draws z with noise of its own,
and the decoder, loaded with weights that were copied out before any held-out image was sent, maps
z to logits in another sandbox. All that reaches the decoder is z, and the information in z is paid
for by the KL. Only the first draw of z for each image is counted: a decoder that has met two draws
knows more of the image than the KL has paid for. The second one only measures the noise.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from grader.checks import Array, CheckFailure, Handle, Subject, as_array, expect
from grader.checks.measuring import Interval, Scale, until_decided

LEVELS = 16
CHUNK = 120  # images in one message
MOST_LATENTS = 4096
# What the noise may add. Honest decoders stay below 0.03 on 360 digits; one that answers the second
# draw badly on purpose must not earn a wide interval.
WIDEST_REACH = 0.05  # bits per dimension


def measure_bpd(
    subject: Subject,
    images: Array,
    rng: np.random.Generator,
    alpha: float,
    scale: Scale,
    device: str = "cpu",
) -> Interval:
    """Bits per dimension of the negative ELBO, averaged over the images, and its interval.

    Args:
        subject: holds the trained `model`.
        images: levels 0..15, shape (N, H, W); as many are used as it takes.
        rng: draws z, and the order of the images.
        alpha: probability that the interval misses what all images and more draws of z would give.
        scale: the thresholds to decide.
        device: where the notebook ran. A model on a GPU is evaluated in two sandboxes without one.

    Raises:
        CheckFailure: encoder or decoder return something that is no distribution.
        SubjectError: there is no such model, or it raised.
    """
    lengths = _CodeLength(subject, images, rng, device)
    return until_decided(lengths, len(images), scale, rng, alpha)


class _CodeLength:
    """Code lengths of the images that were drawn so far, in bits per dimension."""

    def __init__(
        self, subject: Subject, images: Array, rng: np.random.Generator, device: str
    ) -> None:
        model = subject.handle("model")
        weights = subject.state(model)
        self._other, self._decoder = _elsewhere(subject, weights)
        if device == "cpu":
            self._subject, self._encoder = subject, _evaluating(subject, model)
        else:
            self._subject, self._encoder = _elsewhere(subject, weights)
        self._images, self._rng = images, rng
        self._first, self._second = np.empty(0), np.empty(0)

    def add(self, chosen: Array) -> None:
        images = self._images[chosen]
        batch = images[:, np.newaxis].astype(np.int64)  # (N, 1, H, W)
        mean, log_std = _encoded(self._subject, self._encoder, batch)
        with np.errstate(over="ignore"):
            kl = 0.5 * (mean**2 + np.expm1(2 * log_std) - 2 * log_std).sum(axis=1)
        expect(np.isfinite(kl), "The KL of your encoder's Gaussians is not finite.")
        draws = []
        for _ in range(2):
            z = mean + np.exp(log_std) * self._rng.standard_normal(mean.shape)
            nats = _code_lengths(self._other, self._decoder, z.astype(np.float32), images)
            draws.append((nats + kl) * math.log2(math.e) / math.prod(images.shape[1:]))
        self._first = np.append(self._first, draws[0])
        self._second = np.append(self._second, draws[1])

    def interval(self, alpha: float) -> Interval:
        """Where the mean over all images and all noise lies."""
        drawn, count = len(self._first), len(self._images)
        sigmas = -float(special.ndtri(alpha / 2))
        # Two draws differ by twice the variance of one.
        noise = float(np.mean((self._first - self._second) ** 2)) / 2
        from_noise = min(sigmas * math.sqrt(noise / count), WIDEST_REACH)
        # Images are drawn without replacement: of the last one on, only the noise is left.
        unseen = float(self._first.var()) * (1 / drawn - 1 / count)
        reach = math.hypot(from_noise, sigmas * math.sqrt(unseen))
        value = float(self._first.mean())
        return Interval(value, value - reach, value + reach)


def _elsewhere(subject: Subject, weights: dict[str, Array]) -> tuple[Subject, Handle]:
    other = subject.rebuilt()
    made = other.new("VAE")
    other.load_state(made, weights)
    return other, _evaluating(other, made)


def _evaluating(subject: Subject, model: Handle) -> Handle:
    """The model with dropout and batch statistics switched off."""
    subject.call(model, method="eval")
    return model


def _encoded(subject: Subject, model: Handle, batch: Array) -> tuple[Array, Array]:
    """Means and log standard deviations of q(z | x), both (N, D), float64."""
    parts = []
    for start in range(0, len(batch), CHUNK):
        images = batch[start : start + CHUNK]
        answer = subject.call(model, images, method="encoder")
        expect(
            isinstance(answer, tuple | list) and len(answer) == 2,
            "Your model's encoder should return two tensors, mean and log_std.",
        )
        mean, log_std = (as_array(part, "encoder").astype(np.float64) for part in answer)
        _require_gaussian(mean, log_std, len(images))
        parts.append((mean, log_std))
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def _require_gaussian(mean: Array, log_std: Array, batch: int) -> None:
    latents = math.prod(mean.shape[1:])
    if mean.ndim != 2 or mean.shape != log_std.shape or len(mean) != batch:
        raise CheckFailure(
            f"For {batch} images your encoder returns shapes {mean.shape} and {log_std.shape}; "
            f"both should be ({batch}, D)."
        )
    expect(latents <= MOST_LATENTS, f"{latents} latent dimensions are more than {MOST_LATENTS}.")
    finite = np.isfinite(mean).all() and np.isfinite(log_std).all()
    expect(finite, "Your encoder returns a mean or a log_std that is not finite.")


def _code_lengths(subject: Subject, decoder: Handle, z: Array, images: Array) -> Array:
    """-log p(x | z) of each image in nats, shape (N,); the logits are normalised here."""
    lengths = []
    for start in range(0, len(z), CHUNK):
        levels = images[start : start + CHUNK, np.newaxis].astype(np.int64)  # (B, 1, H, W)
        logits = as_array(subject.call(decoder, z[start : start + CHUNK], method="decoder"))
        wanted = (len(levels), LEVELS, *levels.shape[2:])
        if logits.shape != wanted or logits.dtype.kind != "f":
            raise CheckFailure(
                f"Your decoder returns {logits.dtype} of shape {logits.shape} where {wanted} is "
                f"expected: one logit for each of {LEVELS} levels."
            )
        expect(np.isfinite(logits), "Your decoder returns a logit that is not finite.")
        log_probabilities = special.log_softmax(logits.astype(np.float64), axis=1)
        chosen = np.take_along_axis(log_probabilities, levels, axis=1)
        lengths.append(-chosen.sum(axis=(1, 2, 3)))
    return np.concatenate(lengths)
