"""No deterministic check of the VAE fails a right answer, whatever its inputs.

An input is one example of a batch, one number where every number has an answer of its own, or one
latent of a figure. Data are float32 or float64;
magnitudes run from a hundredth of a standard deviation to tens of them, logits from a thousandth
to thirties. The comparisons themselves meet more sizes in test_deterministic_checks.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assignments.vae.decoders import KnownDecoder
from grader.checks.declare import Check
from grader.checks.ladder import Gaussian
from grader.checks.subject import Array
from tests.calibration.redrawn import (
    INPUTS,
    Count,
    Draw,
    Inputs,
    Redrawn,
    assert_right_variants_pass,
)

pytestmark = pytest.mark.calibration

VAE = Redrawn(Path(__file__).parents[2] / "assignments" / "vae")
NOT_HERE = {
    "examples_are_small_and_large": "takes no input: the student chooses the numbers",
    "estimate_is_the_log_of_the_mean": "meets random decoders in test_deterministic_checks.py",
    "samples_are_levels": "compares no numbers: a sample is asked for its shape and its levels",
    "pair_walks_the_percentiles": "compares as `manifold_walks_the_percentiles` does",
    "pair_shows_means": "compares as `manifold_shows_means` does",
}
CHECKS = {name: check for name, check in VAE.checks.items() if name not in NOT_HERE}

Generator = np.random.Generator
MAGNITUDES = ((1.0, 1.0), (0.01, 0.01), (10.0, 4.0))  # of means and of log standard deviations
SPREADS = (1e-3, 1.0, 10.0, 30.0)  # of logits


def gaussian(rng: Generator, dtype: Any, rows: int, size: int, least: float = 0.0) -> Gaussian:
    """Rows of one magnitude, with means of at least so much."""
    of_mean, of_log_std = MAGNITUDES[rng.integers(len(MAGNITUDES))]
    mean = of_mean * rng.standard_normal((rows, size))
    log_std = of_log_std / 2 * rng.standard_normal((rows, size))
    return Gaussian((mean + least * np.sign(mean)).astype(dtype), log_std.astype(dtype))


def gaussians(rng: Generator, dtype: Any, least: float = 0.0, largest: int = 64) -> Inputs:
    """A ladder of random rungs, of which one in eight is the prior itself where `least` is."""
    rungs = [gaussian(rng, dtype, *rng.integers(1, (41, largest + 1)), least) for _ in range(75)]
    if least:
        rungs[::8] = [Gaussian(0 * mean, 0 * log_std) for mean, log_std in rungs[::8]]
    return {"gaussians": lambda: rungs}


def away_from_the_prior(rng: Generator, dtype: Any) -> Inputs:
    # Whether a divergence is positive is asked without a tolerance, so it must exceed rounding.
    return gaussians(rng, dtype, least=0.25)


def small_gaussians(rng: Generator, dtype: Any) -> Inputs:
    return gaussians(rng, dtype, largest=8)


def pairs(rng: Generator, dtype: Any) -> Inputs:
    names, made = ("mu_q", "var_q", "mu_p", "var_p"), []
    for shape in 50 * ((), (20,)):
        (mean_q, mean_p), log_stds = gaussian(rng, dtype, 2, 20)
        (var_q, var_p) = np.exp(2 * log_stds)
        numbers = (np.resize(number, shape) for number in (mean_q, var_q, mean_p, var_p))
        made.append(dict(zip(names, numbers, strict=True)))
    return {"combinations": lambda **_: made}


def sampled(rng: Generator, dtype: Any) -> Inputs:
    means, log_stds = gaussian(rng, dtype, 6, int(rng.integers(1, 40)))
    return {"MEAN": means, "STD": np.exp(log_stds)}


def images(rng: Generator, dtype: Any, most_rows: int = 60) -> tuple[Array, Array]:
    rows, height, width = (int(n) for n in rng.integers(1, (most_rows + 1, 9, 9)))
    logits = rng.choice(SPREADS) * rng.standard_normal((rows, 16, height, width))
    return logits.astype(dtype), rng.integers(0, 16, (rows, 1, height, width))


def image_batches(rng: Generator, dtype: Any) -> Inputs:
    made = [images(rng, dtype) for _ in range(8)]
    return {"image_batches": lambda: made}


def losses(rng: Generator, dtype: Any) -> Inputs:
    made = []
    for _ in range(6):
        logits, x = images(rng, dtype, 100)
        made.append((logits, x, *gaussian(rng, dtype, len(x), int(rng.integers(1, 40)))))
    return {"loss_inputs": lambda: made}


def large_images(rng: Generator, dtype: Any) -> Inputs:
    made = [images(rng, dtype) for _ in range(3)]
    return {"large_images": lambda _: made}


def linear_models(rng: Generator, dtype: Any) -> Inputs:
    made = []
    for _ in range(25):
        rows, pixels, latents = (int(n) for n in rng.integers(1, (60, 12, 8)))
        mean, log_std = gaussian(rng, dtype, rows, latents)
        entries = {
            "x": 2 * rng.standard_normal((rows, pixels)),
            "weight": rng.standard_normal((pixels, latents)),
            "bias": rng.standard_normal(pixels),
            "noise_var": np.exp(rng.normal()),
        }
        given = {name: np.asarray(value, dtype) for name, value in entries.items()}
        made.append({**given, "mean": mean, "log_std": log_std})
    return {"models": lambda: made}


def shapes(rng: Generator, _: Any) -> Inputs:
    return {
        "IMAGE_SHAPES": tuple(tuple(map(int, rng.integers(1, (200, 4, 40, 40)))) for _ in "abc")
    }


class AnotherDecoder(KnownDecoder):
    """Centres depend on both latents, at each pixel in a way of its own."""

    slopes: Array = np.ones((2, 1, 1, 8, 8))

    def logits(self, z: Array) -> Array:
        """Logits in float64."""
        steps = np.clip(z, -8.0, 8.0)[:, :2].T[..., None, None, None] * self.slopes
        levels = np.arange(16).reshape(1, 16, 1, 1)
        return np.asarray(-((levels - 7.5 - steps.sum(axis=0)) ** 2) / 8)


def grids(rng: Generator, most: int) -> Inputs:
    slopes = rng.choice([-1, 1], (2, 1, 1, 8, 8)) * rng.uniform(0.3, 1.5, (2, 1, 1, 8, 8))
    decoder = type("Decoder", (AnotherDecoder,), {"slopes": slopes})
    return {"GRID_SIZES": tuple(rng.integers(1, most + 1, 4).tolist()), "KnownDecoder": decoder}


def wide_grids(rng: Generator, _: Any) -> Inputs:
    return grids(rng, 20)


def small_grids(rng: Generator, _: Any) -> Inputs:
    return grids(rng, 8)  # every image is held against every other one


def from_the_seed(_: Generator, __: Any) -> Inputs:
    """The check draws its inputs itself, from the seed of the course."""
    return {}


DRAWS: dict[str, Draw] = {
    "gaussian_kl_is_the_log_ratio": pairs,
    "kl_is_the_expected_log_ratio": gaussians,
    "kl_is_zero_only_at_the_prior": away_from_the_prior,
    "kl_is_even_in_the_mean": gaussians,
    "kl_gradient": small_gaussians,
    "kl_agrees_far_from_the_prior": from_the_seed,
    "noise_is_fresh": sampled,
    "gradients_reach_mean_and_std": sampled,
    "reconstruction_is_the_log_likelihood": image_batches,
    "targets_come_with_or_without_a_channel": image_batches,
    "reconstruction_agrees_on_large_images": large_images,
    "loss_is_reconstruction_plus_kl": losses,
    "loss_reaches_both_terms": losses,
    "loss_agrees_on_large_images": large_images,
    "bpd_is_bits_over_dimensions": shapes,
    "gap_is_the_divergence_from_the_posterior": linear_models,
    "bound_never_exceeds_the_evidence": linear_models,
    "manifold_walks_the_percentiles": wide_grids,
    "manifold_shows_means": small_grids,
}


def count_for(check: Check) -> Count:
    function = VAE.of(check)[0].function
    if function == "visualize_manifold":
        return lambda _, grid_size: int(grid_size**2)
    if function in ("gaussian_kl", "sample_reparameterize"):
        return lambda first, *_: first.numel()
    return lambda first, *_: len(first)


def assert_passes(name: str, inputs: int) -> None:
    check = CHECKS[name]
    assert_right_variants_pass(VAE, check, DRAWS[name], count_for(check), inputs)


def test_every_deterministic_check_is_among_them() -> None:
    assert DRAWS.keys() == CHECKS.keys()


@pytest.mark.parametrize("name", DRAWS)
def test_right_answers_pass(name: str) -> None:
    assert_passes(name, INPUTS // 100)


@pytest.mark.slow
@pytest.mark.parametrize("name", DRAWS)
def test_right_answers_pass_over_a_hundred_thousand_inputs(name: str) -> None:
    assert_passes(name, INPUTS)
