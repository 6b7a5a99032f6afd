"""Bounds of the CS236 models as students get them wrong, and as they get them right.

`enc` maps images (B, 784) to mean and variance, `dec` maps latents to logits. Both bounds give the
bound itself, a KL term and a reconstruction term, averaged over the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reference.mistakes.catalogue import Mistake
from reference.mistakes.vae_cs236_densities import log_mean_exp, terms

Pair = tuple[Tensor, Tensor]
Prior = Callable[[Any, Tensor], Tensor]
Draw = Callable[[Tensor, Tensor], Tensor]
KlTerm = Callable[[Any, Tensor, Tensor, Tensor], Tensor]
Total = Callable[[Tensor, Tensor], Tensor]
Likelihood = Callable[[Tensor, Tensor], Tensor]


class _Encoder(nn.Module):
    def __init__(self, z_dim: int) -> None:
        super().__init__()
        self.net = nn.Linear(784, 2 * z_dim)

    def forward(self, x: Tensor) -> Pair:
        m, h = self.net(x).chunk(2, dim=1)
        return m, F.softplus(h) + 1e-8


def log_p(model: Any, z: Tensor) -> Tensor:
    """Under the unit Gaussian, or under the mixture where the model has one."""
    if not hasattr(model, "z_pre"):
        return terms(z, torch.zeros_like(z), torch.ones_like(z)).sum(-1)
    m, h = model.z_pre.chunk(2, dim=1)  # (1, K, D)
    return log_mean_exp(terms(z.unsqueeze(1), m, F.softplus(h) + 1e-8).sum(-1), dim=1)


def analytic(m: Tensor, v: Tensor) -> Tensor:
    """KL to the unit Gaussian, (B,)."""
    return 0.5 * (m**2 + v - 1 - v.log()).sum(-1)


def _kl(model: Any, z: Tensor, m: Tensor, v: Tensor) -> Tensor:
    if not hasattr(model, "z_pre"):
        return analytic(m, v)
    return terms(z, m, v).sum(-1) - log_p(model, z)


def log_likelihood(x: Tensor, logits: Tensor) -> Tensor:
    """Log p(x | z), (B,)."""
    return -F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1)


def drawn(m: Tensor, v: Tensor) -> Tensor:
    """Samples of N(m, v)."""
    return m + v.sqrt() * torch.randn_like(m)


def _elbo(
    kl: KlTerm = lambda *four: _kl(*four).mean(),
    rec: Likelihood = lambda x, logits: -log_likelihood(x, logits).mean(),
    total: Total = lambda kl, rec: kl + rec,
    draw: Draw = drawn,
) -> Callable[[Any, Tensor], tuple[Tensor, ...]]:
    def negative_elbo_bound(self: Any, x: Tensor) -> tuple[Tensor, ...]:
        m, v = self.enc(x)
        z = draw(m, v)
        first, second = kl(self, z, m, v), rec(x, self.dec(z))
        return total(first, second), first, second

    return negative_elbo_bound


def _duplicated(x: Tensor, iw: int) -> Tensor:
    return x.expand(iw, *x.shape).reshape(-1, *x.shape[1:])


def _iwae(
    weight: Callable[[Any, Tensor, Tensor, Pair], Tensor] | None = None,
    average: Callable[[Tensor, int], Tensor] = lambda log_w, iw: log_mean_exp(
        log_w.reshape(iw, -1), dim=0
    ),
    draw: Callable[[Tensor, Tensor], Tensor] = drawn,
) -> Callable[[Any, Tensor, int], tuple[Tensor, ...]]:
    def negative_iwae_bound(self: Any, x: Tensor, iw: int) -> tuple[Tensor, ...]:
        m, v = (_duplicated(part, iw) for part in self.enc(x))
        z = draw(m, v)
        rec = log_likelihood(_duplicated(x, iw), self.dec(z))
        prior, log_q = log_p(self, z), terms(z, m, v).sum(-1)
        log_w = rec + prior - log_q if weight is None else weight(self, z, rec, (m, v))
        return -average(log_w, iw).mean(), (log_q - prior).mean(), -rec.mean()

    return negative_iwae_bound


def model(elbo: Any = None, iwae: Any = None, mixture: bool = False) -> type[nn.Module]:
    """The model with one of its bounds taken otherwise."""

    class VAE(nn.Module):
        def __init__(self, z_dim: int = 2, k: int = 500) -> None:
            super().__init__()
            self.enc, self.dec = _Encoder(z_dim), nn.Linear(z_dim, 784)
            if mixture:
                self.z_pre = nn.Parameter(torch.randn(1, 2 * k, z_dim))

        negative_elbo_bound = elbo or _elbo()
        negative_iwae_bound = iwae or _iwae()

    return VAE


_REC, _REG, _SUM = (
    ("bound_reconstructs",),
    ("bound_regularises",),
    ("bound_is_the_sum_of_its_terms",),
)
_DRAW, _IWAE = ("latents_are_samples_of_q",), ("importance_weights_are_averaged",)
_WRONG: tuple[tuple[str, str, type[nn.Module], tuple[str, ...]], ...] = (
    (
        "vae-bound/reconstruction-mean-over-pixels",
        "How do the log-probabilities of independent pixels combine: is it their average?",
        model(_elbo(rec=lambda x, logits: -log_likelihood(x, logits).mean() / x.shape[1])),
        _REC,
    ),
    (
        "vae-bound/reconstruction-summed-over-batch",
        "Your rec doubles when the batch does.",
        model(_elbo(rec=lambda x, logits: -log_likelihood(x, logits).sum())),
        _REC,
    ),
    (
        "vae-bound/sigmoid-before-logits",
        "The loss that you call takes logits: what has the sigmoid made of them?",
        model(_elbo(rec=lambda x, logits: -log_likelihood(x, logits.sigmoid()).mean())),
        _REC,
    ),
    (
        "vae-bound/reconstruction-sign",
        "Your rec grows as the prediction improves.",
        model(_elbo(rec=lambda x, logits: log_likelihood(x, logits).mean())),
        _REC,
    ),
    (
        "vae-bound/var-as-std",
        "The encoder gives variances; one squaring too many has happened to them.",
        model(_elbo(kl=lambda _, __, m, v: analytic(m, v**2).mean())),
        _REG,
    ),
    (
        "vae-bound/kl-summed-over-batch",
        "One term is averaged over the batch and the other summed: double the batch and compare.",
        model(_elbo(kl=lambda *four: _kl(*four).sum())),
        _REG,
    ),
    (
        "vae-bound/kl-mean-over-dims",
        "How does the KL of independent dimensions combine: is it their average?",
        model(_elbo(kl=lambda *four: _kl(*four).mean() / 4)),
        _REG,
    ),
    (
        "vae-bound/kl-subtracted",
        "A larger KL lowers your loss: should the encoder be rewarded for leaving the prior?",
        model(_elbo(total=lambda kl, rec: rec - kl)),
        _SUM,
    ),
    (
        "vae-bound/kl-dropped",
        "Your bound does not count what the latents cost.",
        model(_elbo(total=lambda _, rec: rec)),
        _SUM,
    ),
    (
        "vae-bound/mean-only",
        "Your decoder is given the mean itself: where is the sampling?",
        model(_elbo(draw=lambda m, _: m)),
        _DRAW,
    ),
    (
        "vae-bound/variance-as-spread",
        "The spread of your latents is not that of q: compare it at a variance of 4.",
        model(_elbo(draw=lambda m, v: m + v * torch.randn_like(m))),
        _DRAW,
    ),
    (
        "vae-iwae/mean-of-logs",
        "Is the logarithm of an average the average of the logarithms?",
        model(iwae=_iwae(average=lambda log_w, iw: log_w.reshape(iw, -1).mean(dim=0))),
        _IWAE,
    ),
    (
        "vae-iwae/sum-not-mean",
        "Your bound improves with more samples even where all of them are alike.",
        model(iwae=_iwae(average=lambda log_w, iw: log_w.reshape(iw, -1).logsumexp(dim=0))),
        _IWAE,
    ),
    (
        "vae-iwae/analytic-kl",
        "A weight belongs to one sample: what has an expectation to do in it?",
        model(iwae=_iwae(weight=lambda _, __, rec, q: rec - analytic(*q))),
        _IWAE,
    ),
    (
        "vae-iwae/per-term",
        "The mean is taken over whole weights, not over each of their factors.",
        model(
            iwae=_iwae(
                weight=lambda model, z, rec, q: torch.stack(
                    [rec, log_p(model, z) - terms(z, *q).sum(-1)]
                ),
                average=lambda log_w, iw: log_mean_exp(log_w.reshape(2, iw, -1), dim=1).sum(dim=0),
            )
        ),
        _IWAE,
    ),
    (
        "vae-iwae/images-mixed",
        "Samples of different images got into one average: in which order do they come?",
        model(iwae=_iwae(average=lambda log_w, iw: log_mean_exp(log_w.reshape(-1, iw), dim=1))),
        _IWAE,
    ),
    (
        "vae-iwae/mean-only",
        "Copies of one latent weigh no more than one of them: what should differ between them?",
        model(iwae=_iwae(draw=lambda m, _: m)),
        _IWAE,
    ),
    (
        "vae-iwae/posterior-missing",
        "By which density were the samples drawn, and where is it in the weight?",
        model(iwae=_iwae(weight=lambda model, z, rec, _: rec + log_p(model, z))),
        _IWAE,
    ),
)

_WRONG_MIXTURES: tuple[tuple[str, str, type[nn.Module], tuple[str, ...]], ...] = (
    (
        "gmvae-bound/unit-prior",
        "The prior of this model is not the unit Gaussian.",
        model(_elbo(kl=lambda _, __, m, v: analytic(m, v).mean()), mixture=True),
        ("mixture_bound_has_a_sampled_kl",),
    ),
    (
        "gmvae-bound/kl-sign",
        "Which of the two log-densities is subtracted from the other?",
        model(_elbo(kl=lambda *four: -_kl(*four).mean()), mixture=True),
        ("mixture_bound_has_a_sampled_kl",),
    ),
    (
        "gmvae-bound/kl-subtracted",
        "A larger KL lowers your loss: should the encoder be rewarded for leaving the prior?",
        model(_elbo(total=lambda kl, rec: rec - kl), mixture=True),
        ("mixture_bound_is_the_sum_of_its_terms",),
    ),
    (
        "gmvae-iwae/unit-prior",
        "The prior of this model is not the unit Gaussian.",
        model(
            iwae=_iwae(
                weight=lambda _, z, rec, q: (
                    rec
                    + terms(z, torch.zeros_like(z), torch.ones_like(z)).sum(-1)
                    - terms(z, *q).sum(-1)
                )
            ),
            mixture=True,
        ),
        ("importance_weights_hold_the_mixture",),
    ),
    (
        "gmvae-iwae/mean-of-logs",
        "Is the logarithm of an average the average of the logarithms?",
        model(
            iwae=_iwae(average=lambda log_w, iw: log_w.reshape(iw, -1).mean(dim=0)), mixture=True
        ),
        ("importance_weights_hold_the_mixture",),
    ),
)


MISTAKES = (
    *(Mistake(id, "VAE", says, code, killed) for id, says, code, killed in _WRONG),
    *(Mistake(id, "GMVAE", says, code, killed) for id, says, code, killed in _WRONG_MIXTURES),
)
