"""Losses of encoder and decoder as students get them wrong, and as they get them right."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from reference.aae import AutoencoderLoss, Map
from reference.mistakes.aae_reconstruction import RECONSTRUCTION
from reference.mistakes.catalogue import Mistake, Variant

Adversarial: TypeAlias = Callable[[Tensor], Tensor]
Weigh: TypeAlias = Callable[[Tensor, Tensor, float], Tensor]


def _with_label(label: float) -> Adversarial:
    return lambda logits: F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


_fooled = _with_label(1.0)


def _weighted(reconstruction: Tensor, adversarial: Tensor, weight: float) -> Tensor:
    return weight * reconstruction + (1 - weight) * adversarial


def _loss(
    x: Tensor,
    recon_x: Tensor,
    logits_fake: Tensor,
    reconstruction_weight: float,
    adversarial: Adversarial = _fooled,
    weigh: Weigh = _weighted,
) -> AutoencoderLoss:
    reconstruction, fooling = F.mse_loss(recon_x, x), adversarial(logits_fake)
    total = weigh(reconstruction, fooling, reconstruction_weight)
    return AutoencoderLoss(total, reconstruction, fooling)


def _step(
    encoder: Map,
    decoder: Map,
    discriminator: Map,
    x: Tensor,
    reconstruction_weight: float,
    loss: Callable[[Tensor, Tensor, Tensor, float], AutoencoderLoss] = _loss,
    detached: str = "nothing",
) -> AutoencoderLoss:
    latents = encoder(x)
    decoded = decoder(latents.detach() if detached == "decoder" else latents)
    judged = discriminator(latents.detach() if detached == "discriminator" else latents)
    return loss(x, decoded, judged, reconstruction_weight)


# One row for each wrong adversarial term: name, what a TA would say, the wrong function.
_FOOLING: tuple[tuple[str, str, Adversarial], ...] = (
    (
        "labels-swapped",
        "The encoder wants its latents taken for something else than they are; for what?",
        _with_label(0.0),
    ),
    (
        "sigmoid-twice",
        "Your loss never gets near zero, however sure the discriminator: count the sigmoids.",
        lambda logits_fake: _fooled(logits_fake.sigmoid()),
    ),
    (
        "saturating",
        "Look at latents that the discriminator rejects with certainty: do they still teach?",
        lambda logits_fake: -_with_label(0.0)(logits_fake),
    ),
    (
        "sign-flipped",
        "A cross-entropy is never negative; yours is never positive.",
        lambda logits_fake: -_fooled(logits_fake),
    ),
    (
        "log-of-a-logit",
        "A logit may be negative: what has to happen to it before its logarithm is taken?",
        lambda logits_fake: -logits_fake.log().mean(),
    ),
    (
        "summed-over-the-batch",
        "Your loss grows with the batch; which reduction was asked for?",
        lambda logits_fake: F.softplus(-logits_fake).sum(),
    ),
    (
        "in-bits",
        "Right up to a constant factor: to which base is your logarithm?",
        lambda logits_fake: _fooled(logits_fake) / math.log(2),
    ),
    (
        "squared-error-of-the-probability",
        "Is yours a cross-entropy? Try a latent that the discriminator rejects with certainty.",
        lambda logits_fake: (1 - logits_fake.sigmoid()).square().mean(),
    ),
)

# The same for the two terms' weights.
_WEIGHING: tuple[tuple[str, str, Weigh], ...] = (
    (
        "weights-swapped",
        "With full weight on the reconstruction, does the discriminator still matter?",
        lambda reconstruction, adversarial, weight: _weighted(adversarial, reconstruction, weight),
    ),
    (
        "unweighted",
        "Change the weight: does your loss notice?",
        lambda reconstruction, adversarial, _: reconstruction + adversarial,
    ),
    (
        "adversarial-unweighted",
        "With full weight on the reconstruction, does the discriminator still matter?",
        lambda reconstruction, adversarial, weight: weight * reconstruction + adversarial,
    ),
    (
        "reconstruction-unweighted",
        "With no weight on the reconstruction, does the picture still matter?",
        lambda reconstruction, adversarial, weight: reconstruction + (1 - weight) * adversarial,
    ),
    (
        "weight-on-the-adversarial-term",
        "The weights of the two terms sum to one; what do yours sum to?",
        lambda reconstruction, adversarial, weight: reconstruction + weight * adversarial,
    ),
    (
        "difference",
        "Both terms are losses that shall fall; does one of yours want to rise?",
        lambda reconstruction, adversarial, weight: _weighted(reconstruction, -adversarial, weight),
    ),
)

_ON_LOGITS: dict[str, Callable[[Tensor], Tensor]] = {
    "labels-swapped": lambda logits: -logits,
    "sigmoid-twice": torch.sigmoid,
}


def _before_generator(name: str) -> Callable[[Adversarial], Adversarial] | None:
    change = _ON_LOGITS.get(name)
    return None if change is None else lambda loss: lambda logits_fake: loss(change(logits_fake))


def _generator(adversarial: Adversarial) -> Adversarial:
    return lambda logits_fake: adversarial(logits_fake)


_LOSSES = tuple(
    (name, says, partial(_loss, adversarial=adversarial)) for name, says, adversarial in _FOOLING
) + tuple((name, says, partial(_loss, weigh=weigh)) for name, says, weigh in _WEIGHING)

_OF_THE_STEP = (
    (
        "detached-for-the-discriminator",
        "Which part of the loss tells the encoder where its latents should lie? Does it arrive?",
        partial(_step, detached="discriminator"),
    ),
    (
        "detached-for-the-decoder",
        "Does the encoder learn from the picture that comes out in the end?",
        partial(_step, detached="decoder"),
    ),
    (
        "judged-by-the-decoder",
        "Which of the networks is it that judges latents?",
        lambda encoder, decoder, discriminator, x, reconstruction_weight: _step(  # noqa: ARG005  which is the mistake
            encoder, decoder, decoder, x, reconstruction_weight
        ),
    ),
)

MISTAKES: tuple[Mistake, ...] = (
    *RECONSTRUCTION,
    *(
        Mistake(
            f"fooling/{name}",
            "generator_loss",
            says,
            _generator(adversarial),
            around=_before_generator(name),
        )
        for name, says, adversarial in _FOOLING
    ),
    *(Mistake(f"loss/{name}", "autoencoder_loss", says, code) for name, says, code in _LOSSES),
    *(
        Mistake(f"step/{name}", "autoencoder_step_loss", says, code)
        for name, says, code in (
            *((name, says, partial(_step, loss=loss)) for name, says, loss in _LOSSES),
            *_OF_THE_STEP,
        )
    ),
)


def _by_hand(
    x: Tensor, recon_x: Tensor, logits_fake: Tensor, reconstruction_weight: float
) -> AutoencoderLoss:
    reconstruction = (x - recon_x).flatten(1).pow(2).mean(1).mean()
    adversarial = -torch.log(torch.sigmoid(logits_fake)).mean()
    total = adversarial + reconstruction_weight * (reconstruction - adversarial)
    return AutoencoderLoss(total, reconstruction, adversarial)


def _on_probabilities(
    x: Tensor, recon_x: Tensor, logits_fake: Tensor, reconstruction_weight: float
) -> AutoencoderLoss:
    probability = torch.sigmoid(logits_fake)
    adversarial = F.binary_cross_entropy(probability, torch.ones_like(probability))
    reconstruction = torch.dist(x, recon_x) ** 2 / x.numel()
    total = reconstruction_weight * reconstruction + (1 - reconstruction_weight) * adversarial
    return AutoencoderLoss(total, reconstruction, adversarial)


_FOOLED: tuple[tuple[str, Adversarial], ...] = (
    ("with-logits", _fooled),
    ("log-sigmoid", lambda logits: -F.logsigmoid(logits).mean()),
    ("probabilities", lambda logits: F.binary_cross_entropy(logits.sigmoid(), logits * 0 + 1)),
    ("log-of-sigmoid", lambda logits: -torch.log(torch.sigmoid(logits)).mean()),
    # Right to rounding for all but the surest logits, and usual.
    ("log-plus-epsilon", lambda logits: -torch.log(torch.sigmoid(logits) + 1e-8).mean()),
    ("log-sum-exp", lambda logits: torch.logaddexp(0 * logits, -logits).mean()),
)

_WAYS = (("torch", _loss), ("by-hand", _by_hand), ("probabilities", _on_probabilities))

VARIANTS: tuple[Variant, ...] = (
    Variant(
        "reconstruction/torch", "reconstruction_loss", lambda x, recon_x: F.mse_loss(recon_x, x)
    ),
    Variant(
        "reconstruction/distance",
        "reconstruction_loss",
        lambda x, recon_x: torch.dist(x, recon_x) ** 2 / x.numel(),
    ),
    Variant(
        "reconstruction/mean-of-means",
        "reconstruction_loss",
        lambda x, recon_x: ((recon_x - x) ** 2).flatten(1).mean(dim=1).mean(),
    ),
    *(
        Variant(f"fooling/{name}", "generator_loss", _generator(adversarial))
        for name, adversarial in _FOOLED
    ),
    *(Variant(f"loss/{name}", "autoencoder_loss", loss) for name, loss in _WAYS),
    *(
        Variant(f"step/{name}", "autoencoder_step_loss", partial(_step, loss=loss))
        for name, loss in _WAYS
    ),
)
