"""What the checks of ddpm compare with, against closed forms, the paper and torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from assignments.ddpm.definitions import (
    batches,
    chain,
    gaussian_pairs,
    kl_of_pair,
    kl_to_prior,
    schedules,
)
from assignments.ddpm.known_model import KnownModel
from assignments.ddpm.posteriors import bayes, predicted_mean
from grader.checks.expected import ROUNDINGS
from reference import ddpm_reverse


@pytest.mark.parametrize("betas", schedules(), ids=len)
def test_the_composed_chain_keeps_unit_variance(betas: np.ndarray[Any, Any]) -> None:
    signal, variance = chain(betas)
    assert signal**2 == pytest.approx(np.cumprod(1 - betas.astype(np.float64)))
    assert signal**2 + variance == pytest.approx(np.ones(len(betas)))


def test_signal_left_is_the_same_number_in_every_precision() -> None:
    for betas, batch in zip(schedules(), batches()[::3], strict=True):
        assert np.array_equal(batch.left, np.cumprod(1 - betas.astype(np.float64)))


def test_bayes_on_a_grid_is_the_product_of_two_gaussians() -> None:
    x0, x_t = np.asarray([[1.5], [-1.0]]), np.asarray([[0.25], [2.0]])
    mean, variance = bayes(x0, x_t, np.asarray([2, 1]), np.asarray([0.25, 0.5]))
    # At t = 2: prior N(sqrt(3/4) x_0, 1/4), likelihood of x_1 in x_2 ~ N(sqrt(1/2) x_1, 1/2).
    precision = 4 + 1
    centre = (4 * np.sqrt(0.75) * 1.5 + np.sqrt(0.5) * 0.25 / 0.5) / precision
    assert variance.value.ravel() == pytest.approx([1 / precision, 0], abs=1e-12)
    assert mean.value.ravel() == pytest.approx([centre, -1.0], abs=1e-12)


def test_mean_by_bayes_is_that_of_the_paper() -> None:
    batch = batches()[-1]
    given = (batch.x_t, batch.noise, batch.t, batch.betas)
    wide = (torch.from_numpy(part) for part in given)
    right = ddpm_reverse.mean_from_noise(*wide).numpy()
    assert predicted_mean(*given).value == pytest.approx(right, abs=1e-4)


def test_kl_to_the_prior_is_the_closed_form() -> None:
    x0 = np.asarray([[2.0, -1.0]], np.float32)
    left, size, squares = 0.75, 2, 5.0
    closed = (left * squares - size * left - size * np.log(1 - left)) / 2
    assert kl_to_prior(x0, np.asarray([0.25], np.float32)).value == pytest.approx([closed])


def test_kl_of_pairs_is_that_of_torch() -> None:
    from torch.distributions import MultivariateNormal, kl_divergence

    for pair in gaussian_pairs():
        mean_a, cov_a, mean_b, cov_b = (torch.from_numpy(part).double() for part in pair)
        laws = MultivariateNormal(mean_a, cov_a), MultivariateNormal(mean_b, cov_b)
        assert kl_of_pair(*pair).value == pytest.approx(kl_divergence(*laws).numpy(), abs=1e-12)


def test_the_known_model_refuses_another_t() -> None:
    with pytest.raises(ValueError, match="for 2 examples"):
        KnownModel()(np.zeros((2, 3)), np.ones(3))


def test_tolerance_in_float32_stays_below_a_thousandth() -> None:
    for batch in batches():
        mean, _ = bayes(batch.x0, batch.x_t, batch.t, batch.betas)
        size = np.abs(batch.x0) + np.abs(batch.x_t)
        assert np.all(mean.tolerance(np.dtype(np.float32)) <= 1e-3 * size)
        assert np.all(mean.tolerance(np.dtype(np.float32)) >= ROUNDINGS * 2**-24 * size)
