from __future__ import annotations

import pytest
import torch
from scipy import integrate, stats
from torch.distributions import Bernoulli, Categorical, Normal, kl_divergence

from reference.distributions import (
    bernoulli_log_likelihood,
    categorical_log_likelihood,
    gaussian_kl,
    gaussian_log_likelihood,
    kl_to_unit_gaussian,
    to_log_var,
)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(20)


def normal(generator: torch.Generator, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_bernoulli_agrees_with_torch_distributions(generator: torch.Generator) -> None:
    logits = 3 * normal(generator, 5, 1, 4, 4)
    x = (normal(generator, 5, 1, 4, 4) > 0).double()
    expected = Bernoulli(logits=logits).log_prob(x).sum(dim=(1, 2, 3))
    torch.testing.assert_close(bernoulli_log_likelihood(logits, x), expected)


def test_bernoulli_stays_finite_far_out() -> None:
    logits = torch.tensor([[800.0]], dtype=torch.float64)
    assert bernoulli_log_likelihood(logits, torch.zeros(1, 1, dtype=torch.float64)).item() == -800.0


@pytest.mark.parametrize("shape", [(3, 4, 5), (3, 1, 4, 5)])
def test_categorical_agrees_with_torch_distributions(
    generator: torch.Generator, shape: tuple[int, ...]
) -> None:
    logits = 2 * normal(generator, 3, 16, 4, 5)
    x = torch.randint(0, 16, shape, generator=generator)
    by_pixel = Categorical(logits=logits.movedim(1, -1)).log_prob(x.reshape(3, 4, 5))
    torch.testing.assert_close(categorical_log_likelihood(logits, x), by_pixel.sum(dim=(1, 2)))


def test_uniform_logits_cost_four_bits_a_pixel() -> None:
    logits = torch.full((1, 16, 8, 8), 7.0, dtype=torch.float64)
    log_likelihood = categorical_log_likelihood(logits, torch.zeros(1, 8, 8, dtype=torch.int64))
    assert -log_likelihood.item() / torch.log(torch.tensor(2.0)).item() / 64 == pytest.approx(4.0)


def test_gaussian_agrees_with_scipy(generator: torch.Generator) -> None:
    x, mean, log_var = (normal(generator, 4, 3) for _ in range(3))
    expected = stats.norm(mean.numpy(), log_var.mul(0.5).exp().numpy()).logpdf(x.numpy()).sum(1)
    torch.testing.assert_close(gaussian_log_likelihood(x, mean, log_var), torch.tensor(expected))


@pytest.mark.parametrize(("mu_q", "var_q", "mu_p", "var_p"), [(0.3, 0.5, -1.0, 2.0), (2, 3, 2, 1)])
def test_gaussian_kl_is_the_integral_of_the_log_ratio(
    mu_q: float, var_q: float, mu_p: float, var_p: float
) -> None:
    q, p = stats.norm(mu_q, var_q**0.5), stats.norm(mu_p, var_p**0.5)
    low, high = mu_q - 12 * var_q**0.5, mu_q + 12 * var_q**0.5
    integral, _ = integrate.quad(lambda z: q.pdf(z) * (q.logpdf(z) - p.logpdf(z)), low, high)
    found = gaussian_kl(*(torch.tensor(v, dtype=torch.float64) for v in (mu_q, var_q, mu_p, var_p)))
    assert found.item() == pytest.approx(integral, rel=1e-8)


def test_gaussian_kl_of_a_small_perturbation_is_second_order() -> None:
    # KL(N(0, 1) || N(0, 1.1^2)) = log 1.1 + 1 / (2 * 1.21) - 1/2
    one, zero = torch.ones((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    assert gaussian_kl(zero, one, zero, 1.21 * one).item() == pytest.approx(0.00853, abs=5e-6)


def test_gaussian_kl_keeps_its_digits_for_nearly_equal_gaussians() -> None:
    # With r = 1 + e: (e - log(1 + e)) / 2 = e^2 / 4 - e^3 / 6 + ...
    zero, e = torch.zeros((), dtype=torch.float64), 2.0**-26
    found = gaussian_kl(zero, torch.tensor(1 + e, dtype=torch.float64), zero, zero + 1)
    assert found.item() == pytest.approx(e * e / 4 - e**3 / 6, rel=1e-6)


@pytest.mark.parametrize(
    ("scale_is", "from_std"),
    [
        ("std", lambda std: std),
        ("var", torch.square),
        ("log_std", torch.log),
        ("log_var", lambda std: 2 * torch.log(std)),
    ],
)
def test_every_convention_gives_the_same_kl(generator, scale_is, from_std) -> None:  # type: ignore[no-untyped-def]
    mean, std = normal(generator, 6, 4), normal(generator, 6, 4).exp()
    expected = kl_divergence(Normal(mean, std), Normal(0.0, 1.0)).sum(dim=-1)
    torch.testing.assert_close(kl_to_unit_gaussian(mean, from_std(std), scale_is), expected)


def test_an_unknown_convention_is_refused() -> None:
    with pytest.raises(ValueError, match="'precision'"):
        to_log_var(torch.ones(1), "precision")  # type: ignore[arg-type]
