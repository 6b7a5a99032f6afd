"""What students get wrong, and honest ways of being right: `grader audit` tries both."""

from __future__ import annotations

import torch

from reference.mistakes.catalogue import Mistake, Variant

FUNCTION = "log_mean_exp"


def _from_logsumexp(values: torch.Tensor) -> torch.Tensor:
    return torch.logsumexp(values, dim=-1) - torch.log(torch.tensor(float(values.shape[-1])))


def _around_the_largest(values: torch.Tensor) -> torch.Tensor:
    largest = values.max(dim=-1, keepdim=True).values
    return (values - largest).exp().mean(dim=-1).log() + largest.squeeze(-1)


def _mean_of_logs(values: torch.Tensor) -> torch.Tensor:
    return values.mean(dim=-1)


def _overflows(values: torch.Tensor) -> torch.Tensor:
    return values.exp().mean(dim=-1).log()


VARIANTS = (
    Variant("log-mean-exp/logsumexp", FUNCTION, _from_logsumexp),
    Variant("log-mean-exp/around-the-largest", FUNCTION, _around_the_largest),
)

MISTAKES = (
    Mistake(
        "log-mean-exp/mean-of-logs",
        FUNCTION,
        "The logarithm comes last: see what you take the mean of.",
        _mean_of_logs,
        killed_by=("is_the_log_of_the_mean",),
    ),
    Mistake(
        "log-mean-exp/overflows",
        FUNCTION,
        "Right on paper. What is the exponential of a hundred in single precision?",
        _overflows,
        killed_by=("stays_finite",),
    ),
)
