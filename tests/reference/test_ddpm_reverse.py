"""Parametrisations, loss and sampler against round trips, diffusers and models that are exact."""

from __future__ import annotations

import pytest
import torch
from diffusers import DDPMScheduler

from reference import ddpm, ddpm_reverse

T = 30
BETAS = ddpm.linear_beta_schedule(T, 1e-3, 0.3)
LEFT = ddpm.alphas_cumprod(BETAS)
EVERY_T = torch.arange(1, T + 1)


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def unit_gaussian_model(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """E[noise | x_t] for data from N(0, 1)."""
    return (1 - LEFT[t - 1]).sqrt().reshape(-1, 1) * x_t


X0, NOISE = draw(T, 5), draw(T, 5, seed=1)
X_T = ddpm.q_sample(X0, EVERY_T, NOISE, LEFT)


def test_noise_and_x0_are_each_others_inverse() -> None:
    noise = ddpm_reverse.noise_from_x0(X0, X_T, EVERY_T, LEFT)
    torch.testing.assert_close(noise, NOISE, rtol=1e-10, atol=1e-11)
    x0 = ddpm_reverse.x0_from_noise(X_T, NOISE, EVERY_T, LEFT)
    torch.testing.assert_close(x0, X0, rtol=1e-10, atol=1e-11)


def test_mean_from_the_true_noise_is_the_posteriors() -> None:
    mean, _ = ddpm.posterior(X0, X_T, EVERY_T, BETAS)
    ours = ddpm_reverse.mean_from_noise(X_T, NOISE, EVERY_T, BETAS)
    torch.testing.assert_close(ours, mean, rtol=1e-10, atol=1e-11)
    x0 = ddpm_reverse.x0_from_mean(mean, X_T, EVERY_T, BETAS)
    torch.testing.assert_close(x0, X0, rtol=1e-10, atol=1e-10)
    noise = ddpm_reverse.noise_from_mean(mean, X_T, EVERY_T, BETAS)
    torch.testing.assert_close(noise, NOISE, rtol=1e-9, atol=1e-9)


def test_x0_is_not_clipped() -> None:
    far = torch.full((T, 2), 40.0).double()
    noise = torch.zeros_like(far)
    x_t = ddpm.q_sample(far, EVERY_T, noise, LEFT)
    torch.testing.assert_close(ddpm_reverse.x0_from_noise(x_t, noise, EVERY_T, LEFT), far)


def test_loss_of_the_true_noise_is_zero_and_of_none_its_mean_square() -> None:
    exact = ddpm_reverse.diffusion_loss(lambda *_: NOISE, X0, EVERY_T, NOISE, LEFT)
    assert exact.item() == 0
    silent = ddpm_reverse.diffusion_loss(
        lambda x_t, _: torch.zeros_like(x_t), X0, EVERY_T, NOISE, LEFT
    )
    expected = torch.nn.functional.mse_loss(torch.zeros_like(NOISE), NOISE)
    assert silent.item() == pytest.approx(expected.item(), rel=1e-14)


def test_gradient_of_the_loss_follows_its_definition() -> None:
    weight = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    loss = ddpm_reverse.diffusion_loss(lambda x_t, _: weight * x_t, X0, EVERY_T, NOISE, LEFT)
    (gradient,) = torch.autograd.grad(loss, weight)
    expected = (2 * (0.3 * X_T - NOISE) * X_T).mean()
    assert gradient.item() == pytest.approx(expected.item(), rel=1e-12)


def test_model_that_changes_the_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="one noise for each element"):
        ddpm_reverse.diffusion_loss(lambda x_t, _: x_t[:, :1], X0, EVERY_T, NOISE, LEFT)


@pytest.mark.parametrize("variance_type", ["fixed_small", "fixed_large"])
def test_sampling_follows_diffusers_step_by_step(variance_type: str) -> None:
    peer = DDPMScheduler(
        num_train_timesteps=T,
        trained_betas=BETAS.numpy(),
        variance_type=variance_type,
        clip_sample=False,
    )
    variances = BETAS if variance_type == "fixed_large" else ddpm.posterior_variance(BETAS)
    generator = torch.Generator().manual_seed(3)
    ours = ddpm_reverse.sample(unit_gaussian_model, (4, 2), BETAS, variances, generator)
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(4, 2, generator=generator, dtype=torch.float64)
    for step in range(T, 0, -1):
        predicted = unit_gaussian_model(x, torch.full((4,), step))
        x = peer.step(predicted, step - 1, x, generator=generator).prev_sample
    torch.testing.assert_close(ours, x, rtol=1e-4, atol=1e-5)


def test_step_is_exact_when_the_model_is_the_score_of_a_unit_gaussian() -> None:
    # Every x_t is then standard normal and x_{t-1} given x_t is N(sqrt(1 - beta) x_t, beta).
    x_t = ddpm_reverse.p_sample(
        unit_gaussian_model, X0, EVERY_T, torch.zeros_like(X0), BETAS, BETAS
    )
    kept = (1 - BETAS).sqrt().unsqueeze(-1)
    torch.testing.assert_close(x_t, kept * X0, rtol=1e-10, atol=1e-12)
    spread = ddpm_reverse.p_sample(unit_gaussian_model, 0 * X0, EVERY_T, NOISE, BETAS, BETAS)
    torch.testing.assert_close(spread[1:], BETAS.sqrt().unsqueeze(-1)[1:] * NOISE[1:])
    assert torch.equal(spread[0], torch.zeros(5).double())


def test_samples_of_the_exact_model_follow_its_law() -> None:
    generator = torch.Generator().manual_seed(7)
    samples = ddpm_reverse.sample(unit_gaussian_model, (20000, 1), BETAS, BETAS, generator)
    # The last step is x_1 scaled by sqrt(1 - beta_1) and no noise: variance 1 - beta_1, exactly.
    standardised = samples / (1 - BETAS[0]).sqrt()
    assert abs(standardised.sum().item()) < 6.2 * 20000**0.5  # two-sided normal, below 1e-9
    spread = (standardised.square().sum().item() - 20000) / (2 * 20000) ** 0.5
    assert abs(spread) < 6.5  # chi-square of 20,000 degrees, below 1e-9


def test_samples_of_a_point_mass_are_that_point() -> None:
    point = torch.tensor([0.5, -2.0, 3.0]).double()

    def model(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return ddpm_reverse.noise_from_x0(point.expand_as(x_t), x_t, t, LEFT)

    generator = torch.Generator().manual_seed(0)
    samples = ddpm_reverse.sample(model, (6, 3), BETAS, BETAS, generator)
    torch.testing.assert_close(samples, point.expand(6, 3), rtol=1e-10, atol=1e-12)


def test_samples_come_in_the_dtype_asked_for_and_without_a_graph() -> None:
    weight = torch.ones((), requires_grad=True)
    generator = torch.Generator().manual_seed(0)
    samples = ddpm_reverse.sample(
        lambda x_t, _: weight * x_t, (2, 3), BETAS, BETAS, generator, torch.float32
    )
    assert samples.dtype == torch.float32
    assert not samples.requires_grad
