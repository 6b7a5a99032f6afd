from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch.distributions import MultivariateNormal, kl_divergence

from reference.distributions import gaussian_log_likelihood
from reference.vae import (
    LinearGaussian,
    elbo,
    elbo_to_bpd,
    importance_weighted_bound,
    log_mean_exp,
    manifold_grid,
    manifold_percentiles,
    monte_carlo_log_likelihood,
    reparameterized_sample,
)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(20)


def normal(generator: torch.Generator, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.fixture
def model(generator: torch.Generator) -> LinearGaussian:
    return LinearGaussian(normal(generator, 5, 2), normal(generator, 5), noise_var=0.7)


def test_a_sample_moves_with_the_mean_and_with_the_noise(generator: torch.Generator) -> None:
    mean = normal(generator, 3, 2).requires_grad_()
    std = normal(generator, 3, 2).exp().requires_grad_()
    noise = normal(generator, 3, 2)
    by_mean, by_std = torch.autograd.grad(
        reparameterized_sample(mean, std, noise).sum(), (mean, std)
    )
    assert by_mean.tolist() == torch.ones(3, 2).tolist()
    assert by_std.tolist() == noise.tolist()


def test_log_marginal_agrees_with_scipy(generator: torch.Generator, model: LinearGaussian) -> None:
    x = normal(generator, 4, 5)
    covariance = model.weight @ model.weight.T + 0.7 * torch.eye(5, dtype=torch.float64)
    expected = stats.multivariate_normal(model.bias.numpy(), covariance.numpy()).logpdf(x.numpy())
    np.testing.assert_allclose(model.log_marginal(x).numpy(), expected, rtol=1e-12)


def test_posterior_is_bayes_rule(generator: torch.Generator, model: LinearGaussian) -> None:
    x, z = normal(generator, 1, 5), normal(generator, 7, 2)
    mean, covariance = model.posterior(x)
    log_joint = log_prior(z) + log_likelihood(model, x, z)
    by_bayes = log_joint - model.log_marginal(x)
    torch.testing.assert_close(MultivariateNormal(mean[0], covariance).log_prob(z), by_bayes)


def test_gap_of_the_elbo_is_the_kl_to_the_posterior(
    generator: torch.Generator, model: LinearGaussian
) -> None:
    x, mean, root = normal(generator, 3, 5), normal(generator, 3, 2), normal(generator, 2, 2)
    covariance = root @ root.T + torch.eye(2, dtype=torch.float64)
    posterior_mean, posterior_covariance = model.posterior(x)
    gap = kl_divergence(
        MultivariateNormal(mean, covariance),
        MultivariateNormal(posterior_mean, posterior_covariance),
    )
    torch.testing.assert_close(model.log_marginal(x) - model.elbo(x, mean, covariance), gap)
    assert torch.all(gap > 0)


def test_elbo_at_the_posterior_is_log_p(generator: torch.Generator, model: LinearGaussian) -> None:
    x = normal(generator, 3, 5)
    torch.testing.assert_close(model.elbo(x, *model.posterior(x)), model.log_marginal(x))


def test_sampled_elbo_agrees_with_the_closed_form(
    generator: torch.Generator, model: LinearGaussian
) -> None:
    x, samples = normal(generator, 1, 5), 200_000
    mean, std = torch.tensor([[0.3, -0.2]], dtype=torch.float64), 0.5
    z = mean + std * normal(generator, samples, 2)
    terms = log_likelihood(model, x, z)[:, None]  # (S, 1)
    kl = 0.5 * (mean.square() + std**2 - 1 - 2 * math.log(std)).sum(dim=1)
    exact = model.elbo(x, mean, std**2 * torch.eye(2, dtype=torch.float64))
    error = (elbo(terms, kl) - exact).abs() / (terms.std(dim=0) / math.sqrt(samples))
    assert error.item() < 5


def test_log_mean_exp_survives_large_exponents() -> None:
    values = torch.tensor([[-2000.0, 1000.0], [-2000.0, 1000.0 + math.log(3)]]).double()
    expected = torch.tensor([-2000.0, 1000.0 + math.log(2)]).double()
    torch.testing.assert_close(log_mean_exp(values), expected)


def test_monte_carlo_estimate_approaches_log_p(
    generator: torch.Generator, model: LinearGaussian
) -> None:
    x = model.bias[None] + 0.1
    terms = log_likelihood(model, x, normal(generator, 200_000, 2))[:, None]
    weights = torch.exp(terms - terms.max())
    relative = (weights.std() / weights.mean()).item() / math.sqrt(len(weights))
    error = monte_carlo_log_likelihood(terms) - model.log_marginal(x)
    assert abs(error.item()) < 5 * relative


def test_importance_weights_from_the_posterior_give_log_p_exactly(
    generator: torch.Generator, model: LinearGaussian
) -> None:
    x = normal(generator, 1, 5)
    mean, covariance = model.posterior(x)
    q = MultivariateNormal(mean[0], covariance)
    z = mean + normal(generator, 6, 2) @ torch.linalg.cholesky(covariance).T
    log_joint = (log_prior(z) + log_likelihood(model, x, z))[:, None]
    bound = importance_weighted_bound(log_joint, q.log_prob(z)[:, None])
    torch.testing.assert_close(bound, model.log_marginal(x))


def test_one_bit_a_pixel_is_one_bit_per_dimension() -> None:
    nats = torch.full((2,), 3 * 4 * 5 * math.log(2), dtype=torch.float64)
    assert elbo_to_bpd(nats, (2, 3, 4, 5)).tolist() == pytest.approx([1.0, 1.0])


def test_bits_per_dimension_need_a_dimension() -> None:
    with pytest.raises(ValueError, match=r"\(4,\)"):
        elbo_to_bpd(torch.zeros(4), (4,))


@pytest.mark.parametrize("n", [1, 2, 20])
def test_percentiles_are_the_middles_of_equal_slices(n: int) -> None:
    expected = stats.norm.ppf((np.arange(n) + 0.5) / n)
    np.testing.assert_allclose(manifold_percentiles(n).numpy(), expected, atol=1e-14)


def test_the_manifold_holds_every_pair() -> None:
    values = manifold_percentiles(3).tolist()
    assert manifold_grid(3).tolist() == [[a, b] for a in values for b in values]


def log_prior(z: torch.Tensor) -> torch.Tensor:
    return gaussian_log_likelihood(z, torch.zeros_like(z), torch.zeros_like(z))


def log_likelihood(model: LinearGaussian, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    mean = z @ model.weight.T + model.bias
    return gaussian_log_likelihood(x, mean, torch.full_like(mean, math.log(model.noise_var)))
