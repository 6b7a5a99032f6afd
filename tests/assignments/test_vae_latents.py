"""What a student is told whose decoder sees one latent where every image needs its own."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.assignments.uva_vae import uva
from tests.assignments.vae_dialect_verdicts import lost
from tests.assignments.vae_verdicts import CHECKS, judged


def estimate_from_one_latent(x: Any, decoder: Any, n_samples: int) -> Any:
    log_p = torch.log_softmax(decoder(torch.randn(1, 20)), dim=1)
    levels = x.long().reshape(len(x), 1, 8, 8)
    return log_p.expand(len(x), -1, -1, -1).gather(1, levels).sum(dim=(1, 2, 3))


def sample_from_one_latent(decoder: Any, n: int) -> Any:
    logits = decoder(torch.randn(1, 20)).permute(0, 2, 3, 1)
    return torch.distributions.Categorical(logits=logits).sample((n,))


def message(name: str, replaced: dict[str, Any]) -> str | None:
    (check,) = (each for each in CHECKS if each.name == name)
    return judged(check, replaced).message


@pytest.mark.parametrize(
    ("check", "replaced", "told"),
    [
        (
            "estimate_is_the_log_of_the_mean",
            {"log_likelihood_mc": estimate_from_one_latent},
            "With n_samples = 16 and one image your decoder is given 1 latent where 16 are "
            "expected.",
        ),
        (
            "pixels_are_drawn_from_their_distributions",
            {"sample": sample_from_one_latent},
            "For 64 images your decoder is given 1 latent where 64 are expected.",
        ),
        (
            "latents_are_draws_of_the_prior",
            {"sample": sample_from_one_latent},
            "For 64 images your decoder is given 1 latent where 64 are expected.",
        ),
    ],
    ids=["estimate", "pixels", "prior"],
)
def test_one_latent_is_told_and_how_many_are_expected(
    check: str, replaced: dict[str, Any], told: str
) -> None:
    assert message(check, replaced) == told


def test_two_latents_are_told_in_the_plural() -> None:
    def sample(decoder: Any, n: int) -> Any:
        return sample_from_one_latent(lambda z: decoder(z.expand(2, -1))[:1], n)

    told = "For 64 images your decoder is given 2 latents where 64 are expected."
    assert message("latents_are_draws_of_the_prior", {"sample": sample}) == told


def test_one_latent_of_the_uva_model_is_told() -> None:
    one = uva(
        ("z = torch.randn(batch_size,", "z = torch.randn(1,"),
        ("F.softmax(self.decoder(z)", "F.softmax(self.decoder(z).repeat(batch_size, 1, 1, 1)"),
    )
    told = lost("uva", one, "sampling")
    assert told == dict.fromkeys(
        ("sample_draws_every_pixel", "sample_begins_with_the_prior"),
        "For 48 images your decoder is given 1 latent where 48 are expected.",
    )
