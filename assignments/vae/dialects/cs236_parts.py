"""A CS236 model with an encoder, a decoder and a prior of the grader's: bounds can be written out.

Every latent that the decoder meets is noted, so that a bound is a number that follows from it,
whatever noise the student drew and in whatever order the samples of a batch are kept.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import special

from assignments.vae.definitions import scale_of
from assignments.vae.dialects.densities import (
    divergence,
    log_density,
    mixture_log_density,
)
from assignments.vae.dialects.parts import made
from grader.checks import Array, Callback, CheckFailure, Expected, Handle, Subject, as_array
from grader.errors import SubjectError

PIXELS, LATENTS, COMPONENTS = 784, 4, 3
IMAGES = (np.random.default_rng(6).uniform(size=(3, PIXELS)) < 0.4).astype(np.float32)
# The first latents lie 24 standard deviations apart, so that a sample tells whose it is.
MEAN = np.asarray([[-12, 1, 0.5, -1], [0, -1.5, 2, 0.25], [12, 0.5, -0.5, 1]], np.float32)
VAR = np.asarray([[4, 1, 8, 2], [4, 2, 1, 4], [4, 4, 2, 1]], np.float32) / 16
_ZEROS, _ONE = np.zeros(1, np.float32), np.ones(1, np.float32)
_PRE = np.random.default_rng(7).normal(0, 1, (1, 2 * COMPONENTS, LATENTS)).astype(np.float32)
_OWN = {
    "z_dim": LATENTS,
    "k": COMPONENTS,
    "z_prior_m": _ZEROS,
    "z_prior_v": _ONE,
    "z_prior": (_ZEROS, _ONE),
    "z_pre": _PRE,
    "pi": np.full(COMPONENTS, 1 / COMPONENTS, np.float32),
}


class Weights(NamedTuple):
    """Of every sample, (3, S): log p(x | z), log p(z), log q(z | x); and the KL of its image, (3,).

    `kl` is None where the prior is a mixture, which has no closed form.
    """

    reconstruction: Expected
    prior: Expected
    posterior: Expected
    kl: Expected | None


class KnownModel:
    """The student's model of one class, with known parts.

    Args:
        subject: holds the class.
        name: "VAE", or "GMVAE" with its mixture prior.
    """

    def __init__(self, subject: Subject, name: str) -> None:
        self._subject = subject
        self._mixture = name == "GMVAE"
        rng = np.random.default_rng(8)
        self._slopes = rng.normal(0, 1, (LATENTS, PIXELS)).astype(np.float32)
        self._latents: list[Array] = []
        self._model, self._pre = self._made(name)
        for part, function in (("enc", self._encode), ("dec", self._decode)):
            mine = Callback(function)
            subject.call(self._model, part, mine, method="__setattr__")
            # Earlier years call these by name.
            subject.call(self._model, f"{part}ode", mine, method=f"{part}.__setattr__")

    def bound(self, method: str, *more: int, seed: int = 1) -> list[Array]:
        """The three numbers of a bound of the images.

        Raises:
            CheckFailure: they are not three.
        """
        self._latents.clear()
        answer = self._subject.call(self._model, IMAGES, *more, method=method, seed=seed)
        if not isinstance(answer, tuple | list) or len(answer) != 3:
            raise CheckFailure(f"Your {method} should return three numbers.")
        return [as_array(part, method) for part in answer]

    def samples(self, count: int) -> Array:
        """Latents that were decoded since, by image, shape (3, count, D).

        Raises:
            CheckFailure: an image had another number of samples.
        """
        z = np.concatenate(self._latents or [np.zeros((0, LATENTS))])
        found = [z[_nearest(z) == image] for image in range(len(IMAGES))]
        numbers = [len(own) for own in found]
        if set(numbers) != {count}:
            raise CheckFailure(
                f"Your decoder meets {numbers} samples about the means of three images; {count} "
                "each are expected."
            )
        return np.stack(found)

    def weights(self, z: Array) -> Weights:
        """The three log-densities of samples by image, (3, S, D)."""
        shape = z.shape[:2]
        flat = z.reshape(-1, LATENTS)
        image = np.repeat(np.arange(len(IMAGES)), shape[1])
        logits = self._logits(flat, image)
        chosen = np.where(IMAGES[image] == 1, -np.logaddexp(0, -logits), -np.logaddexp(0, logits))
        rounding = (np.abs(logits) + 1).sum(axis=1)
        mean, var = MEAN.astype("f8")[image], VAR.astype("f8")[image]
        if self._mixture:
            prior, kl = mixture_log_density(flat, *self._components()), None
        else:
            prior = log_density(flat, np.zeros(LATENTS), np.ones(LATENTS))
            kl = divergence(MEAN, VAR, np.zeros_like(MEAN), np.ones_like(VAR))
        found = (Expected(chosen.sum(axis=1), rounding), prior, log_density(flat, mean, var))
        rec, of_p, of_q = (
            Expected(each.value.reshape(shape), scale_of(each).reshape(shape)) for each in found
        )
        return Weights(rec, of_p, of_q, kl)

    def _components(self) -> tuple[Array, Array]:
        mean, raw = np.split(self._pre.astype(np.float64), 2, axis=1)  # each (1, K, D)
        return mean, np.logaddexp(0, raw) + 1e-8

    def _made(self, name: str) -> tuple[Handle, Array]:
        try:
            model = made(self._subject, name, {"z_dim": LATENTS, "k": COMPONENTS})
            return model, self._subject.state(model).get("z_pre", _PRE)
        except SubjectError:
            return self._bare(name), _PRE

    def _bare(self, name: str) -> Handle:
        """The model without its constructor, which may want networks that were not handed in."""
        subject = self._subject
        model = subject.new(name, subject.handle(name), method="__new__")
        empty: dict[str, object] = {f"_{part}": {} for part in ("parameters", "buffers", "modules")}
        state = {"training": True, **empty, "_non_persistent_buffers_set": {}}
        subject.call(model, state, method="__setstate__")
        for attribute, value in _OWN.items():
            subject.call(model, attribute, value, method="__setattr__")
        return model

    def _encode(self, x: Array, *_: object) -> tuple[Array, Array]:
        found = (np.asarray(x).reshape(len(x), 1, -1) == IMAGES).all(axis=2)  # (B, 3)
        if not found.any(axis=1).all():
            raise ValueError("the encoder is given something else than the images")
        image = found.argmax(axis=1)
        return MEAN[image], VAR[image]

    def _decode(self, z: Array, *_: object) -> Array:
        shape = np.shape(z)
        if not shape or shape[-1] != LATENTS:
            raise ValueError(f"latents have shape {shape} where (B, {LATENTS}) is expected")
        # The course's decoder is linear layers: samples may have an axis of their own.
        rows = np.asarray(z, np.float64).reshape(-1, LATENTS)
        self._latents.append(rows)
        logits = self._logits(rows, _nearest(rows)).astype(np.float32)
        return logits.reshape(*shape[:-1], PIXELS)

    def _logits(self, z: Array, image: Array) -> Array:
        # About the image's own mean, so that no logit is larger than others.
        logits = 0.3 * (z - MEAN[image]) @ self._slopes.astype(np.float64)
        rounded: Array = logits.astype(np.float32).astype(np.float64)
        return rounded


def _nearest(z: Array) -> Array:
    """Whose mean a sample lies about, shape (N,)."""
    image: Array = np.abs(z[:, :1] - MEAN[:, 0]).argmin(axis=1)
    return image


def of_mean(terms: Expected, says: str) -> Expected:
    """The average over the images of what is one number for each."""
    return Expected(terms.value.mean(), scale_of(terms).mean(), says)


def importance_bound(weights: Weights) -> Expected:
    """-log of the mean of p(x, z) / q(z | x) over the samples, averaged over the images."""
    terms = (weights.reconstruction, weights.prior, weights.posterior)
    log_weights = terms[0].value + terms[1].value - terms[2].value  # (3, S)
    scale = np.sum([scale_of(term) for term in terms], axis=0).max(axis=1) + 1
    value = np.log(log_weights.shape[1]) - special.logsumexp(log_weights, axis=1)
    return of_mean(Expected(value, scale), "the importance-weighted bound of your samples")
