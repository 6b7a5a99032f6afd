from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from assignments.vae.code_length import WIDEST_REACH, measure_bpd
from grader.checks import CheckFailure
from grader.errors import SubjectError
from grader.kernel.local import LocalSubject
from grader.threshold import Threshold
from tests.assignments.remembering import remembering

IMAGES = np.random.default_rng(20).integers(0, 16, (130, 4, 4)).astype(np.uint8)
ALPHA = 1e-6
LIMITS = Threshold(metric="bpd", full=2.0, zero=3.0)


def vae_class(mean: float = 0.0, log_std: float = 0.0, latents: int = 3) -> type[nn.Module]:
    """A model of constant Gaussians whose decoder has one weight for each level."""

    class VAE(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.levels = nn.Parameter(torch.zeros(16))

        def encoder(self, imgs: torch.Tensor) -> Any:
            ones = torch.ones(len(imgs), latents)
            return mean * ones, log_std * ones

        def decoder(self, z: torch.Tensor) -> Any:
            return self.levels.reshape(1, 16, 1, 1).expand(len(z), 16, 4, 4)

    return VAE


def measured(model_class: type[nn.Module], **changed: Any) -> tuple[float, float, float]:
    model = model_class()
    for name, value in changed.items():
        setattr(model, name, value)
    subject = LocalSubject({"VAE": model_class, "model": model}, lambda: {"VAE": model_class})
    return measure_bpd(subject, IMAGES, np.random.default_rng(1), ALPHA, LIMITS)


def test_a_model_that_knows_nothing_needs_four_bits() -> None:
    assert measured(vae_class()) == pytest.approx((4.0, 4.0, 4.0))


def test_the_kl_is_paid_for() -> None:
    value, _, _ = measured(vae_class(mean=2.0, log_std=math.log(0.5)))
    kl = 3 * 0.5 * (4 + 0.25 - 1 - 2 * math.log(0.5))
    assert value == pytest.approx(4 + kl / math.log(2) / 16)


def test_trained_weights_reach_the_decoder_and_logits_are_normalised() -> None:
    counts = np.bincount(IMAGES.ravel(), minlength=16)
    frequencies = counts / counts.sum()
    # Adding a constant to all logits changes no probability.
    levels = nn.Parameter(torch.tensor(np.log(frequencies) + 500, dtype=torch.float32))
    value, _, _ = measured(vae_class(), levels=levels)
    assert value == pytest.approx(-(frequencies * np.log2(frequencies)).sum(), abs=1e-4)


def test_a_decoder_cannot_remember_what_the_encoder_saw() -> None:
    def recall(seen: torch.Tensor, _decoded: int, z: torch.Tensor) -> torch.Tensor:
        return 50 * nn.functional.one_hot(seen[: len(z)], 16).movedim(-1, 1).float()

    definitions = remembering(vae_class(), recall)
    trained = definitions()
    subject = LocalSubject(trained | {"model": trained["VAE"]()}, definitions)
    value, _, _ = measure_bpd(subject, IMAGES, np.random.default_rng(1), ALPHA, LIMITS)
    assert value == pytest.approx(4.0)


class Sensitive(vae_class()):  # type: ignore[misc]
    """Prefers level 15 as the first latent says."""

    def decoder(self, z: torch.Tensor) -> Any:
        logits = torch.zeros(len(z), 16, 4, 4)
        logits[:, 15] = 0.4 * z[:, :1, None]
        return logits


def test_the_interval_covers_what_many_draws_give() -> None:
    value, low, high = measured(Sensitive)
    z, weights = np.polynomial.hermite_e.hermegauss(60)
    normaliser = weights @ np.log(15 + np.exp(0.4 * z)) / weights.sum()
    # E[0.4 z] is zero, so only the normaliser is left.
    assert low < normaliser / math.log(2) < high
    assert low < value < high


def test_a_bad_second_draw_does_not_widen_the_interval() -> None:
    class Moody(vae_class()):  # type: ignore[misc]
        calls = 0

        def decoder(self, z: torch.Tensor) -> Any:
            Moody.calls += 1
            logits = super().decoder(z).clone()
            logits[:, 0] += 1000 * (Moody.calls > 2)  # 130 images are two messages
            return logits

    value, low, _ = measured(Moody)
    assert value == pytest.approx(4.0)
    assert low == pytest.approx(4.0 - WIDEST_REACH)


def test_a_model_on_a_gpu_is_evaluated_in_two_sandboxes_without_one() -> None:
    made = []

    def definitions() -> dict[str, Any]:
        made.append(vae_class(mean=2.0))
        return {"VAE": made[-1]}

    class OnGpu(vae_class()):  # type: ignore[misc]
        def encoder(self, imgs: torch.Tensor) -> Any:
            raise RuntimeError("Expected all tensors to be on the same device")

    subject = LocalSubject({"VAE": OnGpu, "model": OnGpu()}, definitions)
    rng = np.random.default_rng(1)
    value, _, _ = measure_bpd(subject, IMAGES, rng, ALPHA, LIMITS, device="cuda")
    assert len(made) == 2
    assert value == pytest.approx(4 + 3 * 0.5 * 4 / math.log(2) / 16)


def test_dropout_is_switched_off() -> None:
    class Dropping(vae_class()):  # type: ignore[misc]
        def decoder(self, z: torch.Tensor) -> Any:
            logits = super().decoder(z).clone()
            logits[:, 0] += 100 * self.training
            return logits

    assert measured(Dropping)[0] == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("encoded", "problem"),
    [
        (lambda n: torch.zeros(n, 2), "two tensors"),
        (lambda n: (torch.zeros(n, 2), torch.zeros(n, 3)), "both should be"),
        (lambda _: (torch.zeros(1, 2), torch.zeros(1, 2)), "both should be"),
        (lambda n: (torch.zeros(n, 2), torch.full((n, 2), -math.inf)), "not finite"),
        (lambda n: (torch.full((n, 2), math.nan), torch.zeros(n, 2)), "not finite"),
        (lambda n: (torch.zeros(n, 2), torch.full((n, 2), 400.0)), "KL .* not finite"),
        (lambda n: (torch.zeros(n, 5000), torch.zeros(n, 5000)), "5000 latent dimensions"),
    ],
)
def test_what_is_no_gaussian_fails(encoded: Any, problem: str) -> None:
    class Odd(vae_class()):  # type: ignore[misc]
        def encoder(self, imgs: torch.Tensor) -> Any:
            return encoded(len(imgs))

    with pytest.raises(CheckFailure, match=problem):
        measured(Odd)


