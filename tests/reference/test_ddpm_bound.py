"""The variational bound against scipy, quadrature and a model for which it is tight."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch.distributions import Normal, kl_divergence

from reference import ddpm, ddpm_bound, ddpm_reverse

T = 12
BETAS = ddpm.linear_beta_schedule(T, 1e-3, 0.5)
LEFT = ddpm.alphas_cumprod(BETAS)


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def unit_gaussian_model(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """E[noise | x_t] for data from N(0, 1)."""
    return (1 - LEFT[t - 1]).sqrt().reshape(-1, 1) * x_t


@pytest.mark.parametrize("levels", [2, 16, 256])
def test_probabilities_of_all_levels_sum_to_one(levels: int) -> None:
    x0 = torch.linspace(-1, 1, levels, dtype=torch.float64).unsqueeze(1)
    mean = torch.full_like(x0, 0.3)
    nats = ddpm_bound.discretised_decoder_nll(x0, mean, torch.tensor(0.04), levels)
    assert (-nats).exp().sum().item() == pytest.approx(1, abs=1e-12)


def test_discretised_decoder_is_a_difference_of_scipys_cdfs() -> None:
    x0 = torch.linspace(-1, 1, 16, dtype=torch.float64)
    mean, std = 0.1, 0.3
    lower = np.where(x0 == -1, -np.inf, x0 - 1 / 15)
    upper = np.where(x0 == 1, np.inf, x0 + 1 / 15)
    expected = -np.log(stats.norm.cdf(upper, mean, std) - stats.norm.cdf(lower, mean, std))
    ours = ddpm_bound.discretised_decoder_nll(
        x0.unsqueeze(1),
        torch.full((16, 1), mean, dtype=torch.float64),
        torch.tensor(std**2, dtype=torch.float64),
        16,
    )
    torch.testing.assert_close(ours, torch.from_numpy(expected), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("value", [-0.2, 0.2])
def test_discretised_decoder_is_right_far_in_both_tails(value: float) -> None:
    # 40 standard deviations away the CDFs themselves are 0 or 1 in float64.
    std, half = 0.02, 1 / 255
    mean = -3 * value
    edge = abs(value - mean) - half
    scaled, _ = integrate.quad(
        lambda u: math.exp(-(u**2 + 2 * edge * u) / (2 * std**2)), 0, 2 * half, epsabs=0
    )
    expected = edge**2 / (2 * std**2) - math.log(scaled / math.sqrt(2 * math.pi * std**2))
    ours = ddpm_bound.discretised_decoder_nll(
        torch.tensor([[value]], dtype=torch.float64),
        torch.tensor([[mean]], dtype=torch.float64),
        torch.tensor(std**2, dtype=torch.float64),
        256,
    )
    assert ours.item() == pytest.approx(expected, rel=1e-9)


def test_decoder_without_variance_or_levels_is_refused() -> None:
    x0 = torch.zeros(1, 1)
    with pytest.raises(ValueError, match="not positive"):
        ddpm_bound.discretised_decoder_nll(x0, x0, torch.tensor(0.0), 16)
    with pytest.raises(ValueError, match="at least 2"):
        ddpm_bound.discretised_decoder_nll(x0, x0, torch.tensor(1.0), 1)


def test_denoising_kl_is_that_of_torch_at_every_t() -> None:
    t = torch.arange(2, T + 1)
    x0, x_t, predicted = draw(3, T - 1, 4)
    mean, variance = ddpm.posterior(x0, x_t, t, BETAS)
    reverse = ddpm_reverse.mean_from_noise(x_t, predicted, t, BETAS)
    q = Normal(mean, variance.sqrt().expand_as(mean))
    p = Normal(reverse, BETAS[1:].sqrt().unsqueeze(1).expand_as(mean))
    ours = ddpm_bound.denoising_kl(predicted, x0, x_t, t, BETAS, BETAS)
    torch.testing.assert_close(ours, kl_divergence(q, p).sum(1), rtol=1e-9, atol=1e-9)


def test_denoising_kl_of_the_true_noise_and_variance_is_zero() -> None:
    t = torch.arange(2, T + 1)
    x0, noise = draw(2, T - 1, 4)
    x_t = ddpm.q_sample(x0, t, noise, LEFT)
    variances = ddpm.posterior_variance(BETAS)
    ours = ddpm_bound.denoising_kl(noise, x0, x_t, t, BETAS, variances)
    assert ours.abs().max() < 1e-12


def test_term_is_the_decoder_at_first_and_a_kl_later() -> None:
    x0, noise = torch.tensor([[-1.0], [1.0], [1.0]]).double(), draw(3, 1)
    t = torch.tensor([1, 2, T])
    x_t = ddpm.q_sample(x0, t, noise, LEFT)
    terms = ddpm_bound.bound_term(0 * noise, x0, x_t, t, BETAS, BETAS, 16)
    mean = ddpm_reverse.mean_from_noise(x_t, 0 * noise, t, BETAS)
    first = ddpm_bound.discretised_decoder_nll(x0, mean, BETAS[0], 16)[0]
    later = ddpm_bound.denoising_kl(0 * noise[1:], x0[1:], x_t[1:], t[1:], BETAS, BETAS)
    torch.testing.assert_close(terms, torch.cat([first.unsqueeze(0), later]))


def test_bound_is_tight_for_the_exact_reverse_of_a_unit_gaussian() -> None:
    # With p equal to q in law, the bound is -log p(x_0); each term is quadratic in its noise, so
    # the two Gauss-Hermite nodes +1 and -1 integrate it exactly, up to the width of a bin.
    levels = 2**14 + 1
    x0 = torch.tensor([[-0.5], [0.0], [0.25]]).double()
    both = torch.stack(
        [
            ddpm_bound.bound_terms(
                unit_gaussian_model, x0, sign * torch.ones(T, 3, 1).double(), BETAS, BETAS, levels
            )
            for sign in (1, -1)
        ]
    )
    bound = both.mean(0).sum(0)
    density = torch.from_numpy(stats.norm.logpdf(x0[:, 0]))
    torch.testing.assert_close(bound, -density - math.log(2 / (levels - 1)), rtol=1e-6, atol=0)
    assert torch.equal(both[0, -1], ddpm.prior_kl(x0, LEFT))
    assert both.shape == (2, T + 1, 3)


def test_bound_of_a_worse_model_is_higher() -> None:
    x0 = torch.linspace(-1, 1, 5).double().unsqueeze(1)
    noise = torch.ones(T, 5, 1).double()
    exact, silent = (
        ddpm_bound.bound_terms(model, x0, noise, BETAS, BETAS, 256).sum()
        for model in (unit_gaussian_model, lambda x_t, _: torch.zeros_like(x_t))
    )
    assert exact < silent


def test_uniform_code_over_sixteen_levels_costs_four_bits() -> None:
    nats = torch.full((3,), 64 * math.log(16)).double()
    bits = ddpm_bound.bits_per_dimension(nats, (3, 1, 8, 8))
    torch.testing.assert_close(bits, torch.full((3,), 4.0).double())
