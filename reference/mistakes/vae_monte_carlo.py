"""The Monte Carlo estimate of log p(x) as students get it wrong, and as they get it right.

Images x (B, 1, H, W) hold integer levels; the decoder maps latents (S, 20) to logits (S, 16, H, W).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from reference.mistakes.catalogue import Mistake, Variant

Decoder = Callable[[Tensor], Tensor]
Estimate = Callable[[Tensor, Decoder, int], Tensor]
Average = Callable[[Tensor], Tensor]

LATENT_SIZE = 20


def _prior(n_samples: int) -> Tensor:
    return torch.randn(n_samples, LATENT_SIZE)


def _per_pixel(x: Tensor, logits: Tensor) -> Tensor:
    """Log-probability of every pixel of every image under every sample, (S, B, pixels)."""
    log_probabilities = F.log_softmax(logits, dim=1)[:, None]  # (S, 1, 16, H, W)
    levels = x.reshape(1, len(x), 1, *logits.shape[2:]).long()
    shape = (len(logits), len(x), *log_probabilities.shape[2:])
    chosen = log_probabilities.expand(shape).gather(2, levels.expand(len(logits), -1, -1, -1, -1))
    return chosen.flatten(2)


def _log_mean_exp(values: Tensor) -> Tensor:
    return torch.logsumexp(values, dim=0) - math.log(len(values))


def _estimate(average: Average, prior: Callable[[int], Tensor] = _prior) -> Estimate:
    """An estimate that takes log p(x | z), shape (S, B), to one number for each image."""

    def log_likelihood_mc(x: Tensor, decoder: Decoder, n_samples: int) -> Tensor:
        return average(_per_pixel(x, decoder(prior(n_samples))).sum(dim=2))

    return log_likelihood_mc


def _per_pixel_average(x: Tensor, decoder: Decoder, n_samples: int) -> Tensor:
    return _log_mean_exp(_per_pixel(x, decoder(_prior(n_samples)))).sum(dim=1)


def _mean_over_pixels(x: Tensor, decoder: Decoder, n_samples: int) -> Tensor:
    return _log_mean_exp(_per_pixel(x, decoder(_prior(n_samples))).mean(dim=2))


# One row for each mistake: name, what a TA would say, the wrong function, what must catch it.
_VALUE, _PRIOR = ("estimate_is_the_log_of_the_mean",), ("latents_come_from_the_prior",)
_WRONG: tuple[tuple[str, str, Estimate, tuple[str, ...]], ...] = (
    (
        "mean-of-logs",
        "You average logarithms: is the logarithm of an average the average of the logarithms?",
        _estimate(lambda values: values.mean(dim=0)),
        _VALUE,
    ),
    (
        "underflow",
        "Probabilities of whole images are too small for a float: stay in logarithms.",
        _estimate(lambda values: values.exp().mean(dim=0).log()),
        _VALUE,
    ),
    (
        "sum-of-samples",
        "Your estimate grows with the number of samples: what turns a sum into an average?",
        _estimate(lambda values: torch.logsumexp(values, dim=0)),
        _VALUE,
    ),
    (
        "divided-outside",
        "An average of probabilities is taken before the logarithm, not after it.",
        _estimate(lambda values: torch.logsumexp(values, dim=0) / len(values)),
        _VALUE,
    ),
    (
        "sign-flipped",
        "A log-probability of levels is never positive.",
        _estimate(lambda values: -_log_mean_exp(values)),
        _VALUE,
    ),
    (
        "best-sample",
        "You keep the best sample only: what does the expectation do with the others?",
        _estimate(lambda values: values.max(dim=0).values),
        _VALUE,
    ),
    (
        "mean-over-batch",
        "One number came back for a whole batch; each image has its own probability.",
        _estimate(lambda values: _log_mean_exp(values).mean()),
        _VALUE,
    ),
    (
        "average-per-pixel",
        "All pixels of an image share one latent: average over samples of whole images.",
        _per_pixel_average,
        _VALUE,
    ),
    (
        "mean-over-pixels",
        "How do the log-probabilities of independent pixels combine: is it their average?",
        _mean_over_pixels,
        _VALUE,
    ),
    (
        "uniform-latents",
        "Your latents are never negative: which distribution is the prior?",
        _estimate(_log_mean_exp, lambda n: torch.rand(n, LATENT_SIZE)),
        _PRIOR,
    ),
    (
        "one-latent",
        "All your samples are one and the same latent.",
        _estimate(_log_mean_exp, lambda n: torch.randn(1, LATENT_SIZE).repeat(n, 1)),
        _PRIOR,
    ),
    (
        "latents-at-zero",
        "Your latents do not vary: where is the sampling?",
        _estimate(_log_mean_exp, lambda n: torch.zeros(n, LATENT_SIZE)),
        _PRIOR,
    ),
)


def _image_by_image(x: Tensor, decoder: Decoder, n_samples: int) -> Tensor:
    estimates = []
    for image in x:
        log_likelihoods = [
            _per_pixel(image[None], decoder(_prior(1))).sum() for _ in range(n_samples)
        ]
        estimates.append(_log_mean_exp(torch.stack(log_likelihoods)))
    return torch.stack(estimates)


def _shifted_by_the_largest(values: Tensor) -> Tensor:
    largest = values.max(dim=0, keepdim=True).values
    return largest[0] + torch.log(torch.exp(values - largest).mean(dim=0))


_RIGHT: tuple[tuple[str, Estimate], ...] = (
    ("log-mean-exp", _estimate(_log_mean_exp)),
    ("shifted-by-the-largest", _estimate(_shifted_by_the_largest)),
    ("log-weights", _estimate(lambda v: torch.logsumexp(v - math.log(len(v)), dim=0))),
    ("image-by-image", _image_by_image),
)

MISTAKES = tuple(
    Mistake(f"mc/{name}", "log_likelihood_mc", says, code, killed_by)
    for name, says, code, killed_by in _WRONG
)

VARIANTS = tuple(Variant(f"mc/{name}", "log_likelihood_mc", code) for name, code in _RIGHT)
