"""No deterministic check of diffusion fails a right answer, whatever its inputs.

An input is one example of a batch, one schedule, one step along a chain or one pair of Gaussians.
Schedules are those of the sheet up to 200 steps, gentle ones of up to 50 and rough ones of up to 8;
all data are float32 or float64, and a hundredth of a unit to ten units large.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assignments.ddpm.definitions import Batch, Pair
from grader.checks.declare import Check
from tests.calibration.redrawn import (
    INPUTS,
    Count,
    Draw,
    Inputs,
    Redrawn,
    assert_right_variants_pass,
)

pytestmark = pytest.mark.calibration

DDPM = Redrawn(Path(__file__).parents[2] / "assignments" / "ddpm")
FUNCTIONS = {
    "linear_beta_schedule",
    "alphas_cumprod",
    "q_step",
    "q_mean_variance",
    "q_sample",
    "prior_kl",
    "posterior_variance",
    "posterior",
    "gaussian_kl_full",
    "diffusion_loss",
    "x0_from_noise",
    "mean_from_noise",
    "p_sample",
}
CHECKS = [c for c in DDPM.checks.values() if DDPM.of(c)[0].function in FUNCTIONS]
IDS = [check.name for check in CHECKS]
SHEET = 1e-4, 0.02

# Where the first argument is a model, examples come second.
SECOND = {"p_sample", "diffusion_loss"}
ONE_A_CALL = {"alphas_cumprod", "posterior_variance"}
# A loss is one number for its batch, so many batches of up to three examples are asked.
ONE_LOSS_A_CALL = "loss_is_the_mean_squared_error"
# A check that holds a sequence against itself has an answer at every timestep.
EVERY_TIMESTEP = {"signal_left_shrinks", "knowing_more_leaves_less_doubt"}
CHAINS = {"steps_compose_to_the_chain", "reverse_chain_retraces_the_forward_chain"}
# Divergences from the prior along a chain are compared without a tolerance, which asks for steps
# above rounding: unit data, steps of 0.02 and more, and a sixth of the signal left at the end.
SETTLED = "prior_kl_vanishes_with_time"


def rough(rng: np.random.Generator) -> Any:
    return rng.uniform(0.02, 0.98, rng.integers(1, 9))


def gentle(rng: np.random.Generator) -> Any:
    return np.exp(rng.uniform(np.log(1e-4), np.log(0.5), int(np.exp(rng.uniform(0, np.log(51))))))


def linear(rng: np.random.Generator) -> Any:
    return np.linspace(*SHEET, int(np.exp(rng.uniform(np.log(2), np.log(201)))))


def settled(rng: np.random.Generator) -> Any:
    return rng.uniform(0.02, 0.3, rng.integers(2, 6))


KINDS, SIZES = (rough, gentle, linear), (0.01, 1.0, 10.0)


def drawn(
    rng: np.random.Generator, dtype: Any, kinds: Any, rows: int, sizes: Any = SIZES
) -> Inputs:
    """A schedule of each kind, and three batches for each of them."""
    schedules = [kind(rng).astype(dtype) for kind in kinds]

    @cache
    def batches() -> list[Batch]:
        made = []
        for betas in schedules:
            for shape in ((1,), (rng.integers(2, 6),), (rng.integers(1, 4), 2, 2)):
                count = int(rng.integers(max(1, rows // 2), rows + 1))
                x0 = rng.choice(sizes) * rng.standard_normal((count, *shape))
                noise = rng.choice([0.1, 1.0, 2.0]) * rng.standard_normal((count, *shape))
                t = rng.integers(1, len(betas) + 1, count)
                made.append(Batch(betas, t, x0.astype(dtype), noise.astype(dtype)))
        return made

    return {"schedules": lambda: schedules, "batches": batches}


def many_examples(rng: np.random.Generator, dtype: Any) -> Inputs:
    return drawn(rng, dtype, KINDS, 200)


def many_schedules(rng: np.random.Generator, dtype: Any) -> Inputs:
    return drawn(rng, dtype, 6 * KINDS, 3)


def one_schedule(rng: np.random.Generator, dtype: Any) -> Inputs:
    return drawn(rng, dtype, [rng.choice(KINDS)], 200)


def short_schedule(rng: np.random.Generator, dtype: Any) -> Inputs:
    return drawn(rng, dtype, [rng.choice([rough, gentle])], 3)


def settled_chains(rng: np.random.Generator, dtype: Any) -> Inputs:
    return drawn(rng, dtype, [settled], 200, (1.0,))


def lengths(_: np.random.Generator, __: Any) -> Inputs:
    return {"LENGTHS": tuple(range(2, 1001))}  # all that there are, half a million betas


def covariances(rng: np.random.Generator, count: int, size: int, worst: float) -> Any:
    """Symmetric matrices with condition numbers up to `worst`, of any scale around one."""
    turns = np.linalg.qr(rng.standard_normal((count, size, size)))[0]
    spread = rng.uniform(0, 1, (count, 1)) * rng.uniform(0, 1, (count, size))
    widths = np.exp(np.log(worst) * spread + rng.normal(0, 1, (count, 1)))
    found = (turns * widths[:, np.newaxis]) @ turns.swapaxes(-1, -2)
    return (found + found.swapaxes(-1, -2)) / 2


def pairs(rng: np.random.Generator, dtype: Any) -> Inputs:
    """Pairs of Gaussians in one to eight dimensions; float32 has room for less ill-conditioned."""
    worst, made = 1e3 if dtype == np.float32 else 1e6, []
    for size in range(1, 9):
        means = rng.choice([0.1, 1.0, 10.0], (2, 1, 1)) * rng.standard_normal((2, 50, size))
        cov_a, cov_b = (covariances(rng, 50, size, worst) for _ in "ab")
        parts = (means[0], cov_a, means[1], cov_b)
        made.append(Pair(*(part.astype(dtype) for part in parts)))
    return {"gaussian_pairs": lambda: made}


def from_the_seed(_: np.random.Generator, __: Any) -> Inputs:
    """Checks against the reference draw their inputs themselves, here in larger batches."""
    return {"IMAGES": 100, "PAIRS": 100}


def draw_for(check: Check) -> Draw:
    function = DDPM.of(check)[0].function
    if check.hidden:
        return from_the_seed
    if check.name == SETTLED:
        return settled_chains
    if check.name in EVERY_TIMESTEP | CHAINS:
        return one_schedule if check.name in EVERY_TIMESTEP else short_schedule
    if check.name == ONE_LOSS_A_CALL:
        return many_schedules
    if function in ("linear_beta_schedule", "gaussian_kl_full"):
        return lengths if function == "linear_beta_schedule" else pairs
    return many_schedules if function in ONE_A_CALL else many_examples


def count_for(check: Check) -> Count:
    function = DDPM.of(check)[0].function
    if function == "linear_beta_schedule":
        return int
    if check.name in EVERY_TIMESTEP:
        return len
    if function in ONE_A_CALL or check.name in CHAINS:
        return lambda *_: 1
    return lambda *args: len(args[function in SECOND])


def assert_passes(check: Check, inputs: int) -> None:
    assert_right_variants_pass(DDPM, check, draw_for(check), count_for(check), inputs)


@pytest.mark.parametrize("check", CHECKS, ids=IDS)
def test_right_answers_pass(check: Check) -> None:
    assert_passes(check, INPUTS // 100)


@pytest.mark.slow
def test_every_deterministic_check_is_among_them() -> None:
    assert DDPM.checks.keys() == set(IDS)


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS, ids=IDS)
def test_right_answers_pass_over_a_hundred_thousand_inputs(check: Check) -> None:
    assert_passes(check, INPUTS)
