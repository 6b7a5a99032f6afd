"""Samplers against diffusers' schedulers, closed-form flows and their order of convergence."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    LMSDiscreteScheduler,
)
from scipy import integrate

from reference import ddpm, denoisers, samplers

# diffusers converts its schedules to numpy in a way that numpy 2 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

T = 100
BETAS = ddpm.linear_beta_schedule(T, 1e-3, 0.2)
LEFT = ddpm.alphas_cumprod(BETAS)
SCHEDULE = {"num_train_timesteps": T, "trained_betas": BETAS.numpy()}
DETERMINISTIC = (samplers.euler, samplers.linear_multistep, samplers.dpm_solver_pp_2m)


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


MIXTURE = denoisers.mixture_denoiser(
    torch.tensor([0.3, 0.7], dtype=torch.float64),
    torch.tensor([[-1.0, 0.5], [1.5, 0.0]], dtype=torch.float64),
    torch.tensor([0.2, 0.4], dtype=torch.float64),
)
START = draw(6, 2)
VARIANCE = 0.5
GAUSSIAN = denoisers.gaussian_denoiser(torch.ones(2).double(), VARIANCE * torch.eye(2).double())


def peer_run(peer: Any, x: torch.Tensor, scaled: bool, **options: Any) -> torch.Tensor:
    """Runs a scheduler of diffusers on the mixture; `scaled` ones hold x / sqrt(1 + sigma^2)."""
    for t, sigma in zip(peer.timesteps, peer.sigmas.double(), strict=False):
        peer.scale_model_input(x, t)
        clean = x * (1 + sigma**2).sqrt() if scaled else x
        noise = (clean - MIXTURE(clean, sigma)) / sigma
        x = peer.step(noise, t, x, **options).prev_sample
    return x


def started(kind: type, steps: int = 12, **options: Any) -> Any:
    peer = kind(**SCHEDULE, **options)
    peer.set_timesteps(steps)
    return peer


def test_levels_are_those_of_diffusers() -> None:
    peer = started(EulerDiscreteScheduler, use_karras_sigmas=True)
    first, last = peer.sigmas[0].item(), peer.sigmas[-2].item()
    ours = samplers.karras_sigmas(12, last, first)
    torch.testing.assert_close(ours.float(), peer.sigmas, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("arguments", [(1, 0.1, 1.0), (5, 0.0, 1.0), (5, 2.0, 1.0)])
def test_levels_that_do_not_fall_are_refused(arguments: tuple[int, float, float]) -> None:
    with pytest.raises(ValueError, match="no schedule"):
        samplers.karras_sigmas(*arguments)


@pytest.mark.parametrize("sampler", DETERMINISTIC)
def test_rising_levels_are_refused(sampler: Callable[..., torch.Tensor]) -> None:
    with pytest.raises(ValueError, match="have to fall"):
        sampler(MIXTURE, START, torch.tensor([0.0, 1.0]))


def test_euler_is_that_of_diffusers() -> None:
    peer = started(EulerDiscreteScheduler)
    sigmas = peer.sigmas.double()
    expected = peer_run(peer, sigmas[0] * START, scaled=False)
    ours = samplers.euler(MIXTURE, sigmas[0] * START, sigmas)
    torch.testing.assert_close(ours.float(), expected.float(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_linear_multistep_is_that_of_diffusers(order: int) -> None:
    peer = started(LMSDiscreteScheduler)
    sigmas = peer.sigmas.double()
    expected = peer_run(peer, sigmas[0] * START, scaled=False, order=order)
    ours = samplers.linear_multistep(MIXTURE, sigmas[0] * START, sigmas, order)
    torch.testing.assert_close(ours, expected.double(), rtol=1e-4, atol=1e-5)


def test_dpm_solver_is_that_of_diffusers() -> None:
    peer = started(DPMSolverMultistepScheduler, algorithm_type="dpmsolver++", solver_order=2)
    sigmas = peer.sigmas.double()
    scale = (1 + sigmas[0] ** 2).sqrt()
    expected = peer_run(peer, sigmas[0] * START / scale, scaled=True)
    ours = samplers.dpm_solver_pp_2m(MIXTURE, sigmas[0] * START, sigmas)
    torch.testing.assert_close(ours.float(), expected.float(), rtol=1e-4, atol=1e-5)


def test_ancestral_euler_is_that_of_diffusers_on_the_same_noise() -> None:
    peer = started(EulerAncestralDiscreteScheduler)
    sigmas = peer.sigmas.double()
    x = (sigmas[0] * START).float()
    expected = peer_run(peer, x, scaled=False, generator=torch.Generator().manual_seed(5))
    ours = samplers.euler_ancestral(MIXTURE, x, sigmas, torch.Generator().manual_seed(5))
    torch.testing.assert_close(ours, expected.float(), rtol=1e-4, atol=1e-4)


def test_squares_of_both_ancestral_parts_sum_to_the_next_level() -> None:
    sigma, following = torch.tensor([4.0, 1.0, 1.0, 0.3]), torch.tensor([2.0, 1.0, 0.0, 0.1])
    down, up = samplers.ancestral_sigmas(sigma, following)
    torch.testing.assert_close(down**2 + up**2, following**2)
    torch.testing.assert_close(down, torch.tensor([1.0, 1.0, 0.0, 0.1 / 3]))


def test_ancestral_step_keeps_the_conditional_law_of_pure_noise() -> None:
    # For a point mass q(x_next | x) has standard deviation following * sqrt(1 - following^2 /
    # sigma^2); down is what is left of x: following^2 / sigma.
    sigma, following = torch.tensor(3.0).double(), torch.tensor(1.2).double()
    covariance = torch.stack([sigma**2, following**2, following**2]).double()
    conditional = covariance[1] - covariance[2] ** 2 / covariance[0]
    down, up = samplers.ancestral_sigmas(sigma, following)
    assert (up**2).item() == pytest.approx(conditional.item(), rel=1e-12)
    assert (down / sigma).item() == pytest.approx((covariance[2] / covariance[0]).item())


def test_ancestral_sampling_tends_to_the_law_of_the_data() -> None:
    errors = []
    for steps in (40, 80, 160):
        sigmas = samplers.karras_sigmas(steps, 0.02, 40.0)
        variance = VARIANCE + 40.0**2
        for pair in sigmas.unfold(0, 2, 1):
            high, low = (
                samplers.euler_ancestral(
                    GAUSSIAN, x.expand(1, 2), pair, torch.Generator().manual_seed(1)
                )
                for x in torch.tensor([[1.0], [-1.0]]).double()
            )
            slope = (high - low)[0, 0].item() / 2
            _, up = samplers.ancestral_sigmas(pair[0], pair[1])
            variance = slope**2 * variance + up.item() ** 2
        errors.append(abs(variance - VARIANCE))
    # Halved with every doubling, so that nothing is left in the limit.
    assert all(1.7 < errors[i] / errors[i + 1] < 2.3 for i in range(2))


def test_ancestral_sampling_depends_on_its_generator_alone() -> None:
    sigmas = samplers.karras_sigmas(8, 0.1, 5.0)
    first, again, other = (
        samplers.euler_ancestral(MIXTURE, START, sigmas, torch.Generator().manual_seed(seed))
        for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


@pytest.mark.parametrize("sampler", DETERMINISTIC)
def test_deterministic_samplers_draw_no_random_numbers(
    sampler: Callable[..., torch.Tensor],
) -> None:
    sigmas = samplers.karras_sigmas(8, 0.1, 5.0)
    before = torch.get_rng_state()
    first, again = (sampler(MIXTURE, START, sigmas) for _ in range(2))
    assert torch.equal(first, again)
    assert torch.equal(before, torch.get_rng_state())


def exact_flow(x: torch.Tensor, first: float, last: float) -> torch.Tensor:
    ratio = math.sqrt((VARIANCE + last**2) / (VARIANCE + first**2))
    return 1 + ratio * (x - 1)


@pytest.mark.parametrize(
    ("sampler", "order"),
    [
        (samplers.euler, 1),
        (lambda *given: samplers.linear_multistep(*given, order=2), 2),
        (lambda *given: samplers.linear_multistep(*given, order=4), 2),
        (samplers.dpm_solver_pp_2m, 2),
    ],
    ids=["euler", "multistep-2", "multistep-4", "dpm-solver"],
)
def test_order_of_convergence(sampler: Callable[..., torch.Tensor], order: int) -> None:
    x = 5 * START
    errors = [
        (
            sampler(GAUSSIAN, x, samplers.karras_sigmas(steps, 0.05, 5.0)[:-1])
            - exact_flow(x, 5, 0.05)
        )
        .norm()
        .item()
        for steps in (201, 401, 801)
    ]
    observed = [math.log2(errors[index] / errors[index + 1]) for index in range(2)]
    assert observed == pytest.approx([order, order], abs=0.15)


@pytest.mark.parametrize("sampler", DETERMINISTIC)
def test_samplers_reach_level_zero(sampler: Callable[..., torch.Tensor]) -> None:
    x = 5 * START
    ours = sampler(GAUSSIAN, x, samplers.karras_sigmas(400, 0.002, 5.0))
    torch.testing.assert_close(ours, exact_flow(x, 5, 0), rtol=0, atol=0.02)


def test_multistep_weights_are_integrals_of_lagrange_polynomials() -> None:
    sigmas = samplers.karras_sigmas(6, 0.1, 5.0)
    for step, order in ((0, 1), (1, 2), (3, 4), (5, 3)):
        ours = samplers.linear_multistep_coefficients(sigmas, step, order)
        nodes = [sigmas[step - back].item() for back in range(order)]
        for index in range(order):
            others = [node for place, node in enumerate(nodes) if place != index]

            def basis(at: float, here: float = nodes[index], rest: list[float] = others) -> float:
                return math.prod((at - node) / (here - node) for node in rest)

            expected, _ = integrate.quad(basis, sigmas[step].item(), sigmas[step + 1].item())
            assert ours[index].item() == pytest.approx(expected, rel=1e-9)
        assert ours.sum().item() == pytest.approx((sigmas[step + 1] - sigmas[step]).item())


@pytest.mark.parametrize("order", [0, 3])
def test_order_beyond_the_known_derivatives_is_refused(order: int) -> None:
    with pytest.raises(ValueError, match="give one from 1 to 2"):
        samplers.linear_multistep_coefficients(samplers.karras_sigmas(6, 0.1, 5.0), 1, order)


def test_ddim_is_that_of_diffusers() -> None:
    peer = DDIMScheduler(**SCHEDULE, clip_sample=False, set_alpha_to_one=True)
    peer.set_timesteps(20)
    model = denoisers.noise_predictor(MIXTURE, LEFT)
    x = START
    for t in peer.timesteps:
        x = peer.step(model(x, (t + 1).expand(6)), t, x).prev_sample
    ours = samplers.ddim(model, START, peer.timesteps + 1, LEFT)
    torch.testing.assert_close(ours, x, rtol=1e-4, atol=1e-5)


def test_ddim_is_euler_in_another_coordinate() -> None:
    timesteps = torch.arange(T, 0, -7)
    ours = samplers.ddim(denoisers.noise_predictor(MIXTURE, LEFT), START, timesteps, LEFT)
    left = LEFT[timesteps - 1]
    sigmas = torch.cat([((1 - left) / left).sqrt(), torch.zeros(1).double()])
    torch.testing.assert_close(ours, samplers.euler(MIXTURE, START / left[0].sqrt(), sigmas))


@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
def test_stochastic_ddim_step_is_that_of_diffusers(eta: float) -> None:
    peer = DDIMScheduler(**SCHEDULE, clip_sample=False)
    peer.set_timesteps(20)
    noise, fresh = draw(2, 6, 2, seed=3)
    expected = peer.step(noise, 50, START, eta=eta, variance_noise=fresh).prev_sample
    ours = samplers.ddim_step(START, noise, LEFT[50], LEFT[45], eta, fresh)
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)


def test_ddim_with_full_noise_is_the_posterior_of_ddpm() -> None:
    t = torch.full((6,), 40)
    noise = draw(6, 2, seed=3)
    x0 = (START - (1 - LEFT[39]).sqrt() * noise) / LEFT[39].sqrt()
    mean, variance = ddpm.posterior(x0, START, t, BETAS)
    silent = torch.zeros_like(START)
    ours = samplers.ddim_step(START, noise, LEFT[39], LEFT[38], 1.0, silent)
    torch.testing.assert_close(ours, mean, rtol=1e-9, atol=1e-10)
    ours = samplers.ddim_variance(LEFT[39], LEFT[38], 1.0)
    torch.testing.assert_close(ours, variance[0, 0])


@pytest.mark.parametrize("timesteps", [[10, 0], [T + 1, 5], [5, 10]])
def test_timesteps_outside_the_schedule_or_rising_are_refused(timesteps: list[int]) -> None:
    model = denoisers.noise_predictor(MIXTURE, LEFT)
    with pytest.raises(ValueError, match=r"range 1 to|have to fall"):
        samplers.ddim(model, START, torch.tensor(timesteps), LEFT)
