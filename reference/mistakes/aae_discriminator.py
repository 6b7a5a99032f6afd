"""The latent discriminator's loss as students get it wrong, and as they get it right."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from reference.aae import DiscriminatorLoss, Map
from reference.mistakes.catalogue import Mistake, Variant

Loss: TypeAlias = Callable[[Tensor, Tensor], DiscriminatorLoss]


def _cross_entropy(logits: Tensor, label: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def _accuracy(logits_real: Tensor, logits_fake: Tensor) -> Tensor:
    right = torch.cat([(logits_real > 0).flatten(), (logits_fake <= 0).flatten()])
    return right.to(logits_real).mean()


def _loss(
    logits_real: Tensor,
    logits_fake: Tensor,
    labels: tuple[float, float] = (1.0, 0.0),
    halves: tuple[float, float] = (1.0, 1.0),
) -> DiscriminatorLoss:
    real = _cross_entropy(logits_real, labels[0])
    fake = _cross_entropy(logits_fake, labels[1])
    total = halves[0] * real + halves[1] * fake
    return DiscriminatorLoss(total, real, fake, _accuracy(logits_real, logits_fake))


def _sigmoid_twice(logits_real: Tensor, logits_fake: Tensor) -> DiscriminatorLoss:
    loss = _loss(logits_real.sigmoid(), logits_fake.sigmoid())
    return loss._replace(accuracy=_accuracy(logits_real, logits_fake))


def _summed(logits_real: Tensor, logits_fake: Tensor) -> DiscriminatorLoss:
    real, fake = F.softplus(-logits_real).sum(), F.softplus(logits_fake).sum()
    return DiscriminatorLoss(real + fake, real, fake, _accuracy(logits_real, logits_fake))


def _accuracy_on_real(logits_real: Tensor, logits_fake: Tensor) -> DiscriminatorLoss:
    share = (logits_real > 0).to(logits_real).mean()
    return _loss(logits_real, logits_fake)._replace(accuracy=share)


def _accuracy_of_the_opposite(logits_real: Tensor, logits_fake: Tensor) -> DiscriminatorLoss:
    return _loss(logits_real, logits_fake)._replace(
        accuracy=1 - _accuracy(logits_real, logits_fake)
    )


def _threshold_on_logits(logits_real: Tensor, logits_fake: Tensor) -> DiscriminatorLoss:
    moved = _accuracy(logits_real - 0.5, logits_fake - 0.5)
    return _loss(logits_real, logits_fake)._replace(accuracy=moved)


# One row for each mistake: name, what a TA would say, the wrong function.
_WRONG: tuple[tuple[str, str, Loss], ...] = (
    (
        "labels-swapped",
        "Which of the two batches should the discriminator learn to call real?",
        partial(_loss, labels=(0.0, 1.0)),
    ),
    (
        "batches-swapped",
        "Which of the logits belong to draws of the prior, and which to encoded latents?",
        lambda logits_real, logits_fake: _loss(logits_fake, logits_real),
    ),
    (
        "everything-called-real",
        "What would a discriminator learn that calls everything real?",
        partial(_loss, labels=(1.0, 1.0)),
    ),
    (
        "sigmoid-twice",
        "Your loss never gets near zero, however sure the discriminator: count the sigmoids.",
        _sigmoid_twice,
    ),
    (
        "fake-half-only",
        "Change the draws from the prior: does your loss notice?",
        partial(_loss, halves=(0.0, 1.0)),
    ),
    (
        "real-half-only",
        "Change the encoded latents: does your loss notice?",
        partial(_loss, halves=(1.0, 0.0)),
    ),
    (
        "halves-averaged",
        "The loss holds two expectations; are they added or averaged?",
        partial(_loss, halves=(0.5, 0.5)),
    ),
    (
        "sign-flipped",
        "After a step against your gradient the discriminator is worse; which way does it point?",
        partial(_loss, halves=(-1.0, -1.0)),
    ),
    (
        "summed-over-the-batch",
        "Your loss grows with the batch; which reduction was asked for?",
        _summed,
    ),
)

_WRONG_ACCURACY: tuple[tuple[str, str, Loss], ...] = (
    (
        "accuracy-on-real-only",
        "A discriminator that calls everything real: how accurate is it under your count?",
        _accuracy_on_real,
    ),
    (
        "accuracy-of-the-opposite",
        "Your accuracy falls as the discriminator gets better.",
        _accuracy_of_the_opposite,
    ),
    (
        "threshold-of-a-probability",
        "Your threshold belongs to probabilities; what are the numbers that it splits?",
        _threshold_on_logits,
    ),
)


def _step(
    encoder: Map,
    discriminator: Map,
    x: Tensor,
    prior_sample: Tensor,
    loss: Loss = _loss,
    detached: str = "latents",
) -> DiscriminatorLoss:
    latents = encoder(x)
    fake = discriminator(latents.detach() if detached == "latents" else latents)
    return loss(discriminator(prior_sample), fake.detach() if detached == "logits" else fake)


def _uniform_prior(
    encoder: Map, discriminator: Map, x: Tensor, prior_sample: Tensor
) -> DiscriminatorLoss:
    return _step(encoder, discriminator, x, torch.rand_like(prior_sample))


_STEPS = (
    (
        "detach-missing",
        "After the discriminator's step, look at the encoder's gradients: should there be any?",
        partial(_step, detached="nothing"),
    ),
    (
        "detached-too-late",
        "The encoder is left alone, as it should; does the discriminator still learn from fakes?",
        partial(_step, detached="logits"),
    ),
    (
        "prior-uniform",
        "Plot what you call real: which distribution should the latents come to follow?",
        _uniform_prior,
    ),
)

MISTAKES: tuple[Mistake, ...] = (
    *(
        Mistake(f"latent-discriminator/{name}", "discriminator_loss", says, code)
        for name, says, code in _WRONG + _WRONG_ACCURACY
    ),
    *(
        Mistake(f"discriminator-step/{name}", "discriminator_step_loss", says, code)
        for name, says, code in (
            *((name, says, partial(_step, loss=loss)) for name, says, loss in _WRONG),
            *_STEPS,
        )
    ),
)


def _by_hand(logits_real: Tensor, logits_fake: Tensor) -> DiscriminatorLoss:
    real, fake = -F.logsigmoid(logits_real).mean(), -F.logsigmoid(-logits_fake).mean()
    correct = (logits_real > 0).sum() + (logits_fake <= 0).sum()
    accuracy = correct / (logits_real.numel() + logits_fake.numel())
    return DiscriminatorLoss(fake + real, real, fake, accuracy)


def _on_probabilities(logits_real: Tensor, logits_fake: Tensor) -> DiscriminatorLoss:
    p_real, p_fake = torch.sigmoid(logits_real), torch.sigmoid(logits_fake)
    real = F.binary_cross_entropy(p_real, torch.ones_like(p_real))
    fake = F.binary_cross_entropy(p_fake, torch.zeros_like(p_fake))
    right = torch.cat([p_real > 0.5, p_fake <= 0.5]).to(p_real)
    return DiscriminatorLoss(real + fake, real, fake, right.mean())


def _in_one_batch(logits_real: Tensor, logits_fake: Tensor) -> DiscriminatorLoss:
    logits = torch.cat([logits_real, logits_fake]).squeeze(1)
    labels = torch.cat([torch.ones(len(logits_real)), torch.zeros(len(logits_fake))]).to(logits)
    each = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    real, fake = each[: len(logits_real)].mean(), each[len(logits_real) :].mean()
    right = ((logits.sigmoid() > 0.5) == labels.bool()).to(logits)
    return DiscriminatorLoss(real + fake, real, fake, right.mean())


def _step_without_gradient(
    encoder: Map, discriminator: Map, x: Tensor, prior_sample: Tensor
) -> DiscriminatorLoss:
    with torch.no_grad():
        latents = encoder(x)
    return _by_hand(discriminator(prior_sample), discriminator(latents))


def _step_in_one_batch(
    encoder: Map, discriminator: Map, x: Tensor, prior_sample: Tensor
) -> DiscriminatorLoss:
    logits = discriminator(torch.cat([prior_sample, encoder(x).detach()]))
    return _loss(logits[: len(prior_sample)], logits[len(prior_sample) :])


VARIANTS: tuple[Variant, ...] = (
    Variant("latent-discriminator/with-logits", "discriminator_loss", _loss),
    Variant("latent-discriminator/log-sigmoid", "discriminator_loss", _by_hand),
    Variant("latent-discriminator/probabilities", "discriminator_loss", _on_probabilities),
    Variant("latent-discriminator/one-batch", "discriminator_loss", _in_one_batch),
    Variant("discriminator-step/detach", "discriminator_step_loss", _step),
    Variant("discriminator-step/no-grad", "discriminator_step_loss", _step_without_gradient),
    Variant("discriminator-step/one-batch", "discriminator_step_loss", _step_in_one_batch),
)
