"""The forward process against its own chain, Bayes' rule, torch.distributions and diffusers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler
from scipy import stats
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from reference import ddpm

T = 50
BETAS = ddpm.linear_beta_schedule(T, 1e-3, 0.2)
LEFT = ddpm.alphas_cumprod(BETAS)
EVERY_T = torch.arange(1, T + 1)


def scheduler() -> DDPMScheduler:
    return DDPMScheduler(
        num_train_timesteps=T, trained_betas=BETAS.numpy(), variance_type="fixed_small"
    )


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def test_schedule_and_its_products_are_those_of_diffusers() -> None:
    peer = DDPMScheduler(num_train_timesteps=1000, beta_schedule="linear")
    betas = ddpm.linear_beta_schedule(1000)
    torch.testing.assert_close(betas.float(), peer.betas)
    left = ddpm.alphas_cumprod(betas)
    torch.testing.assert_close(left, peer.alphas_cumprod.double(), rtol=1e-4, atol=0)
    assert left.dtype == torch.float64
    assert (left.diff() < 0).all()
    assert left[-1] < 1e-4


def test_schedule_of_no_timesteps_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        ddpm.linear_beta_schedule(0)


@pytest.mark.parametrize("wrong", [0.0, 1.0, -0.1, float("nan")])
def test_beta_that_is_no_variance_is_refused(wrong: float) -> None:
    betas = torch.tensor([0.1, wrong], dtype=torch.float64)
    for function in (ddpm.alphas_cumprod, ddpm.posterior_variance, ddpm.posterior_coefficients):
        with pytest.raises(ValueError, match="strictly between 0 and 1"):
            function(betas)


def test_entry_of_a_schedule_is_picked_for_each_example() -> None:
    like = torch.zeros(3, 2, 2)
    picked = ddpm.at_timestep(torch.arange(1.0, 5.0).double(), torch.tensor([4, 1, 2]), like)
    assert picked.flatten().tolist() == [4.0, 1.0, 2.0]
    assert picked.shape == (3, 1, 1)
    assert picked.dtype == torch.float32


@pytest.mark.parametrize("t", [[0, 1], [1, T + 1]])
def test_timestep_outside_the_schedule_is_refused(t: list[int]) -> None:
    with pytest.raises(ValueError, match="count t from 1"):
        ddpm.q_mean_variance(torch.zeros(2, 3), torch.tensor(t), LEFT)


def test_one_timestep_for_a_batch_is_refused() -> None:
    with pytest.raises(ValueError, match="one timestep for each"):
        ddpm.q_mean_variance(torch.zeros(2, 3), torch.tensor([1]), LEFT)


def test_mean_and_variance_at_every_t_are_those_of_the_composed_kernels() -> None:
    x0 = draw(T, 4)
    mean, variance = ddpm.q_mean_variance(x0, EVERY_T, LEFT)
    scale, spread = 1.0, 0.0
    for index, beta in enumerate(BETAS.tolist()):
        scale, spread = scale * (1 - beta) ** 0.5, (1 - beta) * spread + beta
        torch.testing.assert_close(mean[index], scale * x0[index], rtol=1e-13, atol=1e-15)
        assert variance[index].item() == pytest.approx(spread, rel=1e-12)


def test_single_steps_compose_to_q_sample() -> None:
    # Column 0 carries x_0, column i the noise of step i: the chain is linear in all of them.
    basis = torch.eye(T + 1, dtype=torch.float64)
    x = basis[:1]
    for step in range(1, T + 1):
        t = torch.tensor([step])
        x = ddpm.q_step(x, t, basis[step : step + 1], BETAS)
        signal = ddpm.q_sample(torch.ones(1, 1).double(), t, torch.zeros(1, 1), LEFT)
        spread = ddpm.q_sample(torch.zeros(1, 1).double(), t, torch.ones(1, 1), LEFT)
        assert x[0, 0].item() == pytest.approx(signal.item(), rel=1e-12)
        assert x[0, 1:].norm().item() == pytest.approx(spread.item(), rel=1e-12)


def test_q_sample_is_the_one_of_diffusers_and_keeps_the_dtype() -> None:
    x0, noise = draw(T, 1, 3, 3).float(), draw(T, 1, 3, 3, seed=1).float()
    ours = ddpm.q_sample(x0, EVERY_T, noise, LEFT)
    torch.testing.assert_close(ours, scheduler().add_noise(x0, noise, EVERY_T - 1))


def test_prior_kl_is_that_of_torch_and_vanishes_with_t() -> None:
    x0 = draw(3, 2, 4)
    q = Normal(LEFT[-1].sqrt() * x0, (1 - LEFT[-1]).sqrt().expand_as(x0))
    unit = Normal(torch.zeros_like(x0), torch.ones_like(x0))
    torch.testing.assert_close(
        ddpm.prior_kl(x0, LEFT), kl_divergence(Independent(q, 2), Independent(unit, 2))
    )
    longer = [ddpm.prior_kl(x0, LEFT[:end]).max() for end in (10, 20, 30, 40, 50)]
    assert all(later < earlier for earlier, later in pairwise(longer))
    assert ddpm.prior_kl(x0, ddpm.alphas_cumprod(torch.full((400,), 0.1))).max() < 1e-12


@pytest.mark.parametrize("step", [2, 3, 25, T])
def test_posterior_is_bayes_rule_on_a_grid(step: int) -> None:
    x0, x_t = 0.7, -0.4
    beta, before = BETAS[step - 1].item(), LEFT[step - 2].item()
    width = 10 * min(beta, 1 - before) ** 0.5
    given = torch.tensor([[[x0]], [[x_t]]], dtype=torch.float64)
    centre = ddpm.posterior(*given, torch.tensor([step]), BETAS)
    grid = np.linspace(centre[0].item() - width, centre[0].item() + width, 20001)
    joint = stats.norm.pdf(grid, before**0.5 * x0, (1 - before) ** 0.5)
    joint *= stats.norm.pdf(x_t, (1 - beta) ** 0.5 * grid, beta**0.5)
    mean = (grid * joint).sum() / joint.sum()
    assert centre[0].item() == pytest.approx(mean, rel=1e-9)
    variance = ((grid - mean) ** 2 * joint).sum() / joint.sum()
    assert centre[1].item() == pytest.approx(variance, rel=1e-9)


def test_posterior_conditions_the_joint_law_of_the_chain_at_every_t() -> None:
    of_x0, of_x_t = ddpm.posterior_coefficients(BETAS)
    variance = ddpm.posterior_variance(BETAS)
    for index in range(1, T):
        before, kept = LEFT[index - 1], (1 - BETAS[index]).sqrt()
        covariance = kept * (1 - before)
        gain = covariance / (1 - LEFT[index])
        assert of_x_t[index].item() == pytest.approx(gain.item(), rel=1e-10)
        expected = before.sqrt() - gain * LEFT[index].sqrt()
        assert of_x0[index].item() == pytest.approx(expected.item(), rel=1e-8)
        left_over = (1 - before) - gain * covariance
        assert variance[index].item() == pytest.approx(left_over.item(), rel=1e-8)


def test_posterior_variance_is_that_of_diffusers() -> None:
    peer = scheduler()
    for index in range(1, T):
        theirs = peer._get_variance(index).item()
        assert ddpm.posterior_variance(BETAS)[index].item() == pytest.approx(theirs, rel=1e-4)


def test_first_posterior_is_exactly_x0() -> None:
    x0, x_t = draw(5, 3), draw(5, 3, seed=1)
    mean, variance = ddpm.posterior(x0, x_t, torch.ones(5, dtype=torch.long), BETAS)
    assert torch.equal(mean, x0)
    assert torch.equal(variance, torch.zeros(5, 1).double())
    assert [weights[0].item() for weights in ddpm.posterior_coefficients(BETAS)] == [1.0, 0.0]


def test_full_gaussian_kl_is_that_of_torch_in_batches() -> None:
    roots = draw(2, 4, 3, 3) + 2 * torch.eye(3)
    cov_a, cov_b = roots @ roots.mT
    mean_a, mean_b = draw(2, 4, 3, seed=1)
    expected = kl_divergence(MultivariateNormal(mean_a, cov_a), MultivariateNormal(mean_b, cov_b))
    torch.testing.assert_close(ddpm.gaussian_kl_full(mean_a, cov_a, mean_b, cov_b), expected)


def test_full_gaussian_kl_is_zero_at_itself_and_not_symmetric() -> None:
    mean, wide, narrow = torch.zeros(2), torch.eye(2).double() * 4, torch.eye(2).double()
    same = ddpm.gaussian_kl_full(mean.double(), wide, mean.double(), wide)
    assert same.item() == pytest.approx(0, abs=1e-15)
    there = ddpm.gaussian_kl_full(mean.double(), wide, mean.double(), narrow).item()
    assert there == pytest.approx(3 - np.log(4))


def test_covariance_without_full_rank_is_refused() -> None:
    singular, mean = torch.ones(2, 2).double(), torch.zeros(2).double()
    with pytest.raises(ValueError, match="cov_b is not positive definite"):
        ddpm.gaussian_kl_full(mean, torch.eye(2).double(), mean, singular)
