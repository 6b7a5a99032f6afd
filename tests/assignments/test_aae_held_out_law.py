"""The law of a model's latents and its error, as they are measured on held-out images."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from assignments.aae.held_out_law import energy_distance_to_prior, measure_error, measure_law
from grader.checks.measuring import Interval
from grader.checks.recording import Recorder, recording
from grader.kernel.local import LocalSubject
from grader.threshold import Threshold
from reference import aae
from tests.assignments.aae_verdicts import CHECKS, QUESTIONS


def test_energy_distance_agrees_with_the_reference_on_many_draws() -> None:
    rng = np.random.default_rng(0)
    latents, prior = 0.5 + 1.5 * rng.standard_normal((400, 2)), rng.standard_normal((6000, 2))
    found = energy_distance_to_prior(latents)
    sampled = float(aae.energy_distance(torch.from_numpy(latents), torch.from_numpy(prior)))
    # The reference pairs a latent with itself, which adds E|X - X'| / n, about 2.7 / 400.
    assert found == pytest.approx(sampled - 2.66 / 400 - 1.77 / 6000, abs=0.02)


def test_energy_distance_of_a_point_is_known() -> None:
    # 2 E|Z| - E|Z - Z'| in two dimensions: sqrt(2 pi) - sqrt(pi).
    expected = np.sqrt(2 * np.pi) - np.sqrt(np.pi)
    assert energy_distance_to_prior(np.zeros((10, 2))) == pytest.approx(expected)


class Encoding(torch.nn.Module):
    """Two pixels of a digit are its latent."""

    def encoder(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, 0, 3, 3:5]

    def decoder(self, z: torch.Tensor) -> torch.Tensor:
        return z.mean(dim=1).reshape(-1, 1, 1, 1).expand(-1, 1, 8, 8)


def encoding() -> LocalSubject:
    return LocalSubject({"AAE": Encoding, "model": Encoding()}, lambda: {"AAE": Encoding})


@pytest.mark.parametrize("measure", ["law", "held-out"])
def test_an_interval_of_some_images_holds_the_figure_of_all(measure: str) -> None:
    images = np.random.default_rng(5).integers(0, 16, (1400, 8, 8)).astype(np.uint8)
    far = Threshold(metric="m", full=-2, zero=-1)
    # A corner everywhere, so that nothing is ever decided.
    corners = np.linspace(0, 1, 2000)[1:-1].tolist()
    whole = Threshold(metric="m", full=0, zero=1, between=tuple((c, 1 - c) for c in corners))

    def measured(seed: int, limits: Threshold) -> Interval:
        rng = np.random.default_rng(seed)
        if measure == "law":
            return measure_law(encoding(), images, rng, 1e-3, limits)[0]
        return measure_error(encoding(), images, rng, 1e-3, limits)

    with recording(Recorder()) as recorder:
        value, low, high = measured(0, whole)
        assert recorder.facts["images"] == len(images)
    assert low == value == high, "of all images nothing is left to chance"
    parts = [measured(seed, far) for seed in range(40)]
    assert all(low < value < high for _, low, high in parts)
    assert np.std([part.value for part in parts]) * 2 < parts[0].high - parts[0].low < 0.3


@pytest.mark.slow
def test_draws_of_the_prior_stay_far_below_full_marks() -> None:
    rng = np.random.default_rng(1)
    found = np.sort([energy_distance_to_prior(rng.standard_normal((360, 2))) for _ in range(4000)])
    assert found.mean() == pytest.approx(0, abs=4 * found.std() / 4000**0.5)
    # The law is a sum of weighed chi-squares, whose tail falls exponentially.
    rate = (found[-40] - found[-400]) / np.log(10)
    limits = QUESTIONS["law"].threshold
    assert limits is not None
    assert found[-40] + rate * np.log(1e7) < limits.full


@pytest.mark.slow
def test_laws_at_the_stated_distance_do_not_get_full_marks() -> None:
    rng = np.random.default_rng(2)
    moved = rng.standard_normal((500, 360, 2)) + np.asarray([0.77, 0.0])
    found = np.asarray([energy_distance_to_prior(latents) for latents in moved])
    (check,) = (check for check in CHECKS if check.question == "law")
    assert check.detects is not None
    assert found.mean() == pytest.approx(check.detects.deviations["energy distance"], abs=0.01)
    limits = QUESTIONS["law"].threshold
    assert limits is not None
    assert found.mean() - 4.75 * found.std() > limits.full
