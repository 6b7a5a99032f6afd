"""The recomputed bound of a model, and what can be told of six panels."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from assignments.ddpm.bound import STEPS, chances, measure_bpd, strata
from assignments.ddpm.panels import expect_less_noise, expect_six
from grader.checks import CheckFailure
from grader.errors import SubjectError
from grader.kernel.local import LocalSubject
from grader.threshold import Threshold
from reference import ddpm, ddpm_bound

IMAGES = np.random.default_rng(0).integers(0, 16, (120, 4, 4)).astype(np.uint8)
LARGER = np.random.default_rng(1).integers(0, 16, (360, 8, 8)).astype(np.uint8)
LIMITS = Threshold(metric="bpd", full=4.3, zero=6.0)
LEFT = torch.cumprod(1 - torch.linspace(1e-4, 0.02, STEPS, dtype=torch.float64), 0)


class Knowing(nn.Module):
    """Takes the nearest level for x_0, which is right as long as there is little noise."""

    def forward(self, x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        left = LEFT[t - 1].reshape(-1, 1, 1, 1).to(x_t)
        nearest = ((x_t / left.sqrt() + 1) * 7.5).round().clamp(0, 15) / 7.5 - 1
        return (x_t - left.sqrt() * nearest) / (1 - left).sqrt()


class Ignorant(nn.Module):
    def forward(self, x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(x_t)


def measured(model: Any, seed: int = 0) -> tuple[float, float, float]:
    rng = np.random.default_rng(seed)
    return measure_bpd(LocalSubject({"model": model}), IMAGES, rng, 1e-6, LIMITS)


def test_every_timestep_has_a_chance_and_they_sum_to_one() -> None:
    assert chances().sum() == pytest.approx(1)
    assert (chances() > 0).all()


def test_strata_follow_the_chances() -> None:
    drawn = strata(10_000, np.random.default_rng(1))
    assert np.all(np.diff(drawn) >= 0)
    counts = np.bincount(drawn, minlength=STEPS + 1)[1:]
    assert np.abs(counts - 10_000 * chances()).max() <= 2


def test_uniform_levels_cost_four_bits_at_least() -> None:
    value, low, high = measured(Knowing())
    # Nothing codes independent uniform levels in fewer than log2(16) bits, in the mean.
    assert high >= math.log2(16)
    assert low < value < high


def test_a_model_that_sees_no_noise_needs_more() -> None:
    assert measured(Ignorant())[1] > measured(Knowing())[2] + 2


def true_bound_of_ignorance(images: np.ndarray[Any, Any]) -> float:
    """Bits per dimension of a model that always answers zero, term by term in closed form.

    With the variance beta_t of the reverse step the noise is weighed by beta / (2 alpha (1 -
    alpha-bar)); the mean square of what was not predicted is one. The decoder at t = 1 has 6.6
    standard deviations of 0.01 to the edge of a level: it costs less than 1e-4 bits.
    """
    betas = np.linspace(1e-4, 0.02, STEPS)
    left = np.cumprod(1 - betas)
    beta, alpha_bar, before = betas[1:], left[1:], left[:-1]
    ratio = (1 - before) / (1 - alpha_bar)
    steps = 0.5 * (ratio - 1 - np.log(ratio)) + beta / (2 * (1 - beta) * (1 - alpha_bar))
    x0 = images / 7.5 - 1
    prior = 0.5 * (left[-1] * np.mean(x0**2) - left[-1] - np.log(1 - left[-1]))
    return float(steps.sum() + prior) / math.log(2)


def test_the_measured_bound_is_right_on_average() -> None:
    subject = LocalSubject({"model": Ignorant()})
    found = [
        measure_bpd(subject, LARGER, np.random.default_rng(seed), 1e-6, LIMITS).value
        for seed in range(100)
    ]
    # A model this bad has a wider spread than an interval may have: 0.3 of 14 bits.
    assert np.std(found) < 0.5
    error = np.std(found) / len(found) ** 0.5
    assert abs(np.mean(found) - true_bound_of_ignorance(LARGER)) < 4 * error


@cache
def directly(model_class: type[nn.Module]) -> float:
    """The bound with every image at every timestep; a sixth of the images is enough for that."""
    model, betas = model_class(), ddpm.linear_beta_schedule(STEPS)
    x0 = torch.from_numpy(LARGER[:60, None] / 7.5 - 1)
    generator = torch.Generator().manual_seed(0)
    nats = ddpm.prior_kl(x0, LEFT).mean()
    for step in range(1, STEPS + 1):
        t = torch.full((len(x0),), step)
        noise = torch.randn(x0.shape, generator=generator, dtype=torch.float64)
        x_t = ddpm.q_sample(x0, t, noise, LEFT)
        predicted = model(x_t.float(), t).double()
        nats += ddpm_bound.bound_term(predicted, x0, x_t, t, betas, betas, 16).mean()
    return float(nats) / math.log(2) / 64


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_the_interval_holds_the_bound_of_every_image_at_every_timestep(seed: int) -> None:
    subject = LocalSubject({"model": Knowing()})
    _, low, high = measure_bpd(subject, LARGER, np.random.default_rng(seed), 1e-6, LIMITS)
    assert low < directly(Knowing) < high


def test_a_model_that_remembers_what_it_was_shown_gains_nothing() -> None:
    """Each image is shown once, so that a second look at less noise never comes."""

    class Remembering(Knowing):
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[torch.Tensor] = []

        def forward(self, x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            noise = super().forward(x_t, t)
            left = LEFT[t - 1].reshape(-1, 1, 1, 1).to(x_t)
            clean = (x_t - (1 - left).sqrt() * noise) / left.sqrt()
            for earlier in self.seen:
                # What is nearly the same image was seen at another noise level: take it instead.
                alike = (clean - earlier).abs().mean(dim=(1, 2, 3)) < 0.02
                clean[alike] = earlier
            self.seen += list(clean[t == 1])
            return (x_t - left.sqrt() * clean) / (1 - left).sqrt()

    assert measured(Remembering()) == pytest.approx(measured(Knowing()), abs=1e-3)


def test_two_measurements_agree_within_their_intervals() -> None:
    one, other = measured(Knowing(), 1), measured(Knowing(), 2)
    assert one[1] <= other[2]
    assert other[1] <= one[2]


def test_a_model_on_a_gpu_is_moved_to_where_the_images_are() -> None:
    class OnGpu(Ignorant):
        here = False

        def cpu(self) -> Any:
            self.here = True
            return self

        def forward(self, x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            if not self.here:
                raise RuntimeError("Expected all tensors to be on the same device")
            return super().forward(x_t, t)

    assert measured(OnGpu()) == measured(Ignorant())


def test_a_model_that_is_no_module_stays_where_it_is() -> None:
    class Plain:
        def eval(self) -> None:
            """Nothing to switch off."""

        def __call__(self, x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            return torch.zeros_like(x_t)

    assert measured(Plain()) == measured(Ignorant())


def test_an_answer_of_another_shape_is_refused() -> None:
    class Flat(nn.Module):
        def forward(self, x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            return x_t.flatten(1)

    with pytest.raises(CheckFailure, match="shape"):
        measured(Flat())


def test_nan_is_refused() -> None:
    class Nowhere(nn.Module):
        def forward(self, x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            return x_t * float("nan")

    with pytest.raises(CheckFailure, match="not finite"):
        measured(Nowhere())


def test_no_model_is_no_bound() -> None:
    with pytest.raises(SubjectError):
        measure_bpd(LocalSubject({}), IMAGES, np.random.default_rng(0), 1e-6, LIMITS)


def panels(count: int = 6, rows: int = 1, backwards: bool = False) -> np.ndarray[Any, Any]:
    """Tiles of 24 pixels whose noise falls, parted by white bands."""
    rng = np.random.default_rng(3)
    clean = np.zeros((24, 24))
    clean[8:16, 10:14] = 0.8
    noise = np.linspace(0.6, 0, count)[:: -1 if backwards else 1]
    tiles = [np.clip(clean + n * rng.uniform(0, 1, clean.shape), 0, 0.85) for n in noise]
    columns = count // rows
    page = np.ones((rows * 30 + 6, columns * 30 + 6))
    for i, tile in enumerate(tiles):
        top, left = 6 + 30 * (i // columns), 6 + 30 * (i % columns)
        page[top : top + 24, left : left + 24] = tile
    return page


@pytest.mark.parametrize("rows", [1, 2])
def test_six_panels_with_falling_noise_pass(rows: int) -> None:
    picture = panels(rows=rows)
    expect_six(picture)
    expect_less_noise(picture)


def test_eight_panels_are_too_many() -> None:
    with pytest.raises(CheckFailure, match="Six panels"):
        expect_six(panels(count=8))


def test_panels_from_data_to_noise_run_backwards() -> None:
    with pytest.raises(CheckFailure, match="begins with noise"):
        expect_less_noise(panels(backwards=True))


def test_a_blank_figure_has_no_order() -> None:
    expect_less_noise(np.ones((30, 180)))
