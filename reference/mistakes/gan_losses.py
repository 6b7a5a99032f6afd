"""What both players want, as students get it wrong, and as they get it right."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from reference.gan_losses import GeneratorLoss, discriminator_objective, generator_loss
from reference.mistakes.catalogue import Mistake, Variant

_CLAMP = 1e-6  # what people put under a logarithm that has given them NaN

_SATURATES = "saturating"


def _logs(z_real: Tensor, z_fake: Tensor, halves: tuple[float, float] = (1.0, 1.0)) -> Tensor:
    return halves[0] * F.logsigmoid(z_real).mean() + halves[1] * F.logsigmoid(-z_fake).mean()


def _of_probabilities(p_real: Tensor, p_fake: Tensor) -> Tensor:
    return torch.log(p_real).mean() + torch.log(1 - p_fake).mean()


def _clamped(z: Tensor) -> Tensor:
    return z.clamp(_CLAMP, 1 - _CLAMP)


_OBJECTIVE = tuple(
    Mistake(f"objective/{name}", "discriminator_objective", says, code, around=around)
    for name, says, code, around in (
        (
            "sign",
            "A better discriminator: should what it maximises grow or fall?",
            partial(_logs, halves=(-1.0, -1.0)),
            lambda objective: lambda z_real, z_fake: -objective(z_real, z_fake),
        ),
        (
            "targets-flipped",
            "Which of the two batches should the discriminator learn to call real?",
            lambda z_real, z_fake: _logs(-z_real, -z_fake),
            lambda objective: lambda z_real, z_fake: objective(-z_real, -z_fake),
        ),
        (
            "one-target-for-both",
            "With your targets, can the discriminator win by calling everything real?",
            lambda z_real, z_fake: _logs(z_real, -z_fake),
            None,
        ),
        (
            "fake-half-only",
            "Change the real batch: does your objective notice?",
            partial(_logs, halves=(0.0, 1.0)),
            None,
        ),
        (
            "real-half-only",
            "Change the generated batch: does your objective notice?",
            partial(_logs, halves=(1.0, 0.0)),
            None,
        ),
        (
            "halved",
            "The objective adds two expectations; do you add them, or average them?",
            partial(_logs, halves=(0.5, 0.5)),
            lambda objective: lambda z_real, z_fake: objective(z_real, z_fake) / 2,
        ),
        (
            "batch-mean-forgotten",
            "Your objective grows with the batch; is an expectation a sum or a mean?",
            lambda z_real, z_fake: F.logsigmoid(z_real).sum() + F.logsigmoid(-z_fake).sum(),
            None,
        ),
        (
            "log-of-a-logit",
            "Of what do you take the logarithm: can it be negative, or larger than one?",
            lambda z_real, z_fake: _of_probabilities(_clamped(z_real), _clamped(z_fake)),
            None,
        ),
        (
            "sigmoid-twice",
            "The function that you call applies the sigmoid itself; what do you hand it?",
            lambda z_real, z_fake: _logs(torch.sigmoid(z_real), torch.sigmoid(z_fake)),
            lambda objective: (
                lambda z_real, z_fake: objective(torch.sigmoid(z_real), torch.sigmoid(z_fake))
            ),
        ),
        (
            "log-of-the-mean",
            "Is it the mean of logarithms, or the logarithm of a mean?",
            lambda z_real, z_fake: (
                torch.sigmoid(z_real).mean().log() + torch.sigmoid(-z_fake).mean().log()
            ),
            None,
        ),
    )
)


def _generator(
    z_fake: Tensor,
    loss: GeneratorLoss,
    logit: Callable[[Tensor], Tensor] = lambda z: z,
    reduce: Callable[[Tensor], Tensor] = torch.mean,
    log: Callable[[Tensor], Tensor] = F.logsigmoid,
) -> Tensor:
    z = logit(z_fake)
    return reduce(log(-z)) if loss == _SATURATES else -reduce(log(z))


def _taken_for(
    saturating: GeneratorLoss, substitute: GeneratorLoss
) -> Callable[[Tensor, GeneratorLoss], Tensor]:
    """The loss under another name than its own."""
    return lambda z_fake, loss: _generator(z_fake, saturating if loss == _SATURATES else substitute)


def _log_of_a_logit(z_fake: Tensor, loss: GeneratorLoss) -> Tensor:
    p = _clamped(z_fake)
    return torch.log(1 - p).mean() if loss == _SATURATES else -torch.log(p).mean()


_GENERATOR = tuple(
    Mistake(f"generator-loss/{name}", "generator_loss", says, code, around=around)
    for name, says, code, around in (
        (
            "sign",
            "The discriminator is fooled more: should what the generator minimises grow or fall?",
            lambda z_fake, loss: -_generator(z_fake, loss),
            lambda value: lambda z_fake, loss: -value(z_fake, loss),
        ),
        (
            "always-saturating",
            "Where the discriminator is certain, the substitute still has a slope; has yours?",
            _taken_for(saturating="saturating", substitute="saturating"),
            None,
        ),
        (
            "always-non-saturating",
            "Compare with the minimax objective itself, not with its substitute.",
            _taken_for(saturating="non-saturating", substitute="non-saturating"),
            None,
        ),
        (
            "target-flipped",
            "You train the generator towards the discriminator's own target; what should it call "
            "real?",
            partial(_generator, logit=torch.neg),
            lambda value: lambda z_fake, loss: value(-z_fake, loss),
        ),
        (
            "batch-mean-forgotten",
            "Your loss grows with the batch; is an expectation a sum or a mean?",
            partial(_generator, reduce=torch.sum),
            None,
        ),
        (
            "batch-mean-twice",
            "Your loss shrinks as the batch grows; how often did you divide?",
            lambda z_fake, loss: _generator(z_fake, loss) / len(z_fake),
            lambda value: lambda z_fake, loss: value(z_fake, loss) / len(z_fake),
        ),
        (
            "log-of-a-logit",
            "Of what do you take the logarithm: can it be negative, or larger than one?",
            _log_of_a_logit,
            None,
        ),
        (
            "sigmoid-twice",
            "The function that you call applies the sigmoid itself; what do you hand it?",
            partial(_generator, logit=torch.sigmoid),
            lambda value: lambda z_fake, loss: value(torch.sigmoid(z_fake), loss),
        ),
    )
)

MISTAKES: tuple[Mistake, ...] = _OBJECTIVE + _GENERATOR


def _by_bce(z_real: Tensor, z_fake: Tensor) -> Tensor:
    p_real, p_fake = torch.sigmoid(z_real), torch.sigmoid(z_fake)
    real = F.binary_cross_entropy(p_real, torch.ones_like(p_real))
    return -(real + F.binary_cross_entropy(p_fake, torch.zeros_like(p_fake)))


def _by_loop(z_real: Tensor, z_fake: Tensor) -> Tensor:
    real, fake = torch.zeros(()).to(z_real), torch.zeros(()).to(z_fake)
    for z in z_real.flatten():
        real += torch.log(1 / (1 + torch.exp(-z)))
    for z in z_fake.flatten():
        fake += torch.log(1 - torch.sigmoid(z))
    return real / len(z_real) + fake / len(z_fake)


def _generator_by_bce(z_fake: Tensor, loss: GeneratorLoss) -> Tensor:
    bce = torch.nn.BCEWithLogitsLoss()
    if loss == _SATURATES:
        return torch.as_tensor(-bce(z_fake, torch.zeros_like(z_fake)))
    return torch.as_tensor(bce(z_fake, torch.ones_like(z_fake)))


VARIANTS: tuple[Variant, ...] = (
    Variant("objective/log-sigmoids", "discriminator_objective", discriminator_objective),
    Variant("objective/torch-loss", "discriminator_objective", _by_bce),
    Variant("objective/loop", "discriminator_objective", _by_loop),
    Variant(
        "objective/softplus",
        "discriminator_objective",
        lambda z_real, z_fake: -F.softplus(-z_real).mean() - F.softplus(z_fake).mean(),
    ),
    Variant(
        "objective/with-epsilon",
        "discriminator_objective",
        lambda z_real, z_fake: (
            torch.log(torch.sigmoid(z_real) + 1e-8).mean()
            + torch.log(1 - torch.sigmoid(z_fake) + 1e-8).mean()
        ),
    ),
    Variant("generator-loss/log-sigmoids", "generator_loss", generator_loss),
    Variant("generator-loss/torch-loss", "generator_loss", _generator_by_bce),
    Variant(
        "generator-loss/probabilities",
        "generator_loss",
        lambda z_fake, loss: (
            torch.mean(torch.log(1 - torch.sigmoid(z_fake)))
            if loss == _SATURATES
            else -torch.mean(torch.log(torch.sigmoid(z_fake)))
        ),
    ),
    Variant(
        "generator-loss/softplus",
        "generator_loss",
        lambda z_fake, loss: (
            -F.softplus(z_fake).mean() if loss == _SATURATES else F.softplus(-z_fake).mean()
        ),
    ),
)
