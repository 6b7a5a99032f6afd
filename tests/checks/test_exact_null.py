from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from grader.checks import CheckFailure, exact_null, expect_normal, expect_standard_normal
from grader.checks.exact_null import bundle, detectable, detects
from grader.checks.recording import Recorder, recording
from grader.errors import AssignmentError

B, D = 256, 16


def noise(seed: int = 0, shape: tuple[int, ...] = (B, D)) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


WRONG = {
    "wide": (lambda: 1.5 * noise(), "standard deviation is 1.5"),
    "narrow": (lambda: 0.6 * noise(), "standard deviation is 0.599"),
    "shifted": (lambda: noise() + 0.5, "mean is off by 0.48"),
    "one draw for the batch": (lambda: np.repeat(noise(1, (1, D)), B, 0), "shared across the"),
    "one number for a row": (lambda: np.repeat(noise(1, (B, 1)), D, 1), "drawn for a whole row"),
    "uniform of the same variance": (
        lambda: np.random.default_rng(0).uniform(-(3**0.5), 3**0.5, (B, D)),
        "not normal",
    ),
    "signs": (lambda: np.sign(noise()), "not normal"),
    "rand instead of randn": (
        lambda: np.random.default_rng(0).random((B, D)),
        "mean is off by 0.5",
    ),
    "no noise": (lambda: np.zeros((B, D)), "do not vary at all"),
    "nan": (lambda: np.where(noise() > 3, np.nan, noise()), "NaN"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_sampler_fails_and_is_told_how(name: str) -> None:
    draw, said = WRONG[name]
    with (
        recording(Recorder("sample_reparameterize")) as recorder,
        pytest.raises(CheckFailure, match=said) as caught,
    ):
        expect_standard_normal(draw())
    assert caught.value.message.startswith("The samples of your sample_reparameterize")
    assert recorder.facts["n"] == B * D


def test_a_right_sampler_passes_with_any_trailing_shape() -> None:
    expect_standard_normal(noise(3, (64, 1, 8, 8)))


def test_p_values_agree_with_scipy() -> None:
    z = noise(2, (8, 3))
    found = bundle(z, 1e-9).p_values
    rows, columns = z.sum(1) / 3**0.5, z.sum(0) / 8**0.5
    assert found["mean"] == pytest.approx(2 * stats.norm.sf(abs(z.mean()) * 24**0.5))
    for name, statistic, degrees in (
        ("std", z.var() * 24, 23),
        ("rows", (rows**2).sum(), 8),
        ("columns", (columns**2).sum(), 3),
    ):
        law = stats.chi2(degrees)
        assert found[name] == pytest.approx(2 * min(law.sf(statistic), law.cdf(statistic)))
    distance = stats.kstest(z.ravel(), "norm").statistic
    assert found["shape"] == pytest.approx(min(1, 2 * math.exp(-2 * 24 * distance**2)))


def test_one_number_cannot_be_tested() -> None:
    with pytest.raises(AssignmentError, match="at least 2"):
        bundle(np.ones((1, 1)), 1e-9)


@pytest.mark.parametrize("component", ["mean", "std", "rows", "columns"])
def test_the_detectable_deviation_is_rejected_as_often_as_it_says(component: str) -> None:
    # At a power of 90 % the rate can be counted; the computation is the same at 1 - 1e-6.
    rows, columns, alpha = 64, 8, 1e-3
    deviation = detectable(rows, columns, alpha, power=0.9)[component]
    generator = np.random.default_rng(11)
    rejected = 0
    for _ in range(1000):
        z = generator.standard_normal((rows, columns))
        if component == "mean":
            z += deviation
        elif component == "std":
            z *= 1 + deviation
        else:
            axis = 1 if component == "rows" else 0
            shared = generator.standard_normal(z.shape).mean(axis=axis, keepdims=True)
            shared *= z.shape[axis] ** 0.5
            z = (1 - deviation) ** 0.5 * z + deviation**0.5 * shared
        rejected += component in bundle(z, alpha).failing
    # 99.9 % of binomial(1000, 0.9); std may be rejected more often, on its stronger side.
    assert rejected >= stats.binom.ppf(0.0005, 1000, 0.9)
    if component != "std":
        assert rejected <= stats.binom.ppf(0.9995, 1000, 0.9)


def test_a_distribution_at_the_detectable_distance_is_rejected() -> None:
    n, alpha = 1024, 1e-6
    distance = detectable(n, 1, alpha, power=0.999)["shape"]
    # A point mass of this size at zero moves the distribution function by half of it.
    generator = np.random.default_rng(0)
    for _ in range(50):
        z = generator.standard_normal((n, 1))
        z[generator.random((n, 1)) < 2 * distance] = 0.0
        assert "shape" in bundle(z, alpha).failing


def test_power_grows_with_the_sample() -> None:
    small, large = detectable(64, 16, 1e-9), detectable(1024, 16, 1e-9)
    assert all(large[name] < small[name] for name in ("mean", "std", "rows", "shape"))


def test_what_cannot_surely_be_seen_is_infinite() -> None:
    assert detectable(64, 1, 1e-9)["rows"] == math.inf
    assert detectable(1, 64, 1e-9)["columns"] == math.inf


def test_a_confidence_of_1e9_costs_about_1_3_times_the_samples_of_1e6() -> None:
    strict, loose = (detectable(256, 16, alpha)["mean"] for alpha in (1e-9, 1e-6))
    assert (strict / loose) ** 2 == pytest.approx(1.27, abs=0.05)


def test_the_statement_of_power_counts_every_number_drawn() -> None:
    stated = detects((64, 1, 8, 8), 1e-9, {"reparam/var-for-std": ("std", 1.0)})
    assert stated.n == 4096
    assert set(stated.deviations) == set(exact_null.COMPONENTS)
    assert not list(stated.too_weak())


def test_samples_are_judged_by_their_own_mean_and_std() -> None:
    mean, std = np.linspace(-3, 3, D), np.linspace(0.5, 2, B)[:, None]
    expect_normal(mean + std * noise(), mean, std)
    with pytest.raises(CheckFailure, match="standard deviation"):
        expect_normal(mean + 1.5 * std * noise(), mean, std)


def test_samples_of_a_broadcastable_shape_fail_before_they_are_tested() -> None:
    with pytest.raises(CheckFailure, match=r"shape \(16,\) where \(256, 16\)"):
        expect_normal(np.zeros(D), np.zeros((B, D)), 1.0)


def test_a_check_cannot_spend_more_alpha_than_it_declares() -> None:
    with recording(Recorder(alpha=1e-9)):
        expect_standard_normal(noise(), alpha=0.5e-9)
        expect_standard_normal(noise(1), alpha=0.5e-9)
        with pytest.raises(AssignmentError, match=r"5\.0e-10 more"):
            expect_standard_normal(noise(2), alpha=0.5e-9)
