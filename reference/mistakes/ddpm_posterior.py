"""Posterior and Gaussian KL as students get them wrong, and as they get them right."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, kl_divergence

from reference.mistakes.catalogue import Mistake, Variant
from reference.mistakes.ddpm_prediction import Pair, coefficients, entry, left_and_before


def _variance(betas: Tensor) -> Tensor:
    left, before = left_and_before(betas)
    return betas * (1 - before) / (1 - left)


def _combined(x0: Tensor, x_t: Tensor, t: Tensor, weights: Pair) -> Tensor:
    return entry(weights[0], t, x0) * x0 + entry(weights[1], t, x0) * x_t


def _posterior(x0: Tensor, x_t: Tensor, t: Tensor, betas: Tensor) -> Pair:
    mean = _combined(x0, x_t, t, coefficients(betas))
    return mean, entry(_variance(betas), t, x0)


def _late_weights(betas: Tensor) -> Pair:
    left, _ = left_and_before(betas)
    return left.sqrt() * betas / (1 - left), coefficients(betas)[1]


def _printed_weights(betas: Tensor) -> Pair:
    left, before = left_and_before(betas)
    return coefficients(betas)[0], left.sqrt() * (1 - before) / (1 - left)


def _full_kl(
    mean_a: Tensor, cov_a: Tensor, mean_b: Tensor, cov_b: Tensor, log_sign: float = 1.0
) -> Tensor:
    inverse, shift = torch.linalg.inv(cov_b), mean_b - mean_a
    trace = (inverse @ cov_a).diagonal(dim1=-2, dim2=-1).sum(-1)
    distance = (shift.unsqueeze(-2) @ inverse @ shift.unsqueeze(-1)).squeeze((-2, -1))
    logs = torch.logdet(cov_b) - torch.logdet(cov_a)
    divergence: Tensor = 0.5 * (trace + distance - mean_a.shape[-1] + log_sign * logs)
    return divergence


_POSTERIOR = (
    Mistake(
        "posterior-variance/beta",
        "posterior_variance",
        "Knowing x_0 as well leaves less doubt than one step of noise; what has shrunk?",
        lambda betas: betas,
    ),
    Mistake(
        "posterior-variance/ratio-inverted",
        "posterior_variance",
        "Your variance exceeds that of the forward step: can knowing more make you less sure?",
        lambda betas: betas**2 / _variance(betas).clamp(min=1e-12),
    ),
    Mistake(
        "posterior-variance/std",
        "posterior_variance",
        "A variance is asked for, not its root.",
        lambda betas: _variance(betas).sqrt(),
    ),
    Mistake(
        "posterior/coefficients-swapped",
        "posterior",
        "At a small t, which of x_0 and x_t should weigh more?",
        lambda x0, x_t, t, betas: (
            _combined(x_t, x0, t, coefficients(betas)),
            entry(_variance(betas), t, x0),
        ),
    ),
    Mistake(
        "posterior/alpha-bar-for-alpha",
        "posterior",
        "Check the weight of x_t: over how many steps does its root reach back?",
        lambda x0, x_t, t, betas: (
            _combined(x0, x_t, t, _printed_weights(betas)),
            entry(_variance(betas), t, x0),
        ),
    ),
    Mistake(
        "posterior/present-for-previous",
        "posterior",
        "Check the weight of x_0: does it use the timestep that you go to, or come from?",
        lambda x0, x_t, t, betas: (
            _combined(x0, x_t, t, _late_weights(betas)),
            entry(_variance(betas), t, x0),
        ),
    ),
    Mistake(
        "posterior/variance-beta",
        "posterior",
        "The mean is right; knowing x_0 as well, how much doubt is left?",
        lambda x0, x_t, t, betas: (_posterior(x0, x_t, t, betas)[0], entry(betas, t, x0)),
    ),
    Mistake(
        "posterior/one-t-for-the-batch",
        "posterior",
        "Each example brings its own t; yours seem to share one.",
        lambda x0, x_t, t, betas: _posterior(x0, x_t, t[:1].expand_as(t), betas),
    ),
)

_FULL_KL = (
    Mistake(
        "full-kl/missing-half",
        "gaussian_kl_full",
        "Right up to a constant factor: look at the constant in front.",
        lambda mean_a, cov_a, mean_b, cov_b: 2 * _full_kl(mean_a, cov_a, mean_b, cov_b),
    ),
    Mistake(
        "full-kl/direction-swapped",
        "gaussian_kl_full",
        "Under which of the two Gaussians is the expectation taken?",
        lambda mean_a, cov_a, mean_b, cov_b: _full_kl(mean_b, cov_b, mean_a, cov_a),
    ),
    Mistake(
        "full-kl/diagonal-only",
        "gaussian_kl_full",
        "Try two correlated dimensions: does your answer notice?",
        lambda mean_a, cov_a, mean_b, cov_b: _full_kl(
            mean_a,
            torch.diag_embed(cov_a.diagonal(dim1=-2, dim2=-1)),
            mean_b,
            torch.diag_embed(cov_b.diagonal(dim1=-2, dim2=-1)),
        ),
    ),
    Mistake(
        "full-kl/log-ratio-inverted",
        "gaussian_kl_full",
        "Follow the sign of the logarithm: which determinant stands above the other?",
        partial(_full_kl, log_sign=-1.0),
    ),
    Mistake(
        "full-kl/one-for-the-dimension",
        "gaussian_kl_full",
        "Compare a Gaussian of several dimensions with itself: is your answer zero?",
        lambda mean_a, cov_a, mean_b, cov_b: (
            _full_kl(mean_a, cov_a, mean_b, cov_b) + 0.5 * (mean_a.shape[-1] - 1)
        ),
    ),
)

MISTAKES: tuple[Mistake, ...] = _POSTERIOR + _FULL_KL


def _posterior_by_precision(x0: Tensor, x_t: Tensor, t: Tensor, betas: Tensor) -> Pair:
    _, before = left_and_before(betas)
    alpha, beta = entry(1 - betas, t, x0), entry(betas, t, x0)
    spread = entry(1 - before, t, x0)
    total = alpha * spread + beta
    mean = (alpha.sqrt() * spread * x_t + beta * entry(before.sqrt(), t, x0) * x0) / total
    return mean, spread * beta / total


def _posterior_one_by_one(x0: Tensor, x_t: Tensor, t: Tensor, betas: Tensor) -> Pair:
    pairs = [_posterior(x0[i : i + 1], x_t[i : i + 1], t[i : i + 1], betas) for i in range(len(t))]
    means, variances = zip(*pairs, strict=True)
    return torch.cat(means), torch.cat(variances)


def _kl_by_torch(mean_a: Tensor, cov_a: Tensor, mean_b: Tensor, cov_b: Tensor) -> Tensor:
    return kl_divergence(MultivariateNormal(mean_a, cov_a), MultivariateNormal(mean_b, cov_b))


def _kl_by_solving(mean_a: Tensor, cov_a: Tensor, mean_b: Tensor, cov_b: Tensor) -> Tensor:
    shift = (mean_b - mean_a).unsqueeze(-1)
    trace = torch.linalg.solve(cov_b, cov_a).diagonal(dim1=-2, dim2=-1).sum(-1)
    distance = (shift * torch.linalg.solve(cov_b, shift)).sum((-2, -1))
    logs = torch.linalg.slogdet(cov_b)[1] - torch.linalg.slogdet(cov_a)[1]
    divergence: Tensor = (trace + distance - mean_a.shape[-1] + logs) / 2
    return divergence


def _kl_by_inverting_one(mean_a: Tensor, cov_a: Tensor, mean_b: Tensor, cov_b: Tensor) -> Tensor:
    size = mean_a.shape[-1]
    inverse = torch.linalg.solve(cov_b, torch.eye(size).expand_as(cov_b))
    shift = mean_b - mean_a
    trace = torch.einsum("...ij,...ji->...", inverse, cov_a)
    distance = torch.einsum("...i,...ij,...j->...", shift, inverse, shift)
    return 0.5 * (trace + distance - size + torch.logdet(cov_b) - torch.logdet(cov_a))


VARIANTS: tuple[Variant, ...] = (
    Variant("posterior-variance/product", "posterior_variance", _variance),
    Variant(
        "posterior-variance/precisions",
        "posterior_variance",
        lambda betas: 1 / ((1 - betas) / betas + 1 / (1 - left_and_before(betas)[1])),
    ),
    Variant(
        "posterior-variance/ratio-first",
        "posterior_variance",
        lambda betas: (1 - left_and_before(betas)[1]) / (1 - left_and_before(betas)[0]) * betas,
    ),
    Variant("posterior/coefficients", "posterior", _posterior),
    Variant("posterior/precisions", "posterior", _posterior_by_precision),
    Variant("posterior/loop", "posterior", _posterior_one_by_one),
    Variant("full-kl/inverse", "gaussian_kl_full", _full_kl),
    Variant("full-kl/torch", "gaussian_kl_full", _kl_by_torch),
    Variant("full-kl/solve", "gaussian_kl_full", _kl_by_solving),
    Variant("full-kl/identity-solved", "gaussian_kl_full", _kl_by_inverting_one),
)
