from __future__ import annotations

import itertools

import numpy as np
import pytest

from grader.checks import ladder


def kl(mean: np.ndarray, log_std: np.ndarray) -> np.ndarray:
    return 0.5 * (mean**2 + np.exp(2 * log_std) - 1 - 2 * log_std).sum(-1)


# Fifteen ways of writing the KL to the unit Gaussian wrongly, each with the shape of a right one.
WRONG = {
    "missing half": lambda m, s: 2 * kl(m, s),
    "mean not squared": lambda m, s: 0.5 * (m + np.exp(2 * s) - 1 - 2 * s).sum(-1),
    "mean missing": lambda m, s: kl(0 * m, s),
    "log_std taken for log_var": lambda m, s: kl(m, s / 2),
    "log_var taken for log_std": lambda m, s: kl(m, 2 * s),
    "std for var": lambda m, s: 0.5 * (m**2 + np.exp(s) - 1 - 2 * s).sum(-1),
    "log term without its 2": lambda m, s: 0.5 * (m**2 + np.exp(2 * s) - 1 - s).sum(-1),
    "log term doubled": lambda m, s: 0.5 * (m**2 + np.exp(2 * s) - 1 - 4 * s).sum(-1),
    "log term added": lambda m, s: 0.5 * (m**2 + np.exp(2 * s) - 1 + 2 * s).sum(-1),
    "constant missing": lambda m, s: kl(m, s) + 0.5 * m.shape[-1],
    "constant once for all": lambda m, s: kl(m, s) + 0.5 * (m.shape[-1] - 1),
    "mean over dims": lambda m, s: kl(m, s) / m.shape[-1],
    "sign": lambda m, s: -kl(m, s),
    "reverse": lambda m, s: 0.5 * ((1 + m**2) * np.exp(-2 * s) - 1 + 2 * s).sum(-1),
    "half and mean over dims": lambda m, s: 2 * kl(m, s) / m.shape[-1],
}


def separation(one, other, rungs) -> float:
    return max(float(np.abs(one(*rung) - other(*rung)).max()) for rung in rungs)


@pytest.mark.parametrize("batched", [True, False])
def test_there_are_256_different_gaussians(batched: bool) -> None:
    rungs = ladder.gaussians(batched=batched)
    distinct = {(m.shape, m.tobytes(), s.tobytes()) for m, s in rungs}
    assert len(rungs) == len(distinct) == 256


def test_the_ladder_begins_with_the_simplest_gaussian_and_climbs_in_size() -> None:
    rungs = ladder.gaussians()
    assert rungs[0].mean.shape == (1, 1)
    assert not rungs[0].mean.any()
    assert not rungs[0].log_std.any()
    rows = [rung.mean.shape[0] for rung in rungs]
    assert rows == sorted(rows)


def test_values_are_exact_in_half_precision() -> None:
    for mean, log_std in ladder.gaussians():
        np.testing.assert_array_equal(mean.astype(np.float16), mean)
        np.testing.assert_array_equal(log_std.astype(np.float16), log_std)


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("name", WRONG)
def test_every_wrong_kl_falls_early(name: str, batched: bool) -> None:
    rungs = ladder.gaussians(batched=batched)
    first = next(i for i, r in enumerate(rungs) if np.abs(WRONG[name](*r) - kl(*r)).max() > 1e-2)
    assert first <= 64


@pytest.mark.parametrize("batched", [True, False])
def test_no_two_wrong_kls_look_alike(batched: bool) -> None:
    rungs = ladder.gaussians(batched=batched)
    for one, other in itertools.combinations(WRONG, 2):
        assert separation(WRONG[one], WRONG[other], rungs) > 0.1, (one, other)


def test_arrays_hold_every_shape_in_order_with_zero_first() -> None:
    rungs = ladder.arrays([(1,), (2, 3)], values=(0.0, 1.0, -2.0))
    assert [rung.shape for rung in rungs] == [(1,)] * 8 + [(2, 3)] * 8
    assert not rungs[0].any()
    assert {rung.dtype for rung in rungs} == {np.dtype(np.float32)}


def test_combinations_change_one_thing_before_two() -> None:
    rungs = ladder.combinations(mean=(0.0, 1.0, 2.0), var=(1.0, 4.0))
    assert len(rungs) == 6
    pairs = [(float(rung["mean"]), float(rung["var"])) for rung in rungs]
    assert pairs[0] == (0, 1)
    assert set(pairs[1:3]) == {(1, 1), (0, 4)}


def test_no_more_than_256_combinations_are_made() -> None:
    values = tuple(range(5))
    assert len(ladder.combinations(a=values, b=values, c=values, d=values)) == 256


def test_images_stay_within_their_levels_and_begin_black() -> None:
    rungs = ladder.images((3, 4, 5), levels=16)
    assert {rung.shape for rung in rungs} == {(1, 3, 4, 5)}
    assert not rungs[0].any()
    assert min(rung.min() for rung in rungs) == 0
    assert max(rung.max() for rung in rungs) == 15
    assert len({rung.tobytes() for rung in rungs}) == len(rungs)
