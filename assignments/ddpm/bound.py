"""Bits per dimension that cannot be printed: the trained model's variational bound, recomputed.

The grader draws t and the noise, shows x_t to the model, and adds up the terms of the bound itself.
Each image is shown once: who has seen it at two noise levels knows more than the bound pays for.
Terms fall like a power of t, so t is drawn alike, and every term is divided by how likely it was.
"""

from __future__ import annotations

import math
from contextlib import suppress

import numpy as np
import torch
from scipy import special

from grader.checks import Array, Handle, Subject, as_array, expect, expect_shape
from grader.checks.measuring import Interval, Scale, until_decided
from grader.errors import SubjectError
from reference import ddpm, ddpm_bound

LEVELS = 16
STEPS = 1000
CHUNK = 120  # images in one message
_POWER = 1.2  # terms of a trained model fall like t^-1.2 between t = 2 and 200
# Honest models stay below 0.1 on 360 digits; noise made on purpose must not earn a wide interval.
WIDEST_REACH = 0.25  # bits per dimension


def chances(steps: int = STEPS) -> Array:
    """Probability of each t from 1 to T, shape (T,)."""
    weights = np.maximum(np.arange(1.0, steps + 1), 2) ** -_POWER
    return np.asarray(weights / weights.sum())


def strata(count: int, rng: np.random.Generator) -> Array:
    """Timesteps in rising order, one from each of `count` equally likely slices, shape (N,)."""
    places = (np.arange(count) + rng.uniform(size=count)) / count
    return np.minimum(np.searchsorted(np.cumsum(chances()), places) + 1, STEPS)


def measure_bpd(
    subject: Subject, images: Array, rng: np.random.Generator, alpha: float, scale: Scale
) -> Interval:
    """Bits per dimension of the bound, averaged over the images, and its interval.

    Args:
        subject: holds the trained `model`.
        images: levels 0..15, shape (N, H, W); as many are used as it takes.
        rng: draws t and the noise, and which image meets which.
        alpha: probability that the interval misses what more draws would give.
        scale: the thresholds to decide.

    Raises:
        CheckFailure: the model returns something else than noise for each entry.
        SubjectError: there is no such model, or it raised.
    """
    return until_decided(_Bound(subject, images, rng), len(images), scale, rng, alpha)


class _Bound:
    """The bound on the images that were drawn so far, in nats; each part has its own strata."""

    def __init__(self, subject: Subject, images: Array, rng: np.random.Generator) -> None:
        self._subject, self._images, self._rng = subject, images, rng
        self._sum, self._variance, self._drawn = 0.0, 0.0, 0

    def add(self, chosen: Array) -> None:
        rng, count = self._rng, len(chosen)
        betas = ddpm.linear_beta_schedule(STEPS)
        left = ddpm.alphas_cumprod(betas)
        scaled = self._images[chosen, np.newaxis].astype(np.float64) / (LEVELS - 1) * 2 - 1
        x0, t = torch.from_numpy(scaled), torch.from_numpy(strata(count, rng))
        noise = torch.from_numpy(rng.standard_normal(scaled.shape))
        x_t = ddpm.q_sample(x0, t, noise, left)
        predicted = torch.from_numpy(predictions(self._subject, x_t.numpy(), t.numpy()))
        terms = ddpm_bound.bound_term(predicted, x0, x_t, t, betas, betas, LEVELS).numpy()
        expect(np.isfinite(terms), "The bound of your model is not finite.")
        weighted = terms / chances()[t.numpy() - 1]
        self._sum += float((weighted + ddpm.prior_kl(x0, left).numpy()).sum())
        # Neighbours come from neighbouring slices, so their differences leave out what t explains.
        self._variance += float((np.diff(weighted) ** 2).sum()) / 2
        self._drawn += count

    def interval(self, alpha: float) -> Interval:
        """Where the mean over images, timesteps and noise lies."""
        to_bits = math.log2(math.e) / math.prod(self._images.shape[1:]) / self._drawn
        sigmas = -float(special.ndtri(alpha / 2))
        reach = min(sigmas * math.sqrt(self._variance) * to_bits, WIDEST_REACH)
        value = self._sum * to_bits
        return Interval(value, value - reach, value + reach)


def predictions(subject: Subject, x_t: Array, t: Array) -> Array:
    """Noise that the trained model sees in x_t, shape (N, 1, H, W), float64.

    Images go in an order in which neighbours have nothing in common.
    """
    model = _evaluating(subject)
    order = np.argsort(np.arange(len(t)) % math.ceil(len(t) / CHUNK), kind="stable")
    found = np.zeros_like(x_t)
    for start in range(0, len(t), CHUNK):
        chosen = order[start : start + CHUNK]
        shown = x_t[chosen].astype(np.float32)
        answer = as_array(subject.call(model, shown, t[chosen], method="__call__"), "model")
        expect_shape(answer, shown.shape, function="model")
        expect(np.isfinite(answer), "Your model predicts noise that is not finite.")
        found[chosen] = answer
    return found


def _evaluating(subject: Subject) -> Handle:
    """The model on the CPU, where our arrays arrive, with dropout and statistics switched off."""
    model = subject.handle("model")
    with suppress(SubjectError):  # what is no module of torch is where it is
        subject.call(model, method="cpu")
    subject.call(model, method="eval")
    return model
