"""Densities that take a variance as students get them wrong, and as they get them right."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal, kl_divergence

from reference.mistakes.catalogue import Mistake, Variant

Of = Callable[..., Tensor]
_LOG_2_PI = math.log(2 * math.pi)


def _log_prob(law: Any, value: Tensor) -> Tensor:
    found: Tensor = law.log_prob(value)
    return found


def terms(x: Tensor, m: Tensor, v: Tensor) -> Tensor:
    """Log N(x; m, v), element by element."""
    return -0.5 * (_LOG_2_PI + v.log() + (x - m) ** 2 / v)


def log_mean_exp(values: Tensor, dim: int) -> Tensor:
    """Logarithm of the mean of exponentials."""
    return torch.logsumexp(values, dim=dim) - math.log(values.shape[dim])


_WRONG_NORMAL: tuple[tuple[str, str, Of], ...] = (
    (
        "var-as-std",
        "Your third argument is a variance; one squaring too many has happened to it.",
        lambda x, m, v: terms(x, m, v**2).sum(-1),
    ),
    (
        "std-for-var",
        "Your third argument is a variance; nothing wants its square root here.",
        lambda x, m, v: terms(x, m, v.sqrt()).sum(-1),
    ),
    (
        "log-term-not-halved",
        "The density is divided by the standard deviation, not by the variance.",
        lambda x, m, v: (terms(x, m, v) - 0.5 * v.log()).sum(-1),
    ),
    (
        "constant-missing",
        "Does your density integrate to one?",
        lambda x, m, v: (terms(x, m, v) + 0.5 * _LOG_2_PI).sum(-1),
    ),
    (
        "sign-flipped",
        "Your density grows with the distance from the mean.",
        lambda x, m, v: -terms(x, m, v).sum(-1),
    ),
    (
        "mean-over-dims",
        "How do the densities of independent dimensions combine: is it their average?",
        lambda x, m, v: terms(x, m, v).mean(-1),
    ),
    (
        "summed-over-everything",
        "Every axis but the last one is a batch, and keeps its own numbers.",
        lambda x, m, v: terms(x, m, v).sum(),
    ),
    (
        "second-axis-summed",
        "Which axis holds the dimensions where there are several axes of batches?",
        lambda x, m, v: terms(x, m, v).sum(1),
    ),
    ("not-reduced", "The last axis is to be summed.", terms),
)

_RIGHT_NORMAL: tuple[tuple[str, Of], ...] = (
    ("definition", lambda x, m, v: terms(x, m, v).sum(-1)),
    ("distribution", lambda x, m, v: _log_prob(Normal(m, v.sqrt()), x).sum(-1)),
    (
        "terms-apart",
        lambda x, m, v: (
            -0.5 * x.size(-1) * _LOG_2_PI
            - 0.5 * torch.sum(torch.log(v), dim=-1)
            - 0.5 * torch.sum((x - m).pow(2) / v, dim=-1)
        ),
    ),
    (
        "of-the-whole-density",
        lambda x, m, v: torch.sum(
            -torch.log(torch.sqrt(2 * math.pi * v)) - (x - m) ** 2 / (2 * v), dim=-1
        ),
    ),
)


def _components(z: Tensor, m: Tensor, v: Tensor) -> Tensor:
    return terms(z.unsqueeze(1), m, v).sum(-1)  # (B, K)


_WRONG_MIXTURE: tuple[tuple[str, str, Of], ...] = (
    (
        "mean-of-logs",
        "Is the logarithm of an average the average of the logarithms?",
        lambda z, m, v: _components(z, m, v).mean(dim=1),
    ),
    (
        "weights-missing",
        "Does your density integrate to one, however many components there are?",
        lambda z, m, v: torch.logsumexp(_components(z, m, v), dim=1),
    ),
    (
        "underflow",
        "Far from every component a density is no float: stay in logarithms.",
        lambda z, m, v: _components(z, m, v).exp().mean(dim=1).log(),
    ),
    (
        "mixture-of-each-dimension",
        "All dimensions of a point come from one component.",
        lambda z, m, v: log_mean_exp(terms(z.unsqueeze(1), m, v), dim=1).sum(-1),
    ),
    (
        "nearest-component",
        "You keep one component only: what do the others add?",
        lambda z, m, v: _components(z, m, v).max(dim=1).values - math.log(m.shape[1]),
    ),
    (
        "mean-over-batch",
        "One number came back for a whole batch; each point has its own.",
        lambda z, m, v: log_mean_exp(_components(z, m, v), dim=1).mean(),
    ),
    (
        "over-the-batch",
        "Which axis holds the components, and which one the batch?",
        lambda z, m, v: log_mean_exp(_components(z, m, v), dim=0),
    ),
)


def _of_torch(z: Tensor, m: Tensor, v: Tensor) -> Tensor:
    weights = Categorical(torch.ones(m.shape[:2]))
    return _log_prob(MixtureSameFamily(weights, Independent(Normal(m, v.sqrt()), 1)), z)


def _in_a_loop(z: Tensor, m: Tensor, v: Tensor) -> Tensor:
    parts = [terms(z, m[:, k], v[:, k]).sum(-1) for k in range(m.size(1))]
    return torch.logsumexp(torch.stack(parts), dim=0) - math.log(m.size(1))


_RIGHT_MIXTURE: tuple[tuple[str, Of], ...] = (
    ("log-mean-exp", lambda z, m, v: log_mean_exp(_components(z, m, v), dim=1)),
    ("of-torch", _of_torch),
    ("in-a-loop", _in_a_loop),
    (
        "weights-as-logs",
        lambda z, m, v: torch.logsumexp(
            _components(z.expand(z.shape), m, v) + torch.log(torch.tensor(1 / m.shape[1])), dim=-1
        ),
    ),
)


def _kl_terms(qm: Tensor, qv: Tensor, pm: Tensor, pv: Tensor) -> Tensor:
    return 0.5 * (pv.log() - qv.log() + qv / pv + (qm - pm) ** 2 / pv - 1)


_WRONG_KL: tuple[tuple[str, str, Of], ...] = (
    (
        "direction-swapped",
        "KL(q || p) and KL(p || q) differ: under which of the two is the expectation taken?",
        lambda qm, qv, pm, pv: _kl_terms(pm, pv, qm, qv).sum(-1),
    ),
    (
        "var-as-std",
        "The arguments are variances; one squaring too many has happened to them.",
        lambda qm, qv, pm, pv: _kl_terms(qm, qv**2, pm, pv**2).sum(-1),
    ),
    (
        "missing-half",
        "Right up to a constant factor: work out one case by hand and compare.",
        lambda *four: 2 * _kl_terms(*four).sum(-1),
    ),
    (
        "mean-over-dims",
        "How does the KL of independent dimensions combine: is it their average?",
        lambda *four: _kl_terms(*four).mean(-1),
    ),
    (
        "summed-over-everything",
        "Every axis but the last one is a batch, and keeps its own numbers.",
        lambda *four: _kl_terms(*four).sum(),
    ),
)

_RIGHT_KL: tuple[tuple[str, Of], ...] = (
    ("definition", lambda *four: _kl_terms(*four).sum(-1)),
    (
        "distributions",
        lambda qm, qv, pm, pv: kl_divergence(Normal(qm, qv.sqrt()), Normal(pm, pv.sqrt())).sum(-1),
    ),
    (
        "ratio",
        lambda qm, qv, pm, pv: torch.sum(
            0.5 * (torch.log(pv / qv) - 1) + (qv + (qm - pm).pow(2)) / (2 * pv), dim=-1
        ),
    ),
)

_GROUPS = (
    ("log-normal", "log_normal", "normal_density_is_summed_over_the_last_axis", _WRONG_NORMAL),
    ("mixture", "log_normal_mixture", "mixture_averages_densities", _WRONG_MIXTURE),
    ("kl-normal", "kl_normal", "kl_of_variances_is_the_expected_log_ratio", _WRONG_KL),
)

MISTAKES = tuple(
    Mistake(f"{group}/{name}", function, says, code, (check,))
    for group, function, check, rows in _GROUPS
    for name, says, code in rows
)

VARIANTS = (
    *(Variant(f"log-normal/{name}", "log_normal", code) for name, code in _RIGHT_NORMAL),
    *(Variant(f"mixture/{name}", "log_normal_mixture", code) for name, code in _RIGHT_MIXTURE),
    *(Variant(f"kl-normal/{name}", "kl_normal", code) for name, code in _RIGHT_KL),
)
