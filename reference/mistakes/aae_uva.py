"""The UvA sheet's adversarial autoencoder, as students get it wrong and as they get it right.

`get_loss_autoencoder` and `get_loss_discriminator` are methods that return a loss and a dictionary.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reference.mistakes.aae_uva_model import (
    Log,
    Loss,
    OfAutoencoder,
    OfDiscriminator,
    Regularised,
    by_hand,
    called_fake,
    called_real,
    decoded_and_encoded,
    discriminator_with,
    in_one_batch,
    model_with,
    share_right,
    through_probabilities,
    weighed,
    with_label,
)
from reference.mistakes.catalogue import Mistake, Variant


def _swapped_log(ae: Tensor, rec: Tensor, adv: Tensor) -> Log:
    return {"gen_loss": rec, "recon_loss": adv, "ae_loss": ae}


def _once_more(loss: Loss) -> Loss:
    return lambda logits: loss(logits.sigmoid())


def _log_of_logits(logits: Tensor) -> Tensor:
    return -logits.log().mean()


# One row for each mistake: name, what a TA would say, what is changed.
_OF_AUTOENCODER: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "labels-swapped",
        "The encoder wants its latents taken for something else than they are; for what?",
        {"gen": called_fake},
    ),
    (
        "sigmoid-twice",
        "Your loss never gets near zero, however sure the discriminator: count the sigmoids.",
        {"gen": _once_more(called_real)},
    ),
    (
        "saturating",
        "Look at latents that the discriminator rejects with certainty: do they still teach?",
        {"gen": lambda logits: -called_fake(logits)},
    ),
    (
        "log-of-a-logit",
        "A logit may be negative: what has to happen to it before its logarithm is taken?",
        {"gen": _log_of_logits},
    ),
    (
        "gen-loss-summed",
        "Your adversarial loss grows with the batch; which reduction was asked for?",
        {"gen": with_label(1.0, "sum")},
    ),
    (
        "weights-swapped",
        "With full weight on the reconstruction, does the discriminator still matter?",
        {"weigh": lambda recon, gen, lambda_: weighed(gen, recon, lambda_)},
    ),
    (
        "unweighted",
        "Change the weight: does your loss notice?",
        {"weigh": lambda recon, gen, _: recon + gen},
    ),
    (
        "adversarial-unweighted",
        "With full weight on the reconstruction, does the discriminator still matter?",
        {"weigh": lambda recon, gen, lambda_: lambda_ * recon + gen},
    ),
    (
        "weight-on-the-adversarial-term",
        "The weights of the two terms sum to one; what do yours sum to?",
        {"weigh": lambda recon, gen, lambda_: recon + lambda_ * gen},
    ),
    (
        "difference",
        "Both terms are losses that shall fall; does one of yours want to rise?",
        {"weigh": lambda recon, gen, lambda_: weighed(recon, -gen, lambda_)},
    ),
    (
        "error-summed",
        "Your error grows with the batch and the image; which reduction was asked for?",
        {"error": partial(F.mse_loss, reduction="sum")},
    ),
    (
        "error-summed-over-pixels",
        "Your error grows with the size of the image; which reduction was asked for?",
        {"error": lambda recon_x, x: (recon_x - x).square().flatten(1).sum(1).mean()},
    ),
    (
        "error-absolute",
        "Double the error: by what factor should the loss grow?",
        {"error": F.l1_loss},
    ),
    (
        "latents-detached",
        "Which part of the loss tells the encoder where its latents should lie? Does it arrive?",
        {"detached": True},
    ),
    (
        "log-swapped",
        "Look at the two curves that you log: which of them is which?",
        {"log": _swapped_log},
    ),
)

_OF_DISCRIMINATOR: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "real-and-fake-swapped",
        "Which of the two batches should the discriminator learn to call real?",
        {"real": called_fake, "fake": called_real},
    ),
    (
        "everything-called-real",
        "What would a discriminator learn that calls everything real?",
        {"fake": called_real},
    ),
    (
        "disc-sigmoid-twice",
        "Your loss never gets near zero, however sure the discriminator: count the sigmoids.",
        {"real": _once_more(called_real), "fake": _once_more(called_fake)},
    ),
    (
        "disc-loss-summed",
        "Your loss grows with the batch; which reduction was asked for?",
        {"real": with_label(1.0, "sum"), "fake": with_label(0.0, "sum")},
    ),
    (
        "fake-half-only",
        "Change the draws from the prior: does your loss notice?",
        {"add": lambda _, fake: fake},
    ),
    (
        "halves-subtracted",
        "The discriminator is to be right about both batches; is that what your loss rewards?",
        {"add": torch.sub},
    ),
    (
        "sign-flipped",
        "After a step against your gradient the discriminator is worse; which way does it point?",
        {"add": lambda real, fake: -(real + fake)},
    ),
    (
        "prior-uniform",
        "Plot what you call real: which distribution should the latents come to follow?",
        {"prior": torch.rand_like},
    ),
    (
        "prior-centred-uniform",
        "Plot what you call real: which distribution should the latents come to follow?",
        {"prior": lambda z: 2 * torch.rand_like(z) - 1},
    ),
    (
        "prior-drawn-once",
        "How many different latents does the discriminator get to see as real ones?",
        {"prior": lambda z: torch.randn_like(z[:1]).expand_as(z)},
    ),
    (
        "fake-logits-detached",
        "The encoder is left alone, as it should; does the discriminator still learn from fakes?",
        {"detached": True},
    ),
    (
        "keys-swapped",
        "Look at the two curves that you log: which of them is which?",
        {"keys": ("loss_fake", "loss_real")},
    ),
    (
        "accuracy-on-real-only",
        "A discriminator that calls everything real: how accurate is it under your count?",
        {"accuracy": lambda real, _: (real > 0).float().mean()},
    ),
    (
        "accuracy-of-the-opposite",
        "Your accuracy falls as the discriminator gets better.",
        {"accuracy": lambda real, fake: 1 - share_right(real, fake)},
    ),
    (
        "threshold-of-a-probability",
        "Your threshold belongs to probabilities; what are the numbers that it splits?",
        {"accuracy": lambda real, fake: share_right(real - 0.5, fake - 0.5)},
    ),
)

_OTHERS: tuple[tuple[str, str, str, type[nn.Module]], ...] = (
    (
        "sigmoid-at-the-end",
        "Discriminator",
        "The loss takes logits; what does your discriminator end with?",
        discriminator_with(nn.Sigmoid()),
    ),
    (
        "axis-lost",
        "Discriminator",
        "Which shape should the answers for a batch have?",
        discriminator_with(nn.Flatten(0)),
    ),
    (
        "latents-first",
        "AdversarialAE",
        "In which order should the forward pass return what it computes?",
        model_with(forward=lambda model, x: decoded_and_encoded(model, x)[::-1]),
    ),
    (
        "latents-of-the-reconstruction",
        "AdversarialAE",
        "Whose latents does your forward pass return?",
        model_with(
            forward=lambda model, x: (
                decoded_and_encoded(model, x)[0],
                decoded_and_encoded(model, 0 * x)[1],
            )
        ),
    ),
)

MISTAKES: tuple[Mistake, ...] = (
    *(
        Mistake(f"uva/{name}", "AdversarialAE", says, model_with(autoencoder=OfAutoencoder(**how)))
        for name, says, how in _OF_AUTOENCODER
    ),
    *(
        Mistake(
            f"uva/{name}",
            "AdversarialAE",
            says,
            model_with(of_discriminator=OfDiscriminator(**how)),
        )
        for name, says, how in _OF_DISCRIMINATOR
    ),
    *(Mistake(f"uva/{name}", function, says, code) for name, function, says, code in _OTHERS),
)


VARIANTS: tuple[Variant, ...] = (
    Variant("uva/sum-of-halves", "AdversarialAE", model_with()),
    Variant("uva/one-batch", "AdversarialAE", model_with(of_discriminator=in_one_batch)),
    Variant("uva/by-hand", "AdversarialAE", model_with(autoencoder=by_hand)),
    Variant(
        "uva/probabilities", "AdversarialAE", model_with(of_discriminator=through_probabilities)
    ),
    Variant("uva/leaky", "Discriminator", discriminator_with()),
    Variant("uva/regularised", "Discriminator", Regularised),
    Variant("uva/regularised-inside", "AdversarialAE", model_with(discriminator=Regularised)),
)

# What the students' module holds beside its classes.
SOLUTION = {"torch": torch}
