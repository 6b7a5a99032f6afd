"""Honest ways of writing the bounds of the CS236 models."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reference.mistakes.catalogue import Variant
from reference.mistakes.vae_cs236_densities import log_mean_exp, terms
from reference.mistakes.vae_cs236_models import analytic, drawn, log_likelihood, log_p, model


class _WithoutNetworks(nn.Module):
    """Cannot be made without files that were not handed in; calls its parts by name."""

    enc: Any
    dec: Any
    z_prior: Any

    def __init__(self, nn: str = "v1", name: str = "vae", z_dim: int = 2) -> None:
        super().__init__()
        raise ImportError(f"no networks {nn} of size {z_dim} for {name}")

    def negative_elbo_bound(self, x: Tensor) -> tuple[Tensor, ...]:
        m, v = self.enc.encode(x)
        logits = self.dec.decode(drawn(m, v))
        kl = analytic(m, v)
        rec = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1)
        return (kl + rec).mean(), kl.mean(), rec.mean()

    def negative_iwae_bound(self, x: Tensor, iw: int) -> tuple[Tensor, ...]:
        m, v = self.enc.encode(x)
        weights, kls, recs = [], [], []
        prior_m, prior_v = self.z_prior
        for _ in range(iw):
            z = drawn(m, v)
            rec = log_likelihood(x, self.dec.decode(z))
            kl = (terms(z, m, v) - terms(z, prior_m.expand(m.shape), prior_v)).sum(-1)
            weights.append(rec - kl)
            kls.append(kl)
            recs.append(-rec)
        bound = -log_mean_exp(torch.stack(weights), dim=0)
        return bound.mean(), torch.stack(kls).mean(), torch.stack(recs).mean()


def _image_major(self: Any, x: Tensor, iw: int) -> tuple[Tensor, ...]:
    m, v = (part.repeat_interleave(iw, dim=0) for part in self.enc(x))
    z = drawn(m, v)
    rec = log_likelihood(x.repeat_interleave(iw, dim=0), self.dec(z))
    kl = terms(z, m, v).sum(-1) - log_p(self, z)
    return -log_mean_exp((rec - kl).view(-1, iw), dim=1).mean(), kl.mean(), -rec.mean()


def _axis_of_samples(self: Any, x: Tensor, iw: int) -> tuple[Tensor, ...]:
    # The course's decoder is linear layers, which take any leading axes.
    m, v, images = (part.unsqueeze(1).expand(-1, iw, -1) for part in (*self.enc(x), x))
    z = drawn(m, v)
    rec = log_likelihood(images, self.dec(z))
    kl = terms(z, m, v).sum(-1) - log_p(self, z)
    return -log_mean_exp(rec - kl, dim=1).mean(), kl.mean(), -rec.mean()


VARIANTS = (
    Variant("vae/duplicated", "VAE", model()),
    Variant("vae/without-networks", "VAE", _WithoutNetworks),
    Variant("vae/image-major", "VAE", model(iwae=_image_major)),
    Variant("vae/axis-of-samples", "VAE", model(iwae=_axis_of_samples)),
    Variant("gmvae/duplicated", "GMVAE", model(mixture=True)),
    Variant("gmvae/image-major", "GMVAE", model(iwae=_image_major, mixture=True)),
)
