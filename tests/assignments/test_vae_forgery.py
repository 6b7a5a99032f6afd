"""Models that claim fewer bits than they have: each is measured at its true value, stated here.

The images are independent uniform levels, which nothing codes in fewer than log2(16) = 4 bits in
the mean, so that every forged figure below 4 would be one.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from assignments.vae.code_length import measure_bpd
from assignments.vae.hidden_checks import held_out_images_are_coded_in_few_bits as bpd_check
from grader.assignment import Question
from grader.checks.context import Context
from grader.checks.runner import run_check
from grader.kernel.local import LocalSubject
from grader.threshold import Threshold
from tests.assignments.remembering import remembering

PIXELS, ENTROPY = 16, 4.0
LIMITS = Threshold(metric="bpd", full=2.0, zero=3.0)


def uniform_images(count: int, seed: int) -> Any:
    return np.random.default_rng(seed).integers(0, 16, (count, 4, 4)).astype(np.uint8)


HELD_OUT = uniform_images(200, seed=20)


class Untrained(nn.Module):
    """Sends nothing and claims nothing: 4 bits."""

    latents = 1

    def encoder(self, imgs: torch.Tensor) -> Any:
        zeros = torch.zeros(len(imgs), self.latents)
        return zeros, zeros

    def decoder(self, z: torch.Tensor) -> Any:
        return torch.zeros(len(z), 16, 4, 4)


def measured(definitions: Any, images: Any = HELD_OUT) -> tuple[float, float, float]:
    trained = definitions()
    subject = LocalSubject({**trained, "model": trained["VAE"]()}, definitions)
    return measure_bpd(subject, images, np.random.default_rng(1), 1e-6, LIMITS)


def sure_of(levels: torch.Tensor, logit: float = 60.0) -> torch.Tensor:
    """Logits (B, 16, 4, 4) that are sure of levels (B, 4, 4)."""
    return logit * nn.functional.one_hot(levels.long(), 16).movedim(-1, 1).float()


@pytest.mark.parametrize("remembers", ["the-last-batch", "every-image-by-its-place"])
def test_a_decoder_that_remembers_what_the_encoder_was_given_needs_four_bits(
    remembers: str,
) -> None:
    def recall(seen: torch.Tensor, decoded: int, z: torch.Tensor) -> torch.Tensor:
        begin = decoded if remembers == "every-image-by-its-place" else 0
        return sure_of(seen[begin : begin + len(z)])

    definitions = remembering(Untrained, recall)
    in_one_process = definitions()["VAE"]()
    images = torch.from_numpy(HELD_OUT[:5, None].astype(np.int64))
    in_one_process.encoder(images)
    levels = in_one_process.decoder(torch.zeros(5, 1)).argmax(dim=1)
    assert torch.equal(levels, images[:, 0]), "the forgery works where both share a process"
    assert measured(definitions) == pytest.approx((ENTROPY, ENTROPY, ENTROPY))


@pytest.mark.parametrize("claimed", [0.0, 1000.0], ids=["probability-one", "far-above-one"])
def test_probabilities_that_sum_to_more_than_one_are_normalised(claimed: float) -> None:
    class VAE(Untrained):
        def decoder(self, z: torch.Tensor) -> Any:
            # As logarithms of probabilities these would be zero bits, or a negative number of them.
            return torch.full((len(z), 16, 4, 4), claimed)

    found = measured(lambda: {"VAE": VAE})
    assert found == pytest.approx((ENTROPY, ENTROPY, ENTROPY))


def test_a_printed_figure_changes_nothing() -> None:
    model = Untrained()
    subject = LocalSubject({"VAE": Untrained, "model": model}, lambda: {"VAE": Untrained})
    question = Question(id="bpd-test", title="Bits", points=3, threshold=LIMITS)
    context = Context(question=question, held_out=HELD_OUT, printed={"bpd": 0.01})
    verdict = run_check(bpd_check, subject, context)
    assert verdict.evidence["recomputed"]["bpd"] == pytest.approx([ENTROPY] * 3)
    assert verdict.points == 0


def test_a_memorised_public_set_is_worth_only_what_it_has_in_common_with_held_out_images() -> None:
    public = uniform_images(64, seed=21)
    sure, spread = 1.5, 1e-3
    places = np.linspace(-2, 2, len(public))

    def definitions() -> dict[str, Any]:
        memory = torch.from_numpy(public.astype(np.int64))
        at = torch.from_numpy(places.astype(np.float32))

        class VAE(Untrained):
            def encoder(self, imgs: torch.Tensor) -> Any:
                alike = (imgs == memory[None]).flatten(2).sum(dim=2)  # (B, 64)
                mean = at[alike.argmax(dim=1)][:, None]
                return mean, torch.full_like(mean, math.log(spread))

            def decoder(self, z: torch.Tensor) -> Any:
                nearest = (z - at[None]).abs().argmin(dim=1)
                return sure_of(memory[nearest], sure)

        return {"VAE": VAE}

    def true_value(images: Any) -> float:
        """What the index costs, and what it leaves to be said; neighbours never get confused."""
        alike = (images[:, None] == public[None]).reshape(len(images), len(public), -1).sum(axis=2)
        index = alike.argmax(axis=1)
        kl = 0.5 * (places[index] ** 2 + spread**2 - 1) - math.log(spread)
        nats = PIXELS * math.log(math.exp(sure) + 15) - sure * alike.max(axis=1)
        return float((kl + nats).mean()) / math.log(2) / PIXELS

    assert true_value(public) < 3.6, "on the set itself the forgery works"
    assert true_value(HELD_OUT) > ENTROPY
    assert measured(definitions)[0] == pytest.approx(true_value(HELD_OUT), abs=1e-5)


@pytest.mark.parametrize("pixels_in_one", [1, 2, 4])
def test_bits_hidden_in_tiny_variances_are_paid_for(pixels_in_one: int) -> None:
    steps = 16**pixels_in_one
    spacing = 2 / steps
    log_std = math.log(spacing / 14)  # seven standard deviations to either side
    weights = 16 ** np.arange(pixels_in_one)

    def definitions() -> dict[str, Any]:
        class VAE(Untrained):
            def encoder(self, imgs: torch.Tensor) -> Any:
                groups = imgs.reshape(len(imgs), -1, pixels_in_one)
                whole = (groups * torch.from_numpy(weights)).sum(dim=2)
                mean = (whole + 0.5).double() * spacing - 1
                return mean, torch.full_like(mean, log_std)

            def decoder(self, z: torch.Tensor) -> Any:
                whole = torch.floor((z.double() + 1) / spacing).long().clamp(0, steps - 1)
                digits = whole[:, :, None] // torch.from_numpy(weights) % 16
                return sure_of(digits.reshape(len(z), 4, 4))

        return {"VAE": VAE}

    whole = (HELD_OUT.reshape(len(HELD_OUT), -1, pixels_in_one) * weights).sum(axis=2)
    means = (whole + 0.5) * spacing - 1
    nats = 0.5 * (means**2 + math.exp(2 * log_std) - 1) - log_std
    true_value = float(nats.sum(axis=1).mean()) / math.log(2) / PIXELS
    assert true_value > ENTROPY
    assert measured(definitions)[0] == pytest.approx(true_value, abs=1e-5)


def test_a_decoder_that_waits_for_a_second_draw_gains_nothing() -> None:
    """Two noisy looks at an image say more than the KL of one has paid for."""

    def definitions() -> dict[str, Any]:
        first: list[torch.Tensor] = []

        class VAE(Untrained):
            latents = PIXELS

            def encoder(self, imgs: torch.Tensor) -> Any:
                mean = (imgs.flatten(1) - 7.5) / 4.6
                return mean, torch.full_like(mean, -0.5)

            def decoder(self, z: torch.Tensor) -> Any:
                known = z if len(first) < 2 else (z + torch.cat(first)[: len(z)]) / 2
                first.append(z)
                off = torch.arange(16.0)[:, None] - (known[:, None] * 4.6 + 7.5)
                return (-(off**2) / (2 * (4.6 * math.exp(-0.5)) ** 2)).reshape(-1, 16, 4, 4)

        return {"VAE": VAE}

    def once() -> dict[str, Any]:
        class VAE(definitions()["VAE"]):  # type: ignore[misc]
            def decoder(self, z: torch.Tensor) -> Any:
                return definitions()["VAE"]().decoder(z)

        return {"VAE": VAE}

    images = HELD_OUT[:100]  # one message a draw, so that the second meets the first
    value, low, _ = measured(definitions, images)
    honest = measured(once, images)[0]
    assert value == pytest.approx(honest, abs=1e-6)
    assert low > ENTROPY - 0.1
