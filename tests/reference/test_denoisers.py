"""Exact denoisers against the gradient of torch's log-densities and against quadrature."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch.distributions import (
    Categorical,
    Independent,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
)

from reference import ddpm, denoisers


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


ROOT = draw(3, 3)
MEAN, COV = draw(3, seed=1), ROOT @ ROOT.T
WEIGHTS = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)
MEANS = 2 * draw(3, 2, seed=2)
VARIANCES = torch.tensor([0.1, 0.5, 0.0], dtype=torch.float64)
X0, SIGMA = draw(5, 3, seed=3), torch.tensor(0.7, dtype=torch.float64)


def score_of(law: torch.distributions.Distribution, x: torch.Tensor) -> torch.Tensor:
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(law.log_prob(x).sum(), x)
    return gradient


@pytest.mark.parametrize("sigma", [0.05, 0.7, 30.0])
def test_score_of_a_gaussian_is_the_gradient_of_its_log_density(sigma: float) -> None:
    law = MultivariateNormal(MEAN, COV + sigma**2 * torch.eye(3))
    denoise = denoisers.gaussian_denoiser(MEAN, COV)
    ours = denoisers.score(denoise, X0, torch.tensor(sigma).double())
    torch.testing.assert_close(ours, score_of(law, X0), rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("sigma", [0.2, 0.7, 30.0])
def test_score_of_a_mixture_is_the_gradient_of_its_log_density(sigma: float) -> None:
    spread = (VARIANCES + sigma**2).sqrt().unsqueeze(1).expand(3, 2)
    law = MixtureSameFamily(Categorical(WEIGHTS), Independent(Normal(MEANS, spread), 1))
    denoise = denoisers.mixture_denoiser(WEIGHTS, MEANS, VARIANCES)
    x = 3 * draw(6, 2, seed=4)
    level = torch.tensor(sigma, dtype=torch.float64)
    ours = denoisers.score(denoise, x, level)
    torch.testing.assert_close(ours, score_of(law, x), rtol=1e-8, atol=1e-9)


def test_denoised_point_is_the_posterior_mean_by_quadrature() -> None:
    denoise = denoisers.mixture_denoiser(WEIGHTS[:2] / 0.7, MEANS[:2, :1], VARIANCES[:2])
    x, sigma = 0.4, 0.8

    def joint(x0: float) -> float:
        parts = stats.norm.pdf(x0, MEANS[:2, 0], VARIANCES[:2].sqrt()) * WEIGHTS[:2].numpy()
        return float(parts.sum() * stats.norm.pdf(x, x0, sigma))

    nodes = sorted(MEANS[:2, 0].tolist())
    moment, _ = integrate.quad(lambda x0: x0 * joint(x0), -9, 9, points=nodes)
    mass, _ = integrate.quad(joint, -9, 9, points=nodes)
    ours = denoise(torch.tensor([[x]]).double(), torch.tensor(sigma).double())
    assert ours.item() == pytest.approx(moment / mass, rel=1e-6)


def test_one_component_is_the_gaussian() -> None:
    alone = denoisers.mixture_denoiser(WEIGHTS[:1] / WEIGHTS[0], MEAN[None], VARIANCES[1:2])
    gaussian = denoisers.gaussian_denoiser(MEAN, VARIANCES[1] * torch.eye(3).double())
    torch.testing.assert_close(alone(X0, SIGMA), gaussian(X0, SIGMA))


def test_each_example_may_have_its_own_sigma() -> None:
    sigma = torch.linspace(0.1, 3, 5).double().unsqueeze(1)
    for denoise in (
        denoisers.gaussian_denoiser(MEAN, COV),
        denoisers.mixture_denoiser(WEIGHTS, draw(3, 3, seed=6), VARIANCES),
    ):
        together = denoise(X0, sigma)
        singly = [denoise(x, level) for x, level in zip(X0, sigma, strict=True)]
        torch.testing.assert_close(together, torch.stack(singly))


def test_noise_predictor_of_a_unit_gaussian_is_its_closed_form() -> None:
    left = ddpm.alphas_cumprod(ddpm.linear_beta_schedule(20, 0.01, 0.3))
    unit = denoisers.gaussian_denoiser(torch.zeros(3).double(), torch.eye(3).double())
    t = torch.tensor([1, 5, 10, 15, 20])
    ours = denoisers.noise_predictor(unit, left)(X0, t)
    torch.testing.assert_close(ours, (1 - left[t - 1]).sqrt().unsqueeze(1) * X0)


def test_guidance_follows_one_prompt_at_each_limit_and_extrapolates() -> None:
    negative, positive = draw(2, 4, 3)
    assert torch.equal(denoisers.guided_noise(negative, positive, 0.0), negative)
    torch.testing.assert_close(denoisers.guided_noise(negative, positive, 1.0), positive)
    expected = 7.5 * positive - 6.5 * negative
    torch.testing.assert_close(denoisers.guided_noise(negative, positive, 7.5), expected)


def test_guided_score_is_that_of_the_sharpened_density() -> None:
    # p_neg (p_pos / p_neg)^s of two Gaussians of one covariance is a Gaussian shifted s times.
    shift = torch.tensor([1.0, -2.0, 0.5]).double()
    positive = denoisers.gaussian_denoiser(MEAN + shift, COV)
    negative = denoisers.gaussian_denoiser(MEAN, COV)
    sharpened = denoisers.gaussian_denoiser(MEAN + 3 * shift, COV)
    ours = denoisers.guided(positive, negative, 3.0)(X0, SIGMA)
    torch.testing.assert_close(ours, sharpened(X0, SIGMA))
    assert np.isfinite(ours.numpy()).all()
