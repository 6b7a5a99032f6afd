from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from grader.checks.quadrature import gaussian_expectation, log_expectation
from grader.errors import AssignmentError


def log_ratio(z: np.ndarray, mean: np.ndarray, log_std: np.ndarray) -> tuple[np.ndarray, ...]:
    eps = (z - mean) / np.exp(log_std)
    return -0.5 * eps**2, -log_std, 0.5 * z**2


@pytest.mark.parametrize("nodes", [2, 5, 16])
def test_the_kl_of_a_gaussian_is_exact_from_two_nodes_on(nodes: int) -> None:
    mean, log_std = np.array([[0.5, -2.0, 3.0]]), np.array([[0.25, -1.0, 1.0]])
    found = gaussian_expectation(log_ratio, mean, log_std, nodes=nodes)
    closed = 0.5 * (mean**2 + np.exp(2 * log_std) - 1 - 2 * log_std).sum(-1)
    np.testing.assert_allclose(found.value, closed, rtol=1e-13)
    assert found.value.shape == (1,)


@pytest.mark.parametrize("nodes", [2, 16, 23, 64])
def test_the_variance_of_the_rule_is_one_to_two_roundings(nodes: int) -> None:
    found = gaussian_expectation(lambda z, *_: (z**2,), np.zeros(1), np.zeros(1), nodes=nodes)
    assert abs(found.value - 1) <= 2 * 2.0**-53


def test_the_scale_is_the_sum_of_absolute_terms() -> None:
    mean, log_std = np.array([2.0, -1.0]), np.array([-1.0, 0.5])
    found = gaussian_expectation(log_ratio, mean, log_std)
    terms = 0.5 + np.abs(log_std) + 0.5 * (mean**2 + np.exp(2 * log_std))
    assert found.scale == pytest.approx(terms.sum(), rel=1e-12)


@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (1.5, 0.5), (-1.0, 1.2)])
def test_a_smooth_integrand_agrees_with_adaptive_integration(mean: float, std: float) -> None:
    found = gaussian_expectation(
        lambda z, _mean, _log_std: (np.cos(z),), np.array([mean]), np.log([std]), nodes=40
    )
    law = stats.norm(mean, std)
    adaptive, _ = integrate.quad(lambda z: np.cos(z) * law.pdf(z), mean - 12 * std, mean + 12 * std)
    assert found.value == pytest.approx(adaptive, abs=1e-12)


def test_an_integrand_with_a_kink_is_refused() -> None:
    with pytest.raises(AssignmentError, match="integration error"):
        gaussian_expectation(lambda z, *_: (np.abs(z),), np.zeros(1), np.zeros(1))


@pytest.mark.parametrize("dim", [1, 2])
def test_the_evidence_of_a_linear_gaussian_model_is_found(dim: int) -> None:
    # z ~ N(0, I), x | z ~ N(z, 1): x ~ N(0, 2 I).
    x = np.linspace(-2, 2, 3 * dim).reshape(3, dim)

    def log_likelihood(z: np.ndarray) -> np.ndarray:
        return stats.norm.logpdf(x, loc=z[:, np.newaxis, :]).sum(-1)

    found = log_expectation(log_likelihood, dim)
    closed = stats.norm.logpdf(x, scale=np.sqrt(2)).sum(-1)
    np.testing.assert_allclose(found.value, closed, rtol=1e-10)


def test_an_integrand_too_narrow_for_the_nodes_is_refused() -> None:
    with pytest.raises(AssignmentError, match="more nodes"):
        log_expectation(lambda z: -0.5 * (z[:, 0] - 0.3) ** 2 / 1e-4, 1, nodes=16)


def test_three_dimensions_are_refused() -> None:
    with pytest.raises(AssignmentError, match="dim = 3"):
        log_expectation(lambda z: z.sum(-1), 3)
