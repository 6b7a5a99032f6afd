"""Split evaluation against a direct one: the same honest model in one process, without noise."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from assignments.vae.code_length import measure_bpd
from grader.checks.measuring import Interval
from grader.kernel.local import LocalSubject
from grader.threshold import Threshold

ALPHA, SEEDS = 1e-6, range(20)
NOWHERE_NEAR = Threshold(metric="bpd", full=0.1, zero=0.2)
IMAGES = np.random.default_rng(0).binomial(15, 0.3, (1200, 4, 4)).astype(np.uint8)


class VAE(nn.Module):
    """One latent, so that the expectation over it is a sum over a few hundred nodes."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.encode = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 2))
        self.decoder = nn.Sequential(
            nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 256), nn.Unflatten(1, (16, 4, 4))
        )

    def encoder(self, imgs: torch.Tensor) -> Any:
        mean, log_std = self.encode(imgs.float() / 7.5 - 1).chunk(2, dim=1)
        return 1.5 * mean, 0.5 * log_std


@cache
@torch.no_grad()
def direct_bpd(count: int) -> float:
    """Bits per dimension of the first images by Gauss-Hermite quadrature, to ten digits."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    model, imgs = VAE(), torch.from_numpy(IMAGES[:count, None].astype(np.int64))
    mean, log_std = (part.double() for part in model.encoder(imgs))
    kl = 0.5 * (mean**2 + torch.exp(2 * log_std) - 1 - 2 * log_std).sum(dim=1)
    nats = torch.zeros(len(imgs), dtype=torch.float64)
    for node, weight in zip(nodes, weights / weights.sum(), strict=True):
        logits = model.decoder((mean + torch.exp(log_std) * node).float()).double()
        nats += weight * nn.functional.cross_entropy(logits, imgs[:, 0], reduction="none").sum(
            dim=(1, 2)
        )
    return float((nats + kl).mean()) * math.log2(math.e) / 16


def measured(images: Any, seed: int, limits: Threshold) -> Interval:
    subject = LocalSubject({"VAE": VAE, "model": VAE()}, lambda: {"VAE": VAE})
    return measure_bpd(subject, images, np.random.default_rng(seed), ALPHA, limits)


@pytest.mark.parametrize("seed", SEEDS)
def test_split_evaluation_agrees_with_a_direct_one_within_its_interval(seed: int) -> None:
    value, low, high = measured(IMAGES[:360], seed, NOWHERE_NEAR)
    assert low < direct_bpd(360) < high
    assert low < value < high
    assert high - low < 0.07


@pytest.mark.parametrize("seed", SEEDS)
def test_an_interval_of_a_part_holds_the_value_of_all(seed: int) -> None:
    _, low, high = measured(IMAGES, seed, NOWHERE_NEAR)
    assert low < direct_bpd(len(IMAGES)) < high


@pytest.mark.slow
def test_intervals_are_as_wide_as_they_say() -> None:
    """The value of all is missed by a two-sigma interval about once in twenty times."""
    truth = direct_bpd(len(IMAGES))
    sigmas = []
    for seed in range(100):
        value, low, _ = measured(IMAGES, seed, NOWHERE_NEAR)
        # Three looks were possible, each with a third of alpha.
        sigmas.append((value - truth) / (value - low) * 5.103)
    assert 0.8 < np.std(sigmas) < 1.2


def test_a_figure_near_a_threshold_takes_more_images() -> None:
    truth = direct_bpd(len(IMAGES))
    near = Threshold(metric="bpd", full=truth, zero=truth + 1)
    part, whole = measured(IMAGES, 1, NOWHERE_NEAR), measured(IMAGES, 1, near)
    assert whole.high - whole.low < part.high - part.low
    assert near.share(whole.low) == 1, "when the data run out the student gets the benefit"
