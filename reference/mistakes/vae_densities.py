"""Log-densities and log-mean-exp as students get them wrong, and as they get them right.

Everything is (B, N) and gives one number for each row.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Bernoulli, Normal

from reference.mistakes.catalogue import Mistake, Variant

Of = Callable[..., Tensor]
_LOG_2_PI = math.log(2 * math.pi)


def _log_prob(law: Any, value: Tensor) -> Tensor:
    found: Tensor = law.log_prob(value)
    return found


def _pixels(mu: Tensor, target: Tensor) -> Tensor:
    return target * torch.log(mu) + (1 - target) * torch.log(1 - mu)


_WRONG_BERNOULLI: tuple[tuple[str, str, Of], ...] = (
    (
        "sign-flipped",
        "A log-probability of pixels is never positive.",
        lambda mu, target: -_pixels(mu, target).sum(dim=1),
    ),
    (
        "mean-over-pixels",
        "How do the log-probabilities of independent pixels combine: is it their average?",
        lambda mu, target: _pixels(mu, target).mean(dim=1),
    ),
    (
        "ones-only",
        "A pixel that is zero tells something about its mean, too.",
        lambda mu, target: (target * torch.log(mu)).sum(dim=1),
    ),
    (
        "mean-as-logit",
        "What you are given is a probability already: does it need a sigmoid?",
        lambda mu, target: -F.binary_cross_entropy_with_logits(mu, target, reduction="none").sum(1),
    ),
    (
        "summed-over-batch",
        "One number came back for a whole batch; each image has its own.",
        lambda mu, target: _pixels(mu, target).sum(),
    ),
    (
        "mean-over-batch",
        "One number came back for a whole batch; each image has its own.",
        lambda mu, target: _pixels(mu, target).sum(dim=1).mean(),
    ),
    ("not-reduced", "One number for each image is asked for, not for each pixel.", _pixels),
    (
        "wrong-axis",
        "Which axis holds the pixels, and which one the batch?",
        lambda mu, target: _pixels(mu, target).sum(dim=0),
    ),
    (
        "in-bits",
        "The unit is nats: which base has your logarithm?",
        lambda mu, target: _pixels(mu, target).sum(dim=1) / math.log(2),
    ),
)

_RIGHT_BERNOULLI: tuple[tuple[str, Of], ...] = (
    ("definition", lambda mu, target: _pixels(mu, target).sum(dim=1)),
    (
        "minus-cross-entropy",
        lambda mu, target: -F.binary_cross_entropy(mu, target, reduction="none").sum(dim=-1),
    ),
    ("distribution", lambda mu, target: _log_prob(Bernoulli(probs=mu), target).sum(dim=1)),
    (
        "guarded",
        lambda mu, target: torch.sum(
            target * torch.log(mu + 1e-7) + (1 - target) * torch.log(1 - mu + 1e-7), dim=1
        ),
    ),
    (
        "image-by-image",
        lambda mu, target: torch.stack(
            [_pixels(m, t).sum() for m, t in zip(mu, target, strict=True)]
        ),
    ),
)


def _terms(mu: Tensor, logvar: Tensor, z: Tensor) -> Tensor:
    return -0.5 * (_LOG_2_PI + logvar + (z - mu) ** 2 * torch.exp(-logvar))


_WRONG_NORMAL: tuple[tuple[str, str, Of], ...] = (
    (
        "constant-missing",
        "Does your density integrate to one?",
        lambda mu, logvar, z: _terms(mu, logvar, z).sum(dim=1) + z.shape[1] * _LOG_2_PI / 2,
    ),
    (
        "constant-once",
        "How many dimensions have a constant in front of their density?",
        lambda mu, logvar, z: (
            _terms(mu, logvar, z).sum(dim=1) + (z.shape[1] - 1) * _LOG_2_PI / 2
            if z.shape[1] > 1
            else _terms(mu, logvar, z).sum(dim=1)
        ),
    ),
    (
        "log-term-not-halved",
        "The density is divided by the standard deviation, not by the variance.",
        lambda mu, logvar, z: (_terms(mu, logvar, z) - 0.5 * logvar).sum(dim=1),
    ),
    (
        "log-term-missing",
        "A narrow density is high at its centre: is yours?",
        lambda mu, logvar, z: (_terms(mu, logvar, z) + 0.5 * logvar).sum(dim=1),
    ),
    (
        "square-not-halved",
        "Work out one value at a distance of one standard deviation.",
        lambda mu, logvar, z: (
            _terms(mu, logvar, z) - 0.5 * (z - mu) ** 2 * torch.exp(-logvar)
        ).sum(dim=1),
    ),
    (
        "logvar-as-log-std",
        "Your argument is the logarithm of a variance; check what you take it for.",
        lambda mu, logvar, z: _terms(mu, 2 * logvar, z).sum(dim=1),
    ),
    (
        "std-for-var",
        "Which power of the standard deviation does a squared distance go with?",
        lambda mu, logvar, z: (
            -0.5 * (_LOG_2_PI + logvar + (z - mu) ** 2 * torch.exp(-0.5 * logvar))
        ).sum(dim=1),
    ),
    (
        "sign-flipped",
        "Your density grows with the distance from the mean.",
        lambda mu, logvar, z: -_terms(mu, logvar, z).sum(dim=1),
    ),
    (
        "mean-over-dims",
        "How do the densities of independent dimensions combine: is it their average?",
        lambda mu, logvar, z: _terms(mu, logvar, z).mean(dim=1),
    ),
    (
        "summed-over-batch",
        "One number came back for a whole batch; each row has its own.",
        lambda mu, logvar, z: _terms(mu, logvar, z).sum(),
    ),
    ("not-reduced", "One number for each row is asked for, not for each dimension.", _terms),
)

_RIGHT_NORMAL: tuple[tuple[str, Of], ...] = (
    ("definition", lambda mu, logvar, z: _terms(mu, logvar, z).sum(dim=1)),
    (
        "distribution",
        lambda mu, logvar, z: _log_prob(Normal(mu, torch.exp(logvar / 2)), z).sum(dim=-1),
    ),
    (
        "std-squared",
        lambda mu, logvar, z: torch.sum(
            -torch.log(torch.exp(0.5 * logvar) * math.sqrt(2 * math.pi))
            - 0.5 * ((z - mu) / torch.exp(0.5 * logvar)) ** 2,
            dim=1,
        ),
    ),
    (
        "constant-apart",
        lambda mu, logvar, z: (
            -z.size(1) / 2 * _LOG_2_PI
            - 0.5 * logvar.sum(1)
            - ((z - mu).pow(2) / (2 * logvar.exp())).sum(1)
        ),
    ),
)


def _shifted(y: Tensor) -> Tensor:
    largest = y.max(dim=1, keepdim=True).values
    return (largest + torch.log(torch.exp(y - largest).mean(dim=1, keepdim=True))).squeeze(1)


def _max_of_everything(y: Tensor) -> Tensor:
    return y.max() + torch.log(torch.exp(y - y.max()).mean(dim=1))


def _without_keepdim(y: Tensor) -> Tensor:
    largest = y.max(dim=1).values
    return largest + torch.log(torch.exp(y - largest).mean(dim=1))


_VALUES, _FINITE = ("log_mean_exp_averages_exponentials",), ("log_mean_exp_stays_finite",)
_WRONG_MEAN: tuple[tuple[str, str, Of, tuple[str, ...]], ...] = (
    (
        "mean-of-logs",
        "Is the logarithm of an average the average of the logarithms?",
        lambda y: y.mean(dim=1),
        _VALUES,
    ),
    (
        "sum-not-mean",
        "Your answer grows with the number of samples: what turns a sum into an average?",
        lambda y: torch.logsumexp(y, dim=1),
        _VALUES,
    ),
    (
        "overflows",
        "The exponential of 3000 is no float: what can be taken out of the sum before it?",
        lambda y: torch.log(torch.exp(y).mean(dim=1)),
        _FINITE,
    ),
    (
        "max-of-everything",
        "A row far below the largest one vanishes: which maximum belongs to a row?",
        _max_of_everything,
        _FINITE,
    ),
    (
        "max-without-keepdim",
        "Look at the shapes of what you subtract from each other.",
        _without_keepdim,
        _VALUES,
    ),
    (
        "max-not-added",
        "What was taken out of the sum has to come back.",
        lambda y: _shifted(y) - y.max(dim=1).values,
        _VALUES,
    ),
    (
        "per-term",
        "The mean is taken over exponentials, not over what the logarithm makes of each.",
        lambda y: (y - math.log(y.shape[1])).sum(dim=1),
        _VALUES,
    ),
    (
        "divided-outside",
        "An average is taken before the logarithm, not after it.",
        lambda y: torch.logsumexp(y, dim=1) / y.shape[1],
        _VALUES,
    ),
    (
        "wrong-axis",
        "Which axis holds the samples, and which one the batch?",
        lambda y: torch.logsumexp(y, dim=0) - math.log(y.shape[0]),
        _VALUES,
    ),
    (
        "of-the-batch",
        "One number came back for a whole batch; each row has its own.",
        lambda y: torch.logsumexp(y.flatten(), dim=0) - math.log(y.numel()),
        _VALUES,
    ),
)

_RIGHT_MEAN: tuple[tuple[str, Of], ...] = (
    ("shifted", _shifted),
    ("logsumexp", lambda y: torch.logsumexp(y, dim=1) - math.log(y.shape[1])),
    ("log-weights", lambda y: torch.logsumexp(y - math.log(y.size(1)), dim=-1)),
    ("row-by-row", lambda y: torch.stack([_shifted(row[None])[0] for row in y])),
)

MISTAKES = (
    *(
        Mistake(f"log-bernoulli/{name}", "log_likelihood_bernoulli", says, code, killed)
        for killed in [("bernoulli_is_the_log_probability",)]
        for name, says, code in _WRONG_BERNOULLI
    ),
    *(
        Mistake(f"log-normal/{name}", "log_likelihood_normal", says, code, killed)
        for killed in [("normal_is_the_log_density",)]
        for name, says, code in _WRONG_NORMAL
    ),
    *(
        Mistake(f"log-mean-exp/{name}", "log_mean_exp", says, code, killed)
        for name, says, code, killed in _WRONG_MEAN
    ),
)

VARIANTS = (
    *(Variant(f"log-bernoulli/{n}", "log_likelihood_bernoulli", c) for n, c in _RIGHT_BERNOULLI),
    *(Variant(f"log-normal/{n}", "log_likelihood_normal", c) for n, c in _RIGHT_NORMAL),
    *(Variant(f"log-mean-exp/{n}", "log_mean_exp", c) for n, c in _RIGHT_MEAN),
)