@pytest.mark.parametrize(
    ("decoded", "problem"),
    [
        (lambda n: torch.zeros(n, 1, 4, 4), "expected: one logit"),
        (lambda n: torch.zeros(n, 17, 4, 4), "expected: one logit"),
        (lambda _: torch.zeros(1, 16, 4, 4), "expected: one logit"),
        (lambda n: torch.zeros(n, 16, 4, 4, dtype=torch.int64), "int64"),
        (lambda n: torch.full((n, 16, 4, 4), math.inf), "not finite"),
        (lambda n: torch.full((n, 16, 4, 4), math.nan), "not finite"),
    ],
)
def test_what_is_no_logit_fails(decoded: Any, problem: str) -> None:
    class Odd(vae_class()):  # type: ignore[misc]
        def decoder(self, z: torch.Tensor) -> Any:
            return decoded(len(z))

    with pytest.raises(CheckFailure, match=problem):
        measured(Odd)


def test_a_model_that_needs_arguments_is_the_students_error() -> None:
    class Needy(vae_class()):  # type: ignore[misc]
        def __init__(self, size: int) -> None:
            super().__init__()
            self.size = size

    subject = LocalSubject({"VAE": Needy, "model": Needy(3)}, lambda: {"VAE": Needy})
    with pytest.raises(SubjectError, match="VAE raised TypeError"):
        measure_bpd(subject, IMAGES, np.random.default_rng(1), ALPHA, LIMITS)
