"""What the two networks of a GAN are trained for, and its gradients where they are told apart.

Everything starts from logits z, of which D = sigmoid(z) is the probability of being data.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    "discriminator_objective",
    "generator_loss",
    "output_gradients",
    "probability_gradients",
]

GeneratorLoss: TypeAlias = Literal["saturating", "non-saturating"]


def discriminator_objective(z_real: Tensor, z_fake: Tensor) -> Tensor:
    """What the discriminator maximises: mean log D(x) + mean log(1 - D(G(z))).

    Args:
        z_real: logits of data, shape (B, 1).
        z_fake: logits of generated examples, shape (B', 1).

    Returns:
        Nats, shape ().

    Source: Goodfellow et al. 2014, eq. 1.
    """
    return F.logsigmoid(z_real).mean() + F.logsigmoid(-z_fake).mean()


def generator_loss(z_fake: Tensor, loss: GeneratorLoss) -> Tensor:
    """What the generator minimises.

    Args:
        z_fake: logits of generated examples, shape (B, 1).
        loss: "saturating", mean log(1 - D(G(z))), or "non-saturating", -mean log D(G(z)).

    Returns:
        Nats, shape ().

    Source: Goodfellow et al. 2014, eq. 1 and section 3.
    """
    return F.logsigmoid(-z_fake).mean() if loss == "saturating" else -F.logsigmoid(z_fake).mean()


def probability_gradients(p_real: Tensor, p_fake: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of the discriminator's objective with respect to its probabilities.

    Args:
        p_real: D(x), in (0, 1), shape (B, 1).
        p_fake: D(G(z)), in (0, 1), shape (B', 1).

    Returns:
        1 / (B D(x)) and -1 / (B' (1 - D(G(z)))), of the same shapes.

    Source: Goodfellow et al. 2014, eq. 1, differentiated.
    """
    return 1 / (len(p_real) * p_real), -1 / (len(p_fake) * (1 - p_fake))


def output_gradients(z_real: Tensor, z_fake: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of the discriminator's objective with respect to its last pre-activations.

    They are two, not one: sigmoid(-z) / B on real and -sigmoid(z) / B' on generated examples.

    Args:
        z_real: logits of data, shape (B, 1).
        z_fake: logits of generated examples, shape (B', 1).

    Returns:
        Of the same shapes.

    Source: Goodfellow et al. 2014, algorithm 1, first gradient.
    """
    return torch.sigmoid(-z_real) / len(z_real), -torch.sigmoid(z_fake) / len(z_fake)
