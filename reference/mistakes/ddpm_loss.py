"""The loss of diffusion as students get it wrong, and as they get it right."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from reference.mistakes.catalogue import Mistake, Variant
from reference.mistakes.ddpm_prediction import entry


def _noised(x0: Tensor, t: Tensor, noise: Tensor, left: Tensor) -> Tensor:
    return entry(left.sqrt(), t, x0) * x0 + entry((1 - left).sqrt(), t, x0) * noise


MISTAKES: tuple[Mistake, ...] = (
    Mistake(
        "loss/against-the-data",
        "diffusion_loss",
        "What does your model predict: the image, or what was added to it?",
        lambda model, x0, t, noise, alphas_cumprod: F.mse_loss(
            model(_noised(x0, t, noise, alphas_cumprod), t), x0
        ),
    ),
    Mistake(
        "loss/against-the-difference",
        "diffusion_loss",
        "The difference of x_t and x_0 holds faded signal too; what is the noise alone?",
        lambda model, x0, t, noise, alphas_cumprod: F.mse_loss(
            model(_noised(x0, t, noise, alphas_cumprod), t),
            _noised(x0, t, noise, alphas_cumprod) - x0,
        ),
    ),
    Mistake(
        "loss/clean-input",
        "diffusion_loss",
        "Is there any noise in what the model gets to see?",
        lambda model, x0, t, noise, alphas_cumprod: F.mse_loss(
            model(_noised(x0, t, noise, torch.ones_like(alphas_cumprod)), t), noise
        ),
    ),
    Mistake(
        "loss/one-t-for-the-batch",
        "diffusion_loss",
        "Each example brings its own t; yours seem to share one.",
        lambda model, x0, t, noise, alphas_cumprod: F.mse_loss(
            model(_noised(x0, t[:1].expand_as(t), noise, alphas_cumprod), t), noise
        ),
    ),
    Mistake(
        "loss/summed",
        "diffusion_loss",
        "Your loss grows with the batch and the image; which reduction was asked for?",
        lambda model, x0, t, noise, alphas_cumprod: F.mse_loss(
            model(_noised(x0, t, noise, alphas_cumprod), t), noise, reduction="sum"
        ),
    ),
    Mistake(
        "loss/absolute",
        "diffusion_loss",
        "Double the error of the model: by what factor should the loss grow?",
        lambda model, x0, t, noise, alphas_cumprod: F.l1_loss(
            model(_noised(x0, t, noise, alphas_cumprod), t), noise
        ),
    ),
    Mistake(
        "loss/prediction-detached",
        "diffusion_loss",
        "Print the gradient of one weight of the network after a backward pass.",
        lambda model, x0, t, noise, alphas_cumprod: F.mse_loss(
            model(_noised(x0, t, noise, alphas_cumprod), t).detach(), noise
        ),
    ),
)

VARIANTS: tuple[Variant, ...] = (
    Variant(
        "loss/mse",
        "diffusion_loss",
        lambda model, x0, t, noise, alphas_cumprod: F.mse_loss(
            model(_noised(x0, t, noise, alphas_cumprod), t), noise
        ),
    ),
    Variant(
        "loss/mean-of-means",
        "diffusion_loss",
        lambda model, x0, t, noise, alphas_cumprod: (
            (model(_noised(x0, t, noise, alphas_cumprod), t) - noise)
            .pow(2)
            .flatten(1)
            .mean(1)
            .mean()
        ),
    ),
    Variant(
        "loss/norm",
        "diffusion_loss",
        lambda model, x0, t, noise, alphas_cumprod: (
            (model(_noised(x0, t, noise, alphas_cumprod), t) - noise).norm() ** 2 / noise.numel()
        ),
    ),
)
