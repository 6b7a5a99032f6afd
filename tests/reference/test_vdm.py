"""The three-term bound against diffusers, torch.distributions and a linear-Gaussian model."""

from __future__ import annotations

import math

import pytest
import torch
from diffusers import DDPMScheduler
from diffusers.training_utils import compute_snr
from scipy import stats
from torch.distributions import Normal, kl_divergence

from reference import ddpm, vdm

T = 8
BETAS = ddpm.linear_beta_schedule(T, 0.01, 0.4)
LEFT = ddpm.alphas_cumprod(BETAS)


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def test_snr_is_that_of_diffusers_and_falls() -> None:
    peer = DDPMScheduler(num_train_timesteps=T, trained_betas=BETAS.numpy())
    theirs = compute_snr(peer, torch.arange(T))
    torch.testing.assert_close(vdm.snr(LEFT).float(), theirs, rtol=1e-4, atol=0)
    assert (vdm.snr(LEFT).diff() < 0).all()


def test_both_forms_of_the_weights_agree_at_every_t() -> None:
    for betas in (BETAS, ddpm.linear_beta_schedule(1000)):
        left = ddpm.alphas_cumprod(betas)
        torch.testing.assert_close(
            vdm.x0_loss_weights(betas), vdm.x0_loss_weights_from_snr(left), rtol=1e-9, atol=0
        )


def test_consistency_is_the_kl_of_two_posteriors() -> None:
    t = torch.arange(2, T + 1)
    x0, predicted, x_t = draw(3, T - 1, 2, 3)
    mean, variance = ddpm.posterior(x0, x_t, t, BETAS)
    guess, _ = ddpm.posterior(predicted, x_t, t, BETAS)
    std = variance.sqrt().expand_as(mean)
    expected = kl_divergence(Normal(mean, std), Normal(guess, std)).flatten(1).sum(1)
    torch.testing.assert_close(vdm.consistency_term(x0, predicted, t, LEFT), expected)


def test_consistency_at_the_first_timestep_is_refused() -> None:
    with pytest.raises(ValueError, match="leave the range"):
        vdm.consistency_term(torch.zeros(1, 1), torch.zeros(1, 1), torch.tensor([1]), LEFT)


def test_reconstruction_is_scipys_log_density() -> None:
    x0, predicted = draw(2, 4, 3)
    expected = stats.norm.logpdf(x0, predicted, 0.5).sum(1)
    ours = vdm.reconstruction_term(x0, predicted, 0.25)
    torch.testing.assert_close(ours, torch.from_numpy(expected))


def test_decoder_without_variance_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        vdm.reconstruction_term(torch.zeros(1, 1), torch.zeros(1, 1), 0.0)


def test_sum_of_terms_is_the_bound_of_a_linear_gaussian_model() -> None:
    slope, shift, decoder_variance, x0 = 0.8, 0.1, 0.3, 0.6

    # Every term is quadratic in its noise: the two Gauss-Hermite nodes +1 and -1 are exact.
    def averaged(sign: float) -> vdm.BoundTerms:
        noise = sign * torch.ones(T, 1, 1).double()
        data = torch.tensor([[x0]], dtype=torch.float64)
        return vdm.bound_terms(
            lambda x_t, _: slope * x_t + shift, data, noise, LEFT, decoder_variance
        )

    terms = vdm.BoundTerms(
        *(torch.stack(pair).mean(0) for pair in zip(averaged(1), averaged(-1), strict=True))
    )
    expected = _expected_log_ratio(x0, slope, shift, decoder_variance)
    assert terms.elbo.item() == pytest.approx(expected, rel=1e-9)
    total = terms.reconstruction - terms.prior_matching - terms.consistency
    assert torch.equal(terms.elbo, total)


def _expected_log_ratio(x0: float, slope: float, shift: float, decoder_variance: float) -> float:
    """E_q[log p(x_0:T) - log q(x_1:T | x_0)] from the joint covariance of the chain."""
    mean = LEFT.sqrt() * x0
    ratio = LEFT.sqrt().unsqueeze(1) / LEFT.sqrt().unsqueeze(0)
    variance = 1 - LEFT
    earlier = torch.minimum(torch.arange(T).unsqueeze(1), torch.arange(T).unsqueeze(0))
    cov = torch.maximum(ratio, 1 / ratio).reciprocal() * variance[earlier]
    log_two_pi = math.log(2 * math.pi)
    total = 0.5 * (torch.logdet(cov) + T * (1 + log_two_pi))  # entropy of q(x_1:T | x_0)
    total += _expected_log_normal(torch.zeros(T).double(), mean, cov, T - 1, 1.0, 0.0)
    of_x0, of_x_t = ddpm.posterior_coefficients(BETAS)
    for index in range(1, T):
        weights = torch.zeros(T).double()
        weights[index] = of_x_t[index] + slope * of_x0[index]
        spread = ddpm.posterior_variance(BETAS)[index].item()
        offset = (of_x0[index] * shift).item()
        total += _expected_log_normal(weights, mean, cov, index - 1, spread, offset)
    residual = (x0 - slope * mean[0] - shift) ** 2 + slope**2 * cov[0, 0]
    total += -0.5 * (residual / decoder_variance + log_two_pi + math.log(decoder_variance))
    return total.item()


def _expected_log_normal(
    weights: torch.Tensor,
    mean: torch.Tensor,
    cov: torch.Tensor,
    index: int,
    variance: float,
    offset: float,
) -> torch.Tensor:
    """E[log N(x_index; weights . x + offset, variance)] for x from N(mean, cov)."""
    contrast = -weights.clone()
    contrast[index] += 1
    square = (contrast @ mean - offset) ** 2 + contrast @ cov @ contrast
    return -0.5 * (square / variance + math.log(2 * math.pi * variance))


def test_signal_to_noise_of_a_gaussian_sums_over_its_dimensions() -> None:
    mean, root = draw(3, 4), draw(3, 4, 4, seed=1)
    cov = root @ root.mT
    expected = [(m @ m).item() / torch.trace(c).item() for m, c in zip(mean, cov, strict=True)]
    torch.testing.assert_close(vdm.signal_to_noise(mean, cov), torch.tensor(expected).double())


def test_signal_to_noise_of_an_image_is_that_of_its_gaussian() -> None:
    x0, t = draw(3, 1, 2, 2), torch.tensor([1, 4, T])
    mean, variance = ddpm.q_mean_variance(x0, t, LEFT)
    cov = variance.reshape(3, 1, 1) * torch.eye(4).double()
    expected = vdm.signal_to_noise(mean.flatten(1), cov)
    torch.testing.assert_close(vdm.image_signal_to_noise(x0, t, LEFT), expected)
    of_ones = vdm.image_signal_to_noise(torch.ones_like(x0), t, LEFT)
    torch.testing.assert_close(of_ones, vdm.snr(LEFT)[t - 1])
