"""A VAE in the style of UvA, with either of two base classes for its model."""

from __future__ import annotations

import types
from typing import Any

from grader.kernel.inside.lookalikes import lookalike
from tests.assignments.vae_dialect_verdicts import namespace

UTILS = """
import torch
import numpy as np

def sample_reparameterize(mean, std):
    assert not (std < 0).any().item(), "a negative std: are you sure it is not log_std?"
    eps = torch.randn(mean.shape, device=mean.device)
    z = mean + eps * std
    return z

def KLD(mean, log_std):
    return 0.5 * torch.sum(torch.exp(2 * log_std) + mean ** 2 - 1 - 2 * log_std, dim=-1)

def elbo_to_bpd(elbo, img_shape):
    return elbo * np.log2(np.e) * 1 / np.prod(img_shape[1:])

@torch.no_grad()
def visualize_manifold(decoder, grid_size=20):
    percentiles = torch.arange(0.5 / grid_size, 1, 1 / grid_size, device=decoder.device)
    z = torch.distributions.Normal(0, 1).icdf(percentiles)
    z1, z2 = torch.meshgrid(z, z, indexing="ij")
    grid = torch.stack([z1.flatten(), z2.flatten()], dim=1)
    probs = torch.softmax(decoder(grid), dim=1)
    values = torch.arange(16, device=probs.device).view(1, 16, 1, 1)
    mean = (probs * values).sum(dim=1, keepdim=True) / 15.0
    return make_grid(mean, nrow=grid_size, normalize=True, value_range=(0, 1))
"""
NETWORKS = """
from torch import nn

class CNNEncoder(nn.Module):
    def __init__(self, num_input_channels: int = 1, num_filters: int = 32, z_dim: int = 20):
        super().__init__()
        c = num_filters
        self.net = nn.Sequential(
            nn.Conv2d(num_input_channels, c, 3, padding=1, stride=2), nn.GELU(),
            nn.Conv2d(c, c, 3, padding=1), nn.GELU(),
            nn.Conv2d(c, 2 * c, 3, padding=1, stride=2), nn.GELU(),
            nn.Conv2d(2 * c, 2 * c, 3, padding=1, stride=2), nn.GELU(), nn.Flatten())
        self.mean_layer = nn.Linear(2 * 16 * c, z_dim)
        self.log_std_layer = nn.Linear(2 * 16 * c, z_dim)

    def forward(self, x):
        x = x.float() / 15 * 2.0 - 1.0
        x = self.net(x)
        return self.mean_layer(x), self.log_std_layer(x)

class CNNDecoder(nn.Module):
    def __init__(self, num_input_channels: int = 16, num_filters: int = 32, z_dim: int = 20):
        super().__init__()
        c = num_filters
        self.linear = nn.Sequential(nn.Linear(z_dim, 2 * 16 * c), nn.GELU())
        self.net = nn.Sequential(
            nn.ConvTranspose2d(2 * c, 2 * c, 3, output_padding=0, padding=1, stride=2), nn.GELU(),
            nn.ConvTranspose2d(2 * c, c, 3, output_padding=1, padding=1, stride=2), nn.GELU(),
            nn.ConvTranspose2d(c, num_input_channels, 3, output_padding=1, padding=1, stride=2))

    def forward(self, z):
        x = self.linear(z)
        return self.net(x.reshape(x.shape[0], -1, 4, 4))

    @property
    def device(self):
        return next(self.parameters()).device
"""
LIGHTNING = """
import torch
import torch.nn.functional as F

class VAE(pl.LightningModule):
    def __init__(self, num_filters, z_dim, lr):
        super().__init__()
        self.save_hyperparameters()
        self.encoder = CNNEncoder(z_dim=z_dim, num_filters=num_filters)
        self.decoder = CNNDecoder(z_dim=z_dim, num_filters=num_filters)

    def forward(self, imgs):
        mean, log_std = self.encoder(imgs)
        z = sample_reparameterize(mean, torch.exp(log_std))
        x_hat = self.decoder(z)
        L_rec = F.cross_entropy(x_hat, imgs.squeeze(1), reduction="none").sum(dim=[1, 2]).mean()
        L_reg = KLD(mean, log_std).mean()
        bpd = elbo_to_bpd(L_rec + L_reg, imgs.shape)
        return L_rec, L_reg, bpd

    @torch.no_grad()
    def sample(self, batch_size):
        z = torch.randn(batch_size, self.hparams.z_dim, device=self.decoder.device)
        probs = F.softmax(self.decoder(z), dim=1).permute(0, 2, 3, 1)
        flat = probs.flatten(end_dim=2)
        return torch.multinomial(flat, 1).reshape(batch_size, 1, 28, 28)
"""
TORCH = """
import torch.nn as nn

class VAE(nn.Module):
    def __init__(self, num_filters, z_dim, *args, **kwargs):
        super().__init__()
        self.z_dim = z_dim
        self.encoder = CNNEncoder(z_dim=z_dim, num_filters=num_filters)
        self.decoder = CNNDecoder(z_dim=z_dim, num_filters=num_filters)

    def forward(self, imgs):
        mean, log_std = self.encoder(imgs)
        logits = self.decoder.forward(sample_reparameterize(mean, log_std.exp()))
        nll = nn.CrossEntropyLoss(reduction="sum")(logits, imgs[:, 0].long()) / imgs.size(0)
        kl = KLD(mean, log_std).sum() / imgs.size(0)
        return nll, kl, elbo_to_bpd((nll + kl).unsqueeze(0), imgs.shape).mean()

    @torch.no_grad()
    def sample(self, batch_size):
        out = self.decoder(torch.randn((batch_size, self.z_dim)).to(self.device))
        return torch.distributions.Categorical(logits=out.permute(0, 2, 3, 1)).sample()[:, None]

    @property
    def device(self):
        return self.decoder.device
"""


def uva(*changed: tuple[str, str], model: str = LIGHTNING) -> dict[str, Any]:
    """A UvA submission with pieces of its text replaced."""
    sources = [UTILS, NETWORKS, model]
    for before, after in changed:
        assert any(before in source for source in sources), before
        sources = [source.replace(before, after) for source in sources]
    lightning = types.SimpleNamespace(
        LightningModule=lookalike("pytorch_lightning.LightningModule")
    )
    return namespace(*sources, make_grid=lookalike("torchvision.utils.make_grid"), pl=lightning)
