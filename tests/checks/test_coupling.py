from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from grader.checks import Expected
from grader.checks.coupling import mean_coefficient, replay

ALPHA_BAR = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))
POINT = np.full((1000, 16), 16.0, np.float32)
RIGHT = Expected(np.sqrt(ALPHA_BAR)[:, None] * POINT)


def sampler(
    mean: np.ndarray, std: np.ndarray, fresh: bool = False
) -> Callable[[np.ndarray], np.ndarray]:
    generator = np.random.default_rng(5)

    def sample(x: np.ndarray) -> np.ndarray:
        source = generator if fresh else np.random.default_rng(5)
        eps = source.standard_normal(x.shape).astype(np.float32)
        return mean.astype(np.float32)[:, None] * x + std.astype(np.float32)[:, None] * eps

    return sample


def test_two_calls_prove_a_right_mean_at_every_timestep() -> None:
    found = mean_coefficient(sampler(np.sqrt(ALPHA_BAR), np.sqrt(1 - ALPHA_BAR)), POINT)
    assert found is not None
    assert found.proves(RIGHT)
    np.testing.assert_allclose(found.coefficient[:, 0], np.sqrt(ALPHA_BAR), atol=1e-6)


def test_a_mean_without_its_root_is_not_proved() -> None:
    found = mean_coefficient(sampler(ALPHA_BAR, np.sqrt(1 - ALPHA_BAR)), POINT)
    assert found is not None
    assert not found.proves(RIGHT)
    wrong = np.abs(found.coefficient - np.sqrt(ALPHA_BAR)[:, None]) > 1e-6
    assert wrong.any(axis=1).sum() >= 999


def test_calls_that_use_their_noise_differently_prove_nothing() -> None:
    right = sampler(np.sqrt(ALPHA_BAR), np.sqrt(1 - ALPHA_BAR), fresh=True)
    found = mean_coefficient(right, POINT)
    assert found is not None
    assert not found.proves(RIGHT)


@pytest.mark.parametrize("answer", [None, "text", np.ones((2, 2), np.int64)])
def test_an_answer_that_is_no_sample_proves_nothing(answer: object) -> None:
    assert mean_coefficient(lambda _x: answer, np.ones((2, 2))) is None


def test_a_mean_of_another_shape_is_not_proved() -> None:
    found = mean_coefficient(lambda x: x[0], np.ones((2, 2)))
    assert found is not None
    assert not found.proves(Expected(np.ones((2, 2))))


def test_a_known_draw_gives_the_noise_coefficient_exactly() -> None:
    std = np.sqrt(1 - ALPHA_BAR)
    found = mean_coefficient(sampler(np.sqrt(ALPHA_BAR), std), POINT)
    assert found is not None
    draw = np.random.default_rng(5).standard_normal(POINT.shape)
    replayed = replay(found.noise, draw)
    assert replayed.exact(tolerance=1e-3)
    np.testing.assert_allclose(replayed.coefficient, std, atol=2e-6)


def test_another_draw_explains_nothing() -> None:
    found = mean_coefficient(sampler(np.sqrt(ALPHA_BAR), np.sqrt(1 - ALPHA_BAR)), POINT)
    assert found is not None
    draw = np.random.default_rng(6).standard_normal(POINT.shape)
    assert not replay(found.noise, draw).exact()
