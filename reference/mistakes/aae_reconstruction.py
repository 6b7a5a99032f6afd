"""Reconstruction losses as students get them wrong."""

from __future__ import annotations

import torch.nn.functional as F

from reference.mistakes.catalogue import Mistake

__all__ = ["RECONSTRUCTION"]

RECONSTRUCTION: tuple[Mistake, ...] = (
    Mistake(
        "reconstruction/summed",
        "reconstruction_loss",
        "Your loss grows with the batch and the image; which reduction was asked for?",
        lambda x, recon_x: F.mse_loss(recon_x, x, reduction="sum"),
    ),
    Mistake(
        "reconstruction/summed-over-pixels",
        "reconstruction_loss",
        "Your loss grows with the size of the image; which reduction was asked for?",
        lambda x, recon_x: (x - recon_x).square().flatten(1).sum(1).mean(),
        around=lambda loss: lambda x, recon_x: loss(x, recon_x) * x[0].numel(),
    ),
    Mistake(
        "reconstruction/absolute",
        "reconstruction_loss",
        "Double the error: by what factor should the loss grow?",
        lambda x, recon_x: F.l1_loss(recon_x, x),
    ),
    Mistake(
        "reconstruction/halved",
        "reconstruction_loss",
        "Right up to a constant factor: work out one pixel by hand and compare.",
        lambda x, recon_x: F.mse_loss(recon_x, x) / 2,
        around=lambda loss: lambda x, recon_x: loss(x, recon_x) / 2,
    ),
    Mistake(
        "reconstruction/root",
        "reconstruction_loss",
        "Yours is in the units of the pixels; in which units is a squared error?",
        lambda x, recon_x: F.mse_loss(recon_x, x).sqrt(),
        around=lambda loss: lambda x, recon_x: loss(x, recon_x).sqrt(),
    ),
    Mistake(
        "reconstruction/square-of-the-mean",
        "reconstruction_loss",
        "Can an error above and an error below cancel in your loss?",
        lambda x, recon_x: (x - recon_x).mean().square(),
    ),
)
