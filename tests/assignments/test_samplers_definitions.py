"""What samplers are compared with, against closed forms, torch, scipy and diffusers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    LMSDiscreteScheduler,
)
from scipy import integrate, stats

from assignments.samplers import definitions
from assignments.samplers.ancestral_laws import (
    GAUSSIAN,
    law_of_run,
    law_of_step,
    missing_square,
    right_split,
    start,
)
from assignments.samplers.ddim_checks import PAIRS, SCHEDULE, TIMESTEPS, expected_ddim
from assignments.samplers.definitions import LEVELS, integrals, multistep, split, starts
from assignments.samplers.judging import run_at
from assignments.samplers.known_data import (
    GaussianData,
    KnownData,
    KnownNoise,
    NoiseOfOnePoint,
    for_each,
)
from reference import denoisers, samplers

# diffusers converts its schedules to numpy in a way that numpy 2 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

X = np.linspace(-4, 4, 9)[:, np.newaxis]


def test_known_data_are_a_mixture_of_two_gaussians() -> None:
    weights = np.exp([KnownData.half_log_odds, -KnownData.half_log_odds])
    reference = denoisers.mixture_denoiser(
        torch.tensor(weights / weights.sum()),
        torch.tensor([[KnownData.centre], [-KnownData.centre]]).double(),
        torch.full((2,), KnownData.variance).double(),
    )
    for sigma in (0.0, 0.3, 2.0):
        right = reference(torch.tensor(X), torch.tensor(sigma, dtype=torch.float64)).numpy()
        assert KnownData().denoised(X, sigma) == pytest.approx(right, abs=1e-12)


@pytest.mark.parametrize("data", [KnownData(), GaussianData(0.5, 0.25)])
def test_slopes_of_log_densities_fit_the_denoiser(data: KnownData) -> None:
    for sigma in (0.3, 2.0):
        right = (data.denoised(X, sigma) - X) / sigma**2
        assert data.log_density_slope(X, sigma) == pytest.approx(right, abs=1e-12)


def test_known_data_never_move_points_apart() -> None:
    fine = np.linspace(-5, 5, 2001)
    for sigma in np.geomspace(0.01, 20, 60):
        slopes = np.diff(KnownData().denoised(fine, sigma)) / np.diff(fine)
        assert np.all((slopes >= 0) & (slopes <= 1 + 1e-9))


def test_the_flow_in_closed_form_solves_its_equation() -> None:
    data = GaussianData(1.0, 0.5)
    found = integrate.solve_ivp(
        lambda sigma, x: (x - data.denoised(x, sigma)) / sigma,
        (4.0, 0.5),
        [3.0, -2.0],
        rtol=1e-9,
        atol=1e-9,
    )
    assert data.flow(np.asarray([3.0, -2.0]), 4.0, 0.5) == pytest.approx(found.y[:, -1], abs=1e-6)


@pytest.mark.parametrize("value", [1.5, np.float32(1.5), np.full(3, 1.5), np.full((3, 1), 1.5)])
def test_a_level_may_come_in_any_form(value: Any) -> None:
    x = np.ones((3, 2), np.float32)
    answer = KnownData()(x, value)
    assert answer.dtype == np.float32
    assert answer == pytest.approx(KnownData().denoised(np.ones((3, 2)), 1.5), rel=1e-6)


def test_levels_that_fit_no_example_are_refused() -> None:
    with pytest.raises(ValueError, match="for 3 examples"):
        for_each(np.ones((3, 2)), np.ones(2))


def test_noise_of_one_point_is_what_was_added() -> None:
    model, noise = NoiseOfOnePoint(2.0, SCHEDULE), np.asarray([[0.5], [-1.0]])
    left = SCHEDULE[[2, 7]].astype(np.float64)[:, np.newaxis]
    x_t = np.sqrt(left) * 2 + np.sqrt(1 - left) * noise
    assert model(x_t, np.asarray([3, 8])) == pytest.approx(noise)
    with pytest.raises(ValueError, match="counts from 1 to 8"):
        model(x_t, np.asarray([0, 8]))


def test_growth_of_errors_is_measured_on_the_way() -> None:
    # D = x / (1 + sigma^2) for a unit Gaussian: a step multiplies x, and what was lost before it.
    data, sigmas = GaussianData(0.0, 1.0), np.asarray([2.0, 1.0, 0.5], np.float32)
    factors = [1 - 0.5 * (1 - 1 / 5), 1 - 0.5 * (1 - 1 / 2)]
    sizes = [1 + 0.5 + 0.5 / 5, factors[0] * (1 + 0.5 + 0.5 / 2)]
    found = run_at(data, definitions.euler, np.ones((1, 1)), sigmas)
    assert found.value.item() == pytest.approx(math.prod(factors))
    expected = math.prod(factors) + factors[1] * sizes[0] + sizes[1]
    assert found.scale is not None
    assert found.scale.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_weights_are_integrals_of_lagrange_polynomials(order: int) -> None:
    for levels in LEVELS:
        for step in range(order - 1, len(levels) - 1):
            nodes = [levels[step - back] for back in range(order)]
            for place, node in enumerate(nodes):
                others = [other for other in nodes if other != node]

                def basis(at: float, here: float = node, rest: list[float] = others) -> float:
                    return math.prod((at - other) / (here - other) for other in rest)

                right, _ = integrate.quad(basis, levels[step], levels[step + 1])
                found = integrals(np.asarray(levels), step, order)
                assert found.value[place] == pytest.approx(right, abs=1e-12)
                assert found.scale is not None
                assert found.scale[place] >= abs(right)


def in_torch(data: KnownData) -> Any:
    return lambda x, sigma: torch.from_numpy(data(x.numpy(), sigma.numpy()))


@pytest.mark.parametrize(
    ("method", "sampler"),
    [
        (definitions.euler, samplers.euler),
        (multistep(2), lambda *given: samplers.linear_multistep(*given, order=2)),
        (multistep(4), samplers.linear_multistep),
        (definitions.solver, samplers.dpm_solver_pp_2m),
    ],
    ids=["euler", "multistep-2", "multistep-4", "solver"],
)
def test_methods_written_out_are_the_reference(method: Any, sampler: Any) -> None:
    for x, sigmas in starts():
        found = run_at(KnownData(), method, x, sigmas).value
        wide = torch.from_numpy(x).double(), torch.from_numpy(sigmas).double()
        assert found == pytest.approx(sampler(in_torch(KnownData()), *wide).numpy(), abs=1e-9)


def peer_run(peer: Any, x: torch.Tensor, sigmas: torch.Tensor, **options: Any) -> torch.Tensor:
    """Runs a scheduler of diffusers over given levels; it predicts from noise."""
    peer.set_timesteps(len(sigmas) - 1)
    # They are counted by their timesteps, which only have to differ.
    peer.sigmas, peer.timesteps = sigmas, torch.arange(len(sigmas) - 1).flip(0).double()
    for t, sigma in zip(peer.timesteps, sigmas, strict=False):
        peer.scale_model_input(x, t)
        noise = (x - in_torch(KnownData())(x, sigma)) / sigma
        x = peer.step(noise, t, x, **options).prev_sample
    return x


PEER_LEVELS = np.asarray([4.0, 2.5, 1.5, 1.25, 0.5, 0.0], np.float32)
PEER_START = np.asarray([[3.0, -5.0], [1.0, 2.0]], np.float32)


@pytest.mark.parametrize(
    ("peer", "method", "options"),
    [
        (EulerDiscreteScheduler, definitions.euler, {}),
        (LMSDiscreteScheduler, multistep(2), {"order": 2}),
        (LMSDiscreteScheduler, multistep(4), {"order": 4}),
    ],
    ids=["euler", "multistep-2", "multistep-4"],
)
def test_methods_written_out_are_those_of_diffusers(peer: Any, method: Any, options: Any) -> None:
    x, sigmas = torch.from_numpy(PEER_START).double(), torch.from_numpy(PEER_LEVELS).double()
    expected = peer_run(peer(), x, sigmas, **options).numpy()
    found = run_at(KnownData(), method, PEER_START, PEER_LEVELS).value
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_the_solver_written_out_is_that_of_diffusers() -> None:
    peer = DPMSolverMultistepScheduler(algorithm_type="dpmsolver++", solver_order=2)
    peer.set_timesteps(len(PEER_LEVELS) - 1)
    sigmas = torch.from_numpy(PEER_LEVELS).double()
    peer.sigmas, peer.timesteps = sigmas, torch.arange(len(sigmas) - 1).flip(0)
    scales = (1 + sigmas**2).sqrt()
    x = torch.from_numpy(PEER_START).double() / scales[0]
    for t, sigma, scale in zip(peer.timesteps, sigmas, scales, strict=False):
        noise = (scale * x - in_torch(KnownData())(scale * x, sigma)) / sigma
        x = peer.step(noise, t, x).prev_sample
    found = run_at(KnownData(), definitions.solver, PEER_START, PEER_LEVELS).value
    assert found == pytest.approx(x.numpy(), rel=1e-4, abs=1e-4)


def test_ancestral_laws_are_those_of_diffusers() -> None:
    sigmas = (4.0, 2.0, 1.0, 0.5)
    x = np.full((40_000, 1), 6.0, np.float32)
    law = law_of_run(GAUSSIAN, x, sigmas, right_split)
    peer = EulerAncestralDiscreteScheduler()
    peer.set_timesteps(len(sigmas) - 1)
    peer.sigmas, peer.timesteps = torch.tensor(sigmas), torch.arange(len(sigmas) - 1).flip(0) * 1.0
    at, generator = torch.from_numpy(x), torch.Generator().manual_seed(3)
    for t, sigma in zip(peer.timesteps, sigmas, strict=False):
        peer.scale_model_input(at, t)
        noise = (at - torch.from_numpy(GAUSSIAN(at.numpy(), sigma))) / sigma
        at = peer.step(noise, t, at, generator=generator).prev_sample
    z = (at.numpy() - law.mean) / law.std
    assert stats.kstest(z.ravel(), "norm").pvalue > 1e-6


def test_the_law_of_one_step_is_that_of_a_run_on_gaussian_data() -> None:
    x = start(2.0, 3, 2)
    step = law_of_step(GAUSSIAN, x, (2.0, 0.5), right_split)
    run = law_of_run(GAUSSIAN, x, (2.0, 0.5), right_split)
    assert step.mean == pytest.approx(run.mean)
    assert step.std == pytest.approx(run.std)


@pytest.mark.parametrize("levels", [(2.0, 1.0), (4.0, 0.5), (1.0, 0.0)])
def test_a_split_is_that_of_the_reference(levels: tuple[float, float]) -> None:
    right = samplers.ancestral_sigmas(*(torch.tensor(level).double() for level in levels))
    for found, part in zip(split(*levels), right, strict=True):
        assert float(found.value) == pytest.approx(part.item())


def test_a_missing_square_is_seen_by_its_effect() -> None:
    assert 0.1 < missing_square() < 0.2


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("pair", PAIRS)
def test_ddim_written_out_is_the_reference(pair: tuple[float, float], eta: float) -> None:
    wide = [torch.tensor(part).double() for part in pair]
    variance = samplers.ddim_variance(*wide, eta).item()
    assert float(definitions.ddim_variance(*pair, eta).value) == pytest.approx(variance, abs=1e-15)
    x, noise, fresh = np.random.default_rng(0).normal(size=(3, 2, 2))
    given = (*map(torch.from_numpy, (x, noise)), *wide, eta, torch.from_numpy(fresh))
    found = definitions.ddim_step(x, noise, *pair, eta, fresh)
    assert found.value == pytest.approx(samplers.ddim_step(*given).numpy(), abs=1e-12)


def test_ddim_written_out_is_that_of_diffusers() -> None:
    left = torch.from_numpy(SCHEDULE).double()
    betas = 1 - left / torch.cat([torch.ones(1).double(), left[:-1]])
    peer = DDIMScheduler(
        len(left), trained_betas=betas.numpy(), clip_sample=False, set_alpha_to_one=True
    )
    peer.set_timesteps(4)
    timesteps, x = peer.timesteps + 1, torch.from_numpy(PEER_START).double()
    for t in peer.timesteps:
        noise = torch.from_numpy(KnownNoise()(x.numpy(), t.numpy() + 1))
        x = peer.step(noise, t, x).prev_sample
    found = expected_ddim(KnownNoise(), PEER_START, timesteps.numpy(), SCHEDULE).value
    assert found == pytest.approx(x.numpy(), rel=1e-4, abs=1e-5)


def test_schedules_fall_and_timesteps_lie_within() -> None:
    assert np.all(np.diff(SCHEDULE) < 0)
    for timesteps in TIMESTEPS:
        assert np.all(np.diff(timesteps) < 0)
        assert 1 <= min(timesteps) <= max(timesteps) <= len(SCHEDULE)
