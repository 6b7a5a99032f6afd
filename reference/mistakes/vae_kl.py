"""KL divergences as students get them wrong, and as they get them right."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from reference.mistakes.catalogue import Mistake, Variant

Kl = Callable[[Tensor, Tensor], Tensor]


def _per_dimension(mean: Tensor, log_std: Tensor) -> Tensor:
    return 0.5 * (mean**2 + torch.exp(2 * log_std) - 1 - 2 * log_std)


def _log_std_as_std(mean: Tensor, log_std: Tensor) -> Tensor:
    return 0.5 * (mean**2 + log_std**2 - 1 - torch.log(log_std**2)).sum(dim=-1)


def _swapped(mean: Tensor, log_std: Tensor) -> Tensor:
    var = torch.exp(2 * log_std)
    return 0.5 * ((1 + mean**2) / var - 1 + 2 * log_std).sum(dim=-1)


def _prior_with_log_var_one(mean: Tensor, log_std: Tensor) -> Tensor:
    second_moment = mean**2 + torch.exp(2 * log_std)
    return 0.5 * (second_moment / torch.e - 2 * log_std).sum(dim=-1)


def _all_terms_added(mean: Tensor, log_std: Tensor) -> Tensor:
    return -0.5 * (mean**2 + torch.exp(2 * log_std) + 2 * log_std + 1).sum(dim=-1)


def _whole_constant(mean: Tensor, log_std: Tensor) -> Tensor:
    terms = mean**2 + torch.exp(2 * log_std) - 2 * log_std
    return 0.5 * terms.sum(dim=-1) - mean.shape[-1]


def _constant_of_the_density(mean: Tensor, log_std: Tensor) -> Tensor:
    # Of a published solution; two of its signs are wrong as well.
    second_moment = mean**2 + torch.exp(2 * log_std)
    constant = 2 * math.log(2 * math.pi) + 1
    return -0.5 * (second_moment + 2 * log_std + constant).sum(dim=-1)


# One row for each mistake: name, what a TA would say, the wrong function.
_WRONG: tuple[tuple[str, str, Kl], ...] = (
    (
        "missing-half",
        "Right up to a constant factor: work out one case by hand and compare.",
        lambda mean, log_std: 2 * _per_dimension(mean, log_std).sum(dim=-1),
    ),
    (
        "log-std-as-log-var",
        "The second argument is a log standard deviation; check what you take it for.",
        lambda mean, log_std: _per_dimension(mean, log_std / 2).sum(dim=-1),
    ),
    (
        "log-scale-doubled-twice",
        "From log_std to log variance there is one conversion; count how often you make it.",
        lambda mean, log_std: _per_dimension(mean, 2 * log_std).sum(dim=-1),
    ),
    (
        "std-for-var",
        "One term wants the variance; look at which power of the standard deviation is there.",
        lambda mean, log_std: 0.5 * (mean**2 + torch.exp(log_std) - 1 - 2 * log_std).sum(dim=-1),
    ),
    (
        "log-std-as-std",
        "Your spread is on the log scale: what has to happen to it before it can be squared?",
        _log_std_as_std,
    ),
    (
        "sign-flipped",
        "A KL divergence is never negative; yours is never positive.",
        lambda mean, log_std: -_per_dimension(mean, log_std).sum(dim=-1),
    ),
    (
        "all-terms-added",
        "What should a KL divergence be when q equals the prior? Check the sign of every term.",
        _all_terms_added,
    ),
    (
        "plus-log-var",
        "Follow the sign of the logarithm through the derivation: which spread is penalised?",
        lambda mean, log_std: 0.5 * (mean**2 + torch.exp(2 * log_std) - 1 + 2 * log_std).sum(-1),
    ),
    (
        "constant-not-halved",
        "What should a KL divergence be when q equals the prior? Check the constant term.",
        _whole_constant,
    ),
    (
        "constant-missing",
        "What should a KL divergence be when q equals the prior? A term is missing.",
        lambda mean, log_std: 0.5 * (mean**2 + torch.exp(2 * log_std) - 2 * log_std).sum(dim=-1),
    ),
    (
        "constant-of-the-density",
        "What should a KL divergence be when q equals the prior? A constant should have cancelled.",
        _constant_of_the_density,
    ),
    (
        "pixels-for-dims",
        "Your constant counts something else than the latent dimensions.",
        lambda mean, log_std: 0.5 * (mean**2 + torch.exp(2 * log_std) - 2 * log_std).sum(-1) - 784,
    ),
    (
        "log-term-not-doubled",
        "Write the logarithm of the variance in terms of log_std once more.",
        lambda mean, log_std: 0.5 * (mean**2 + torch.exp(2 * log_std) - 1 - log_std).sum(dim=-1),
    ),
    (
        "mean-not-squared",
        "Does your KL change when the mean changes its sign? Should it?",
        lambda mean, log_std: 0.5 * (mean + torch.exp(2 * log_std) - 1 - 2 * log_std).sum(dim=-1),
    ),
    (
        "mean-term-missing",
        "Moving the mean away from zero costs nothing in your KL.",
        lambda mean, log_std: _per_dimension(0 * mean, log_std).sum(dim=-1),
    ),
    (
        "mean-over-dims",
        "How does the KL of independent dimensions combine: is it their average?",
        lambda mean, log_std: _per_dimension(mean, log_std).mean(dim=-1),
    ),
    (
        "mean-over-batch",
        "One number came back for a whole batch; each element of the batch has its own KL.",
        lambda mean, log_std: _per_dimension(mean, log_std).sum(dim=-1).mean(),
    ),
    (
        "sum-over-batch",
        "One number came back for a whole batch; only the last axis is to be summed.",
        lambda mean, log_std: _per_dimension(mean, log_std).sum(),
    ),
    (
        "sum-over-first-axis",
        "Which axis holds the latent dimensions, and which one the batch?",
        lambda mean, log_std: _per_dimension(mean, log_std).sum(dim=0),
    ),
    (
        "not-reduced",
        "You return one number for each latent dimension; the sheet asks for one per image.",
        _per_dimension,
    ),
    (
        "direction-swapped",
        "KL(q || p) and KL(p || q) differ: under which of the two is the expectation taken?",
        _swapped,
    ),
    (
        "prior-log-var-one",
        "Which log variance does a unit Gaussian have?",
        _prior_with_log_var_one,
    ),
)

_RIGHT: tuple[tuple[str, Kl], ...] = (
    ("definition", lambda mean, log_std: _per_dimension(mean, log_std).sum(dim=-1)),
    (
        "minus-half-of-one-plus",
        lambda mean, log_std: (
            -0.5 * torch.sum(1 + 2 * log_std - mean.pow(2) - (2 * log_std).exp(), dim=-1)
        ),
    ),
    (
        "squared-std",
        lambda mean, log_std: (
            0.5 * (log_std.exp() ** 2 + mean**2 - 1 - torch.log(log_std.exp() ** 2)).sum(dim=-1)
        ),
    ),
    (
        "term-by-term",
        lambda mean, log_std: (
            0.5 * (mean**2).sum(-1)
            + 0.5 * torch.exp(2 * log_std).sum(-1)
            - log_std.sum(-1)
            - 0.5 * mean.shape[-1]
        ),
    ),
    (
        "torch-distributions",
        lambda mean, log_std: kl_divergence(
            Normal(mean, log_std.exp()), Normal(torch.zeros_like(mean), torch.ones_like(mean))
        ).sum(dim=-1),
    ),
    (
        "row-by-row",
        lambda mean, log_std: torch.stack(
            [
                sum((0.5 * (m**2 + (2 * s).exp() - 1) - s for m, s in zip(*row, strict=True)))
                for row in zip(mean.flatten(0, -2), log_std.flatten(0, -2), strict=True)
            ]
        ).reshape(mean.shape[:-1]),
    ),
    (
        "in-double-precision",
        lambda mean, log_std: _per_dimension(mean.double(), log_std.double()).sum(dim=-1),
    ),
    (
        "einsum",
        lambda mean, log_std: (
            0.5 * torch.einsum("...d,...d->...", mean, mean)
            + (0.5 * torch.expm1(2 * log_std) - log_std).sum(dim=-1)
        ),
    ),
)

# The same mistakes on top of another one, so that two at once are recognised.
_AROUND: dict[str, Callable[[Kl], Kl]] = {
    "missing-half": lambda kl: lambda mean, log_std: 2 * kl(mean, log_std),
    "sign-flipped": lambda kl: lambda mean, log_std: -kl(mean, log_std),
    "log-std-as-log-var": lambda kl: lambda mean, log_std: kl(mean, log_std / 2),
    "log-scale-doubled-twice": lambda kl: lambda mean, log_std: kl(mean, 2 * log_std),
    "mean-over-dims": lambda kl: lambda mean, log_std: kl(mean, log_std) / mean.shape[-1],
    "mean-over-batch": lambda kl: lambda mean, log_std: kl(mean, log_std).mean(),
    "sum-over-batch": lambda kl: lambda mean, log_std: kl(mean, log_std).sum(),
}

MISTAKES = tuple(
    Mistake(
        id=f"kl/{name}",
        function="KLD",
        says=says,
        code=code,
        killed_by=("kl_is_the_expected_log_ratio",),
        around=_AROUND.get(name),
    )
    for name, says, code in _WRONG
)

VARIANTS = tuple(Variant(f"kl/{name}", "KLD", code) for name, code in _RIGHT)
