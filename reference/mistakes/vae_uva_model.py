"""The UvA model, its losses and its samples, as students get them wrong and as they get them right.

`forward` takes levels (B, 1, 28, 28) and gives L_rec, L_reg and bpd; `sample` gives levels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reference.mistakes.catalogue import Mistake
from reference.mistakes.vae_uva_networks import CNNDecoder, CNNEncoder

Losses = Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, ...]]  # of logits, imgs, q
Latents = Callable[[Tensor, Tensor], Tensor]
Draw = Callable[[Tensor], Tensor]
Prior = Callable[[int, int], Tensor]


def _each(logits: Tensor, imgs: Tensor) -> Tensor:
    return F.cross_entropy(logits, imgs[:, 0], reduction="none").sum(dim=(1, 2))  # (B,)


def _kl(mean: Tensor, log_std: Tensor) -> Tensor:
    return 0.5 * (mean**2 + torch.exp(2 * log_std) - 1 - 2 * log_std).sum(dim=-1)  # (B,)


def bits(nats: Tensor, imgs: Tensor) -> Tensor:
    """Bits per dimension."""
    return nats * math.log2(math.e) / math.prod(imgs.shape[1:])


def losses(
    rec: Callable[[Tensor, Tensor], Tensor] = lambda logits, imgs: _each(logits, imgs).mean(),
    reg: Callable[[Tensor, Tensor], Tensor] = lambda mean, log_std: _kl(mean, log_std).mean(),
    bpd: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda rec, reg, imgs: bits(rec + reg, imgs),
) -> Losses:
    """L_rec, L_reg and bpd, with one of them taken otherwise."""

    def of_batch(logits: Tensor, imgs: Tensor, mean: Tensor, log_std: Tensor) -> tuple[Tensor, ...]:
        first, second = rec(logits, imgs), reg(mean, log_std)
        return first, second, bpd(first, second, imgs)

    return of_batch


def _sampled(mean: Tensor, log_std: Tensor) -> Tensor:
    return mean + log_std.exp() * torch.randn_like(mean)


def drawn(logits: Tensor) -> Tensor:
    """One level for each pixel, (B, 1, H, W)."""
    flat = logits.softmax(dim=1).permute(0, 2, 3, 1).reshape(-1, logits.shape[1])
    return torch.multinomial(flat, 1).reshape(len(logits), 1, *logits.shape[2:])


def model(
    asked: Losses | None = None,
    latents: Latents = _sampled,
    draw: Draw = drawn,
    prior: Prior = torch.randn,
) -> type[nn.Module]:
    """The model with some of its steps taken otherwise."""
    of_batch = asked or losses()

    class VAE(nn.Module):
        def __init__(self, num_filters: int, z_dim: int, *_: Any, **__: Any) -> None:
            super().__init__()
            self.z_dim = z_dim
            self.encoder = CNNEncoder(num_filters=num_filters, z_dim=z_dim)
            self.decoder = CNNDecoder(num_filters=num_filters, z_dim=z_dim)

        def forward(self, imgs: Tensor) -> tuple[Tensor, ...]:
            mean, log_std = self.encoder(imgs)
            return of_batch(self.decoder(latents(mean, log_std)), imgs, mean, log_std)

        @torch.no_grad()
        def sample(self, batch_size: int) -> Tensor:
            return draw(self.decoder(prior(batch_size, self.z_dim).to(self.decoder.device)))

    return VAE


_REC, _REG = ("forward_reconstructs",), ("forward_regularises",)
_BPD, _Z = ("forward_counts_bits",), ("forward_decodes_samples_of_q",)
# One row for each mistake: name, what a TA would say, the wrong model, what must catch it.
_WRONG: tuple[tuple[str, str, type[nn.Module], tuple[str, ...]], ...] = (
    (
        "reconstruction-mean-over-pixels",
        "Your L_rec does not grow with the image: how do independent pixels combine?",
        model(losses(rec=lambda logits, imgs: F.cross_entropy(logits, imgs[:, 0]))),
        _REC,
    ),
    (
        "reconstruction-summed-over-batch",
        "Your L_rec doubles when the batch does.",
        model(losses(rec=lambda logits, imgs: _each(logits, imgs).sum())),
        _REC,
    ),
    (
        "reconstruction-sign",
        "Your L_rec grows as the prediction improves.",
        model(losses(rec=lambda logits, imgs: -_each(logits, imgs).mean())),
        _REC,
    ),
    (
        "softmax-before-cross-entropy",
        "Look up what cross_entropy expects: has the softmax been taken already?",
        model(losses(rec=lambda logits, imgs: _each(logits.softmax(dim=1), imgs).mean())),
        _REC,
    ),
    (
        "reshaped-not-permuted",
        "Levels of different pixels got mixed on the way to the loss: check the axes.",
        model(
            losses(
                rec=lambda logits, imgs: (
                    F.cross_entropy(logits.reshape(-1, 16), imgs.flatten(), reduction="sum")
                    / len(imgs)
                )
            )
        ),
        _REC,
    ),
    (
        "kl-summed-over-batch",
        "One term is averaged over the batch and the other summed: double the batch and compare.",
        model(losses(reg=lambda mean, log_std: _kl(mean, log_std).sum())),
        _REG,
    ),
    (
        "kl-mean-over-dims",
        "How does the KL of independent dimensions combine: is it their average?",
        model(losses(reg=lambda mean, log_std: _kl(mean, log_std).mean() / mean.shape[1])),
        _REG,
    ),
    (
        "std-as-log-std",
        "What you pass to the KL has been exponentiated already.",
        model(losses(reg=lambda mean, log_std: _kl(mean, log_std.exp()).mean())),
        _REG,
    ),
    (
        "kl-sign",
        "A divergence is never negative.",
        model(losses(reg=lambda mean, log_std: -_kl(mean, log_std).mean())),
        _REG,
    ),
    (
        "kl-not-reduced",
        "One number for the batch is asked for.",
        model(losses(reg=_kl, bpd=lambda rec, reg, imgs: bits(rec + reg.mean(), imgs))),
        _REG,
    ),
    (
        "kl-subtracted",
        "A larger KL lowers your loss: should the encoder be rewarded for leaving the prior?",
        model(losses(bpd=lambda rec, reg, imgs: bits(rec - reg, imgs))),
        _BPD,
    ),
    (
        "kl-dropped",
        "Your figure does not count what the latents cost.",
        model(losses(bpd=lambda rec, _, imgs: bits(rec, imgs))),
        _BPD,
    ),
    (
        "loss-in-nats",
        "The third number is asked for in bits per dimension.",
        model(losses(bpd=lambda rec, reg, _: rec + reg)),
        _BPD,
    ),
    (
        "log-std-passed-as-std",
        "The spread of your latents may be negative: on which scale is it?",
        model(latents=lambda mean, log_std: mean + log_std * torch.randn_like(mean)),
        _Z,
    ),
    (
        "log-std-taken-for-log-var",
        "The spread is a log standard deviation; check what you take it for.",
        model(latents=lambda mean, log_std: mean + (log_std / 2).exp() * torch.randn_like(mean)),
        _Z,
    ),
    (
        "mean-only",
        "Your decoder is given the mean itself: where is the sampling?",
        model(latents=lambda mean, _: mean),
        _Z,
    ),
    (
        "shared-noise",
        "Two images of one batch were moved by the very same noise.",
        model(latents=lambda mean, log_std: mean + log_std.exp() * torch.randn(mean.shape[1])),
        _Z,
    ),
)

_LEVELS, _LAW = ("sample_gives_levels",), ("sample_draws_every_pixel",)
_PRIOR = ("sample_begins_with_the_prior",)
_PLACES = torch.arange(16.0).reshape(1, 16, 1, 1)


def _mean_level(logits: Tensor) -> Tensor:
    return (logits.softmax(dim=1) * _PLACES).sum(dim=1, keepdim=True)


def _drawn_across_pixels(logits: Tensor) -> Tensor:
    flat = logits.softmax(dim=1).reshape(-1, logits.shape[1])
    return torch.multinomial(flat, 1).reshape(len(logits), 1, *logits.shape[2:])


_WRONG_SAMPLES: tuple[tuple[str, str, type[nn.Module], tuple[str, ...]], ...] = (
    (
        "most-likely-level",
        "The most likely level of a pixel is no sample: two calls would agree everywhere.",
        model(draw=lambda logits: logits.argmax(dim=1, keepdim=True)),
        _LAW,
    ),
    (
        "mean-level",
        "The expected level of a pixel is no sample of it.",
        model(draw=lambda logits: _mean_level(logits).round().long()),
        _LAW,
    ),
    (
        "reshaped-not-permuted",
        "Levels of different pixels got mixed before you drew: check the axes.",
        model(draw=_drawn_across_pixels),
        _LAW,
    ),
    (
        "threshold",
        "A pixel has 16 levels; yours has two.",
        model(draw=lambda logits: 15 * (_mean_level(logits) > 7.5).long()),
        _LAW,
    ),
    (
        "probabilities",
        "Sixteen planes came back for each image: draw one level for each pixel.",
        model(draw=lambda logits: logits.softmax(dim=1)),
        _LEVELS,
    ),
    (
        "means-not-levels",
        "A sample is made of whole levels.",
        model(draw=_mean_level),
        _LEVELS,
    ),
    (
        "channel-missing",
        "An image has a channel axis, also where there is one channel.",
        model(draw=lambda logits: drawn(logits)[:, 0]),
        _LEVELS,
    ),
    (
        "uniform-latents",
        "Your latents are never negative: which distribution is the prior?",
        model(prior=torch.rand),
        _PRIOR,
    ),
    (
        "one-latent",
        "All your images begin with one and the same latent.",
        model(prior=lambda n, size: torch.randn(1, size).repeat(n, 1)),
        _PRIOR,
    ),
    (
        "latents-at-zero",
        "Your latents do not vary: where is the sampling?",
        model(prior=torch.zeros),
        _PRIOR,
    ),
)


MISTAKES = (
    *(Mistake(f"forward/{name}", "VAE", says, code, killed) for name, says, code, killed in _WRONG),
    *(
        Mistake(f"sampling/{name}", "VAE", says, code, killed)
        for name, says, code, killed in _WRONG_SAMPLES
    ),
)
