"""What needs no learning of images: the figures that a trained model has to leave behind.

Levels are integers (N, 1, H, W); the training images say everything, the held-out ones only count.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from reference.ddpm import alphas_cumprod, at_timestep, linear_beta_schedule
from reference.distributions import categorical_log_likelihood


def independent_pixels_bpd(training: Tensor, test: Tensor, levels: int) -> float:
    """Bits per dimension of a model without latents: how often each pixel had each level."""
    seen = torch.ones(levels, *test.shape[2:], dtype=torch.float64)
    for level in range(levels):
        seen[level] += (training == level).sum(dim=(0, 1)).cpu()
    logits = (seen / seen.sum(dim=0)).log()
    nats = -categorical_log_likelihood(logits.expand(len(test), *seen.shape), test.cpu())
    return nats.mean().item() * math.log2(math.e) / test[0].numel()


class BestScale:
    """In the place of a denoiser: the multiple of x_t that predicts its noise best at each t.

    Args:
        training: images in [-1, 1].
        steps: T of the linear schedule.
    """

    def __init__(self, training: Tensor, steps: int):
        left = alphas_cumprod(linear_beta_schedule(steps))
        power = left * training.double().square().mean() + 1 - left
        self.factors = ((1 - left).sqrt() / power).float()

    def __call__(self, x_t: Tensor, t: Tensor) -> Tensor:
        """Predicted noise at timesteps t (B,)."""
        return at_timestep(self.factors, t, x_t) * x_t


def mean_image_error(training: Tensor, test: Tensor) -> float:
    """Mean squared error of the mean image, for images in [-1, 1]."""
    return (test - training.mean(dim=0)).double().square().mean().item()
