"""Honest ways of writing the UvA model."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Categorical, Normal, kl_divergence

from reference.mistakes.catalogue import Variant
from reference.mistakes.vae_uva_model import bits, drawn, losses, model
from reference.mistakes.vae_uva_networks import CNNDecoder, CNNEncoder


class _Lightning(nn.Module):
    """As with PyTorch Lightning: hyperparameters in one place, distributions for everything."""

    encoder: Any
    decoder: Any

    def __init__(self, num_filters: int, z_dim: int, lr: float) -> None:
        super().__init__()
        self.hparams = SimpleNamespace(num_filters=num_filters, z_dim=z_dim, lr=lr)
        self.encoder = CNNEncoder(z_dim=z_dim, num_filters=num_filters)
        self.decoder = CNNDecoder(z_dim=z_dim, num_filters=num_filters)

    def forward(self, imgs: Tensor) -> tuple[Tensor, ...]:
        mean, log_std = self.encoder(imgs)
        q = Normal(mean, log_std.exp())
        pixels: Any = Categorical(logits=self.decoder(q.rsample()).movedim(1, -1))
        rec = -pixels.log_prob(imgs.squeeze(1)).sum(dim=[1, 2])
        reg = kl_divergence(q, Normal(0.0, 1.0)).sum(dim=-1)
        return rec.mean(), reg.mean(), bits(rec + reg, imgs).mean()

    @torch.no_grad()
    def sample(self, batch_size: int) -> Tensor:
        logits = self.decoder(torch.randn(batch_size, self.hparams.z_dim))
        pixels: Any = Categorical(logits=logits.movedim(1, -1))
        levels: Tensor = pixels.sample()
        return levels.unsqueeze(1)


class _AsksItsParts(_Lightning):
    """Asks its encoder and decoder for what only they know."""

    def __init__(self, num_filters: int, z_dim: int, lr: float) -> None:
        super().__init__(num_filters, z_dim, lr)
        self.encoder.shift, self.decoder.z_dim = 0.0, z_dim

    def forward(self, imgs: Tensor) -> tuple[Tensor, ...]:
        return super().forward(imgs + int(self.encoder.shift))

    @torch.no_grad()
    def sample(self, batch_size: int) -> Tensor:
        images = []
        for _ in range(batch_size):
            logits = self.decoder(torch.randn(1, self.decoder.z_dim, device=self.decoder.device))
            images.append(drawn(logits))
        return torch.cat(images).float()


VARIANTS = (
    Variant("model/by-hand", "VAE", model()),
    Variant("model/lightning", "VAE", _Lightning),
    Variant("model/asks-its-parts", "VAE", _AsksItsParts),
    Variant(
        "model/bits-of-one-entry",
        "VAE",
        model(losses(bpd=lambda rec, reg, imgs: bits(rec + reg, imgs).reshape(1))),
    ),
    Variant(
        "model/minus-noise",
        "VAE",
        model(
            losses(
                rec=lambda logits, imgs: (
                    F.cross_entropy(logits, imgs.squeeze(1), reduction="sum") / imgs.shape[0]
                )
            ),
            latents=lambda mean, log_std: mean - torch.randn_like(mean) * log_std.exp(),
        ),
    ),
)
