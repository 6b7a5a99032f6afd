"""Ways in which students write the functions of variational diffusion."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from grader.checks.verdict import Outcome
from reference import vdm
from tests.assignments.test_vdm import checks_of, judged


def ratio_in_a_list(alphas_cumprod: Tensor) -> list[float]:
    return [left / (1 - left) for left in alphas_cumprod.tolist()]


def ratio_by_the_logit(alphas_cumprod: Tensor) -> Tensor:
    return torch.logit(alphas_cumprod).exp()


def weights_in_a_list_of_tensors(alphas_cumprod: Tensor) -> list[Tensor]:
    ratio = vdm.snr(alphas_cumprod)
    return [(ratio[t - 2] - ratio[t - 1]) / 2 for t in range(2, len(ratio) + 1)]


def weights_by_a_loop(betas: Tensor) -> list[float]:
    left, found = 1.0, []
    for index, beta in enumerate(betas.tolist()):
        before, left = left, left * (1 - beta)
        if index > 0:
            variance = beta * (1 - before) / (1 - left)
            found.append((math.sqrt(before) * beta / (1 - left)) ** 2 / (2 * variance))
    return found


def ratios_one_by_one(x0: Tensor, t: Tensor, alphas_cumprod: Tensor) -> list[Tensor]:
    return [
        vdm.snr(alphas_cumprod)[step - 1] * (image**2).mean()
        for image, step in zip(x0, t, strict=True)
    ]


def trace_by_eigenvalues(mean: Tensor, cov: Tensor) -> Tensor:
    return torch.linalg.vector_norm(mean, dim=-1) ** 2 / torch.linalg.eigvalsh(cov).sum(dim=-1)


def ratio_in_arrays(mean: Tensor, cov: Tensor) -> Any:
    return np.einsum("...i,...i", mean, mean) / np.trace(cov, axis1=-2, axis2=-1)


def density_of_torch(x0: Tensor, predicted_x0: Tensor, variance: float) -> Tensor:
    spread = torch.full_like(x0, variance)
    loss = F.gaussian_nll_loss(predicted_x0, x0, spread, full=True, reduction="none", eps=1e-12)
    return -loss.flatten(1).sum(dim=1)


class Terms(NamedTuple):
    reconstruction: Tensor
    prior: Tensor
    consistency: Tensor


def terms_by_name(*given: Any) -> Terms:
    return Terms(*vdm.bound_terms(*given))


RIGHT: list[tuple[str, Callable[..., Any]]] = [
    ("snr", ratio_in_a_list),
    ("snr", ratio_by_the_logit),
    ("x0_loss_weights_from_snr", weights_in_a_list_of_tensors),
    ("x0_loss_weights", weights_by_a_loop),
    ("image_signal_to_noise", ratios_one_by_one),
    ("signal_to_noise", trace_by_eigenvalues),
    ("signal_to_noise", ratio_in_arrays),
    ("reconstruction_term", density_of_torch),
    ("bound_terms", terms_by_name),
]


@pytest.mark.parametrize(
    ("function", "code"), RIGHT, ids=lambda part: getattr(part, "__name__", part)
)
def test_right_ways_of_writing_pass(function: str, code: Callable[..., Any]) -> None:
    for check in checks_of(function):
        verdict = judged(check, {function: code})
        assert verdict.verdict is Outcome.PASSED, verdict.message


def ratio_squared(alphas_cumprod: Tensor) -> Tensor:
    return alphas_cumprod**2 / (1 - alphas_cumprod) ** 2


def mahalanobis(mean: Tensor, cov: Tensor) -> Tensor:
    return (mean[..., None, :] @ torch.linalg.inv(cov) @ mean[..., None])[..., 0, 0]


def constant_once(x0: Tensor, predicted_x0: Tensor, variance: float) -> Tensor:
    error = ((x0 - predicted_x0) ** 2).flatten(1).sum(dim=1)
    return -error / (2 * variance) - 0.5 * math.log(2 * math.pi * variance)


WRONG: list[tuple[str, Callable[..., Any]]] = [
    ("snr", ratio_squared),
    ("signal_to_noise", mahalanobis),
    ("reconstruction_term", constant_once),
]


@pytest.mark.parametrize(
    ("function", "code"), WRONG, ids=lambda part: getattr(part, "__name__", part)
)
def test_fresh_mistakes_fail(function: str, code: Callable[..., Any]) -> None:
    verdicts = [judged(check, {function: code}).verdict for check in checks_of(function)]
    assert Outcome.FAILED in verdicts
