"""KL of diagonal Gaussians from log variances, in closed form and by sampling, wrong and right.

All arguments are (B, D) and give one number for each row.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from reference.mistakes.catalogue import Mistake, Variant

Kl = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
Estimate = Callable[..., Tensor]


def _terms(mu_q: Tensor, logvar_q: Tensor, mu_p: Tensor, logvar_p: Tensor) -> Tensor:
    scaled = (torch.exp(logvar_q) + (mu_q - mu_p) ** 2) * torch.exp(-logvar_p)
    return 0.5 * (logvar_p - logvar_q + scaled - 1)


_WRONG: tuple[tuple[str, str, Kl], ...] = (
    (
        "missing-half",
        "Right up to a constant factor: work out one case by hand and compare.",
        lambda *four: 2 * _terms(*four).sum(dim=1),
    ),
    (
        "direction-swapped",
        "KL(q || p) and KL(p || q) differ: under which of the two is the expectation taken?",
        lambda mu_q, logvar_q, mu_p, logvar_p: _terms(mu_p, logvar_p, mu_q, logvar_q).sum(dim=1),
    ),
    (
        "logvar-as-log-std",
        "Your arguments are logarithms of variances; check what you take them for.",
        lambda mu_q, logvar_q, mu_p, logvar_p: _terms(mu_q, 2 * logvar_q, mu_p, 2 * logvar_p).sum(
            1
        ),
    ),
    (
        "std-for-var",
        "Which power of the standard deviations does the ratio of spreads want?",
        lambda mu_q, logvar_q, mu_p, logvar_p: (
            0.5
            * (
                logvar_p
                - logvar_q
                + (torch.exp(logvar_q / 2) + (mu_q - mu_p) ** 2) * torch.exp(-logvar_p / 2)
                - 1
            )
        ).sum(dim=1),
    ),
    (
        "log-ratio-inverted",
        "Follow the sign of the logarithm: which variance stands above the other?",
        lambda mu_q, logvar_q, mu_p, logvar_p: (
            _terms(mu_q, logvar_q, mu_p, logvar_p) + logvar_q - logvar_p
        ).sum(dim=1),
    ),
    (
        "log-term-not-halved",
        "The logarithm came from standard deviations; express it in variances.",
        lambda mu_q, logvar_q, mu_p, logvar_p: (
            _terms(mu_q, logvar_q, mu_p, logvar_p) + 0.5 * (logvar_p - logvar_q)
        ).sum(dim=1),
    ),
    (
        "constant-missing",
        "What should the KL of a distribution from itself be?",
        lambda *four: (_terms(*four) + 0.5).sum(dim=1),
    ),
    (
        "constant-once",
        "What should the KL of a distribution from itself be, in more than one dimension?",
        lambda *four: (_terms(*four) + 0.5).sum(dim=1) - 0.5,
    ),
    (
        "means-not-scaled",
        "How far apart two means are is measured in units of which spread?",
        lambda mu_q, logvar_q, mu_p, logvar_p: (
            0.5 * (logvar_p - logvar_q + torch.exp(logvar_q - logvar_p) + (mu_q - mu_p) ** 2 - 1)
        ).sum(dim=1),
    ),
    (
        "prior-forgotten",
        "Your KL does not depend on p: it is not the unit Gaussian here.",
        lambda mu_q, logvar_q, mu_p, _: _terms(
            mu_q, logvar_q, torch.zeros_like(mu_p), torch.zeros_like(mu_p)
        ).sum(dim=1),
    ),
    (
        "sign-flipped",
        "A KL divergence is never negative; yours is never positive.",
        lambda *four: -_terms(*four).sum(dim=1),
    ),
    (
        "mean-over-dims",
        "How does the KL of independent dimensions combine: is it their average?",
        lambda *four: _terms(*four).mean(dim=1),
    ),
    (
        "summed-over-batch",
        "One number came back for a whole batch; each row has its own KL.",
        lambda *four: _terms(*four).sum(),
    ),
    ("not-reduced", "One number for each row is asked for, not for each dimension.", _terms),
)


def _as_multivariate(mu_q: Tensor, logvar_q: Tensor, mu_p: Tensor, logvar_p: Tensor) -> Tensor:
    ratio = logvar_q.exp() / logvar_p.exp()
    log_dets = logvar_p.sum(1) - logvar_q.sum(1)
    distance = ((mu_p - mu_q) ** 2 / logvar_p.exp()).sum(1)
    return 0.5 * (log_dets - mu_q.size(1) + ratio.sum(1) + distance)


_RIGHT: tuple[tuple[str, Kl], ...] = (
    ("definition", lambda *four: _terms(*four).sum(dim=1)),
    ("multivariate", _as_multivariate),
    (
        "distributions",
        lambda mu_q, logvar_q, mu_p, logvar_p: kl_divergence(
            Normal(mu_q, torch.exp(0.5 * logvar_q)), Normal(mu_p, torch.exp(0.5 * logvar_p))
        ).sum(dim=-1),
    ),
    (
        "standard-deviations",
        lambda mu_q, logvar_q, mu_p, logvar_p: (
            torch.log(torch.exp(logvar_p / 2) / torch.exp(logvar_q / 2))
            + (logvar_q.exp() + (mu_q - mu_p).pow(2)) / (2 * logvar_p.exp())
            - 0.5
        ).sum(1),
    ),
)


def _log_normal(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    constant = math.log(2 * math.pi)
    return -0.5 * (constant + logvar + (z - mu) ** 2 / logvar.exp()).sum(dim=-1)


def _estimate(
    draw: Callable[..., Tensor],
    ratio: Callable[[Tensor, Tensor], Tensor] = lambda log_q, log_p: log_q - log_p,
    over: Callable[[Tensor], Tensor] = lambda ratios: ratios.mean(dim=1),
) -> Estimate:
    """An estimate from draws (B, K, D), a log-ratio of densities (B, K) and an average."""

    def kl_gaussian_gaussian_mc(
        mu_q: Tensor, logvar_q: Tensor, mu_p: Tensor, logvar_p: Tensor, num_samples: int = 1
    ) -> Tensor:
        four = [
            part[:, None].expand(-1, num_samples, -1) for part in (mu_q, logvar_q, mu_p, logvar_p)
        ]
        z = draw(*four)
        return over(ratio(_log_normal(z, four[0], four[1]), _log_normal(z, four[2], four[3])))

    return kl_gaussian_gaussian_mc


def _of_q(mu_q: Tensor, logvar_q: Tensor, *_: Tensor) -> Tensor:
    return mu_q + torch.exp(0.5 * logvar_q) * torch.randn_like(mu_q)


_LAW, _ROWS = ("estimates_follow_their_law",), ("every_row_has_its_own_estimate",)
_WRONG_ESTIMATES: tuple[tuple[str, str, Estimate, tuple[str, ...]], ...] = (
    (
        "analytic",
        "Your estimate does not vary: it is asked for from samples.",
        lambda *five: _terms(*five[:4]).sum(dim=1),
        _LAW,
    ),
    (
        "no-noise",
        "Your estimate does not vary: where is the sampling?",
        _estimate(lambda mu_q, *_: mu_q),
        _LAW,
    ),
    (
        "one-sample-only",
        "Your estimate does not become steadier with more samples.",
        lambda *five: _estimate(_of_q)(*five[:4], 1),
        _LAW,
    ),
    (
        "samples-of-p",
        "From which of the two distributions does the expectation want its samples?",
        _estimate(lambda *four: _of_q(*four[2:])),
        _LAW,
    ),
    (
        "samples-with-variance-as-std",
        "The spread of your samples is not that of q.",
        _estimate(lambda mu_q, logvar_q, *_: mu_q + logvar_q.exp() * torch.randn_like(mu_q)),
        _LAW,
    ),
    (
        "uniform-noise",
        "Your noise is never negative: which distribution does q have?",
        _estimate(lambda mu_q, logvar_q, *_: mu_q + (logvar_q / 2).exp() * torch.rand_like(mu_q)),
        _LAW,
    ),
    (
        "noise-shared-over-dims",
        "All dimensions of a sample were moved by the very same noise.",
        _estimate(
            lambda mu_q, logvar_q, *_: (
                mu_q + (logvar_q / 2).exp() * torch.randn(*mu_q.shape[:-1], 1)
            )
        ),
        _LAW,
    ),
    (
        "ratio-inverted",
        "Which of the two log-densities is subtracted from the other?",
        _estimate(_of_q, ratio=lambda log_q, log_p: log_p - log_q),
        _LAW,
    ),
    (
        "log-q-only",
        "The expectation of one log-density alone is no divergence.",
        _estimate(_of_q, ratio=lambda log_q, _: log_q),
        _LAW,
    ),
    (
        "sum-over-samples",
        "Your estimate grows with the number of samples.",
        _estimate(_of_q, over=lambda ratios: ratios.sum(dim=1)),
        _LAW,
    ),
    (
        "mean-over-batch",
        "One number came back for a whole batch; each row has its own KL.",
        _estimate(_of_q, over=lambda ratios: ratios.mean()),
        _ROWS,
    ),
    (
        "not-averaged",
        "One number for each row is asked for, not for each sample.",
        _estimate(_of_q, over=lambda ratios: ratios),
        _ROWS,
    ),
    (
        "averaged-over-rows",
        "Which axis holds the samples, and which one the batch?",
        _estimate(_of_q, over=lambda ratios: ratios.mean(dim=0)),
        _ROWS,
    ),
)


def _in_a_loop(
    mu_q: Tensor, logvar_q: Tensor, mu_p: Tensor, logvar_p: Tensor, num_samples: int = 1
) -> Tensor:
    total = torch.zeros(len(mu_q))
    for _ in range(num_samples):
        z = _of_q(mu_q, logvar_q)
        total += _log_normal(z, mu_q, logvar_q) - _log_normal(z, mu_p, logvar_p)
    return total / num_samples


def _noise_for_all_rows(
    mu_q: Tensor, logvar_q: Tensor, mu_p: Tensor, logvar_p: Tensor, num_samples: int = 1
) -> Tensor:
    q: Any
    p: Any
    q, p = Normal(mu_q, (logvar_q / 2).exp()), Normal(mu_p, (logvar_p / 2).exp())
    z = mu_q + (logvar_q / 2).exp() * torch.randn(num_samples, 1, mu_q.shape[1])
    ratios: Tensor = (q.log_prob(z) - p.log_prob(z)).sum(dim=-1)
    return ratios.mean(dim=0)


_RIGHT_ESTIMATES: tuple[tuple[str, Estimate], ...] = (
    ("expanded", _estimate(_of_q)),
    ("in-a-loop", _in_a_loop),
    ("noise-for-all-rows", _noise_for_all_rows),
    ("drawn-by-torch", _estimate(lambda mu, logvar, *_: torch.normal(mu, (0.5 * logvar).exp()))),
)

MISTAKES = (
    *(
        Mistake(f"kl-analytic/{name}", "kl_gaussian_gaussian_analytic", says, code, killed)
        for killed in [("kl_is_the_expected_log_ratio_of_two",)]
        for name, says, code in _WRONG
    ),
    *(
        Mistake(f"kl-mc/{name}", "kl_gaussian_gaussian_mc", says, code, killed)
        for name, says, code, killed in _WRONG_ESTIMATES
    ),
)

VARIANTS = (
    *(Variant(f"kl-analytic/{n}", "kl_gaussian_gaussian_analytic", code) for n, code in _RIGHT),
    *(Variant(f"kl-mc/{n}", "kl_gaussian_gaussian_mc", code) for n, code in _RIGHT_ESTIMATES),
)
