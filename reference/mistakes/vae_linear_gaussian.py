"""The bound of a linear Gaussian model as students get it wrong, and as they get it right.

x (B, N) given z is N(weight z + bias, noise_var I), z is N(0, I), and q is N(mean, exp(log_std)^2).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from reference.mistakes.catalogue import Mistake, Variant

Bound = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]

_LOG_2_PI = math.log(2 * math.pi)


def _of_mean(x: Tensor, weight: Tensor, bias: Tensor, noise_var: Tensor, mean: Tensor) -> Tensor:
    """Log p(x | z) at the mean of q, (B,)."""
    squares = (x - bias - mean @ weight.T).square().sum(dim=1) / noise_var
    return -0.5 * (squares + x.shape[1] * (_LOG_2_PI + torch.log(noise_var)))


def _spread(weight: Tensor, noise_var: Tensor, log_std: Tensor) -> Tensor:
    """What the spread of q adds to the expected squares, (B,)."""
    return (torch.exp(2 * log_std) @ weight.square().T).sum(dim=1) / noise_var


def _kl(mean: Tensor, log_std: Tensor) -> Tensor:
    return 0.5 * (mean**2 + torch.exp(2 * log_std) - 1 - 2 * log_std).sum(dim=1)


def _elbo(
    x: Tensor, weight: Tensor, bias: Tensor, noise_var: Tensor, mean: Tensor, log_std: Tensor
) -> Tensor:
    spread = _spread(weight, noise_var, log_std)
    return _of_mean(x, weight, bias, noise_var, mean) - 0.5 * spread - _kl(mean, log_std)


def _evidence(x: Tensor, weight: Tensor, bias: Tensor, noise_var: Tensor, *_: Tensor) -> Tensor:
    covariance = weight @ weight.T + noise_var * torch.eye(len(bias))
    law: Any = torch.distributions.MultivariateNormal(bias, covariance)
    evidence: Tensor = law.log_prob(x)
    return evidence


def _plus(more: Callable[..., Tensor]) -> Bound:
    """The bound with something added, which takes the same arguments."""
    return lambda *given: _elbo(*given) + more(*given)


# One row for each mistake: name, what a TA would say, the wrong function.
_WRONG: tuple[tuple[str, str, Bound], ...] = (
    (
        "spread-forgotten",
        "The expectation of a square is more than the square of the expectation.",
        _plus(lambda *given: 0.5 * _spread(given[1], given[3], given[5])),
    ),
    (
        "kl-added",
        "Should a q far from the prior be rewarded? Follow the sign into the bound.",
        _plus(lambda *given: 2 * _kl(*given[-2:])),
    ),
    (
        "kl-dropped",
        "Your bound does not pay for what q tells.",
        _plus(lambda *given: _kl(*given[-2:])),
    ),
    (
        "kl-without-half",
        "Right up to a constant factor in one term: work out one case by hand.",
        _plus(lambda *given: -_kl(*given[-2:])),
    ),
    (
        "constant-missing",
        "Does the density that you average integrate to one?",
        _plus(lambda x, *_: 0.5 * x.shape[1] * _LOG_2_PI + torch.zeros(len(x))),
    ),
    (
        "variance-as-std",
        "The noise is given as a variance; one squaring too many has happened to it.",
        lambda x, weight, bias, noise_var, mean, log_std: _elbo(
            x, weight, bias, noise_var**2, mean, log_std
        ),
    ),
    (
        "log-std-as-log-var",
        "The spread of q is a log standard deviation; check what you take it for.",
        lambda x, weight, bias, noise_var, mean, log_std: _elbo(
            x, weight, bias, noise_var, mean, log_std / 2
        ),
    ),
    (
        "bias-forgotten",
        "Where do the observations lie when every latent is zero?",
        lambda x, weight, bias, *rest: _elbo(x, weight, 0 * bias, *rest),
    ),
    (
        "evidence-itself",
        "What you return does not depend on q at all.",
        _evidence,
    ),
    (
        "sign-flipped",
        "A bound that grows as the model explains less: check its sign.",
        lambda *given: -_elbo(*given),
    ),
    (
        "mean-over-batch",
        "One number came back for a whole batch; each observation has its own bound.",
        lambda *given: _elbo(*given).mean(),
    ),
    (
        "mean-over-pixels",
        "How do the log-densities of independent entries combine: is it their average?",
        lambda x, *rest: (_elbo(x, *rest) + _kl(*rest[-2:])) / x.shape[1] - _kl(*rest[-2:]),
    ),
)


def _by_entropy(
    x: Tensor, weight: Tensor, bias: Tensor, noise_var: Tensor, mean: Tensor, log_std: Tensor
) -> Tensor:
    var = torch.exp(2 * log_std)
    joint = _of_mean(x, weight, bias, noise_var, mean) - 0.5 * _spread(weight, noise_var, log_std)
    joint = joint - 0.5 * (mean**2 + var + _LOG_2_PI).sum(dim=1)
    return joint + (0.5 * (_LOG_2_PI + 1) + log_std).sum(dim=1)


def _one_by_one(
    x: Tensor, weight: Tensor, bias: Tensor, noise_var: Tensor, mean: Tensor, log_std: Tensor
) -> Tensor:
    bounds = []
    for image, centre, spread in zip(x, mean, log_std.exp(), strict=True):
        squares = ((image - bias - weight @ centre) ** 2).sum()
        trace = torch.trace(weight @ torch.diag(spread**2) @ weight.T)
        constant = len(image) * torch.log(2 * math.pi * noise_var)
        kl = kl_divergence(Normal(centre, spread), Normal(0.0, 1.0)).sum()
        bounds.append(-0.5 * ((squares + trace) / noise_var + constant) - kl)
    return torch.stack(bounds)


_RIGHT: tuple[tuple[str, Bound], ...] = (
    ("likelihood-less-kl", _elbo),
    ("joint-plus-entropy", _by_entropy),
    ("one-by-one", _one_by_one),
)

MISTAKES = tuple(
    Mistake(
        f"bound/{name}",
        "linear_gaussian_elbo",
        says,
        code,
        ("gap_is_the_divergence_from_the_posterior",),
    )
    for name, says, code in _WRONG
)

VARIANTS = tuple(Variant(f"bound/{name}", "linear_gaussian_elbo", code) for name, code in _RIGHT)
