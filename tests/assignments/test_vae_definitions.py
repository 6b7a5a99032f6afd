from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.distributions import Categorical, Independent, Normal, kl_divergence

from assignments.vae import definitions
from grader.checks import ladder
from grader.checks.expected import by_shape

GENERATOR = np.random.default_rng(3)


def test_the_kl_of_two_is_that_of_torch_at_every_entry() -> None:
    mean_q, mean_p = GENERATOR.normal(0, 3, (2, 50))
    var_q, var_p = GENERATOR.uniform(0.05, 9, (2, 50))
    laws = (
        Normal(torch.from_numpy(mean), torch.from_numpy(var).sqrt())
        for mean, var in ((mean_q, var_q), (mean_p, var_p))
    )
    expected = definitions.kl_of_two(mean_q, var_q, mean_p, var_p)
    np.testing.assert_allclose(expected.value, kl_divergence(*laws).numpy(), rtol=1e-12)


def test_the_ladder_is_expected_as_each_of_its_rungs() -> None:
    rungs = ladder.gaussians()
    for rung, expected in zip(rungs, by_shape(definitions.kl_to_prior, rungs), strict=True):
        alone = definitions.kl_to_prior(*rung)
        np.testing.assert_allclose(expected.value, alone.value, rtol=1e-14, atol=1e-14)
        np.testing.assert_allclose(expected.scale, alone.scale, rtol=1e-14)


def test_slopes_of_the_kl_are_the_derivatives_even_many_std_from_zero() -> None:
    mean, log_std = np.array([[0.0, 1.5, 40.0, -20.0]]), np.array([[0.0, -1.0, -8.0, 3.0]])
    by_mean, by_log_std = definitions.kl_slopes(mean, log_std)
    for slope, right in ((by_mean, mean), (by_log_std, np.expm1(2 * log_std))):
        error = np.abs(slope.value - right)
        assert np.all(error <= 1e-13 * definitions.scale_of(slope))


def test_the_likelihood_is_averaged_over_latents_for_one_image() -> None:
    logits = GENERATOR.normal(0, 2, (6, 16, 3, 5)).astype(np.float32)
    x = GENERATOR.integers(0, 16, (1, 1, 3, 5))
    pixels = Categorical(logits=torch.from_numpy(logits).double().movedim(1, -1))
    of_sample = Independent(pixels, 2).log_prob(torch.from_numpy(x[:, 0]))
    right = torch.logsumexp(of_sample, dim=0) - np.log(6)
    expected = definitions.log_mean_likelihood(x, logits)
    assert expected.value == pytest.approx([right.item()], rel=1e-12)


def test_bits_are_counted_for_each_value_of_an_image() -> None:
    # Four bits for each of 3 x 8 x 8 values.
    nats = np.array([4 * 192 * np.log(2)])
    assert definitions.bits_per_dimension(nats, (1, 3, 8, 8)).value == pytest.approx([4.0])


def test_a_sample_moves_with_its_mean_and_by_its_noise_with_its_std() -> None:
    mean, std = np.array([[1.0, -2.0]], np.float32), np.array([[0.5, 4.0]], np.float32)
    noise = np.array([[2.0, -0.25]])
    by_mean, by_std = definitions.sample_slopes((mean + std * noise).astype("f4"), mean, std)
    assert np.all(by_mean.value == 1)
    np.testing.assert_allclose(by_std.value, noise)
