"""The negative ELBO as students get it wrong, and as they get it right.

Logits (B, 16, H, W), integer levels x, and the encoder's mean and log_std, both (B, D).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Independent, Normal, kl_divergence

from reference.mistakes.catalogue import Mistake, Variant

Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def _reconstruction(logits: Tensor, x: Tensor) -> Tensor:
    levels = x.reshape(len(logits), *logits.shape[2:]).long()
    return F.cross_entropy(logits, levels, reduction="none").flatten(1).sum(dim=1)  # (B,)


def _kl(mean: Tensor, log_std: Tensor) -> Tensor:
    return 0.5 * (mean**2 + torch.exp(2 * log_std) - 1 - 2 * log_std).sum(dim=1)  # (B,)


def _weighted(reconstruction_weight: float, kl_weight: float) -> Loss:
    def loss(logits: Tensor, x: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
        terms = reconstruction_weight * _reconstruction(logits, x) + kl_weight * _kl(mean, log_std)
        return terms.mean()

    return loss


# One row for each mistake: name, what a TA would say, the wrong function.
_WRONG: tuple[tuple[str, str, Loss], ...] = (
    (
        "kl-subtracted",
        "A larger KL lowers your loss: should the encoder be rewarded for leaving the prior?",
        _weighted(1, -1),
    ),
    ("kl-dropped", "Your loss does not depend on mean and log_std at all.", _weighted(1, 0)),
    ("reconstruction-dropped", "Your loss does not depend on the logits.", _weighted(0, 1)),
    ("kl-weighted-half", "The bound gives both terms the same weight.", _weighted(1, 0.5)),
    (
        "kl-weighted-double",
        "The KL part is right up to a constant factor: the bound weighs both terms alike.",
        _weighted(1, 2),
    ),
    (
        "sign-flipped",
        "The optimiser minimises: will minimising this raise or lower the bound?",
        _weighted(-1, -1),
    ),
    (
        "kl-summed-over-batch",
        "One term is averaged over the batch and the other summed: double the batch and compare.",
        lambda logits, x, mean, log_std: (
            _reconstruction(logits, x).mean() + _kl(mean, log_std).sum()
        ),
    ),
    (
        "reconstruction-summed-over-batch",
        "One term is averaged over the batch and the other summed: double the batch and compare.",
        lambda logits, x, mean, log_std: (
            _reconstruction(logits, x).sum() + _kl(mean, log_std).mean()
        ),
    ),
    (
        "sum-over-batch",
        "Your loss doubles when the batch does.",
        lambda logits, x, mean, log_std: (_reconstruction(logits, x) + _kl(mean, log_std)).sum(),
    ),
    (
        "not-reduced",
        "You return one number for each image; the sheet asks for one for the batch.",
        lambda logits, x, mean, log_std: _reconstruction(logits, x) + _kl(mean, log_std),
    ),
    (
        "reconstruction-mean-over-pixels",
        "One term is averaged over the pixels, so the other one outweighs it.",
        lambda logits, x, mean, log_std: (
            _reconstruction(logits, x) / logits[0, 0].numel() + _kl(mean, log_std)
        ).mean(),
    ),
    (
        "kl-mean-over-dims",
        "How does the KL of independent dimensions combine: is it their average?",
        lambda logits, x, mean, log_std: (
            _reconstruction(logits, x) + _kl(mean, log_std) / mean.shape[1]
        ).mean(),
    ),
    (
        "kl-mean-over-pixels",
        "One term is divided by the number of pixels and the other is not.",
        lambda logits, x, mean, log_std: (
            _reconstruction(logits, x) + _kl(mean, log_std) / logits[0, 0].numel()
        ).mean(),
    ),
    (
        "kl-divided-by-batch-twice",
        "Something is divided by the size of the batch more than once.",
        lambda logits, x, mean, log_std: (
            _reconstruction(logits, x) + _kl(mean, log_std) / len(mean)
        ).mean(),
    ),
    (
        "log-std-as-std",
        "What the encoder returns and what your KL expects are on different scales.",
        lambda logits, x, mean, log_std: (
            _reconstruction(logits, x) + _kl(mean, log_std.abs().clamp_min(1e-6).log())
        ).mean(),
    ),
    (
        "std-as-log-std",
        "What you pass to the KL has been exponentiated already.",
        lambda logits, x, mean, log_std: (
            _reconstruction(logits, x) + _kl(mean, log_std.exp())
        ).mean(),
    ),
    (
        "log-std-as-log-var",
        "The spread is a log standard deviation; check what the KL takes it for.",
        lambda logits, x, mean, log_std: (
            _reconstruction(logits, x) + _kl(mean, log_std / 2)
        ).mean(),
    ),
    (
        "kl-detached",
        "The value is right, but no gradient reaches mean and log_std through the KL.",
        lambda logits, x, mean, log_std: (
            _reconstruction(logits, x) + _kl(mean, log_std).detach()
        ).mean(),
    ),
)


def _minus_kld(logits: Tensor, x: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    kld = 0.5 * torch.sum(1 + 2 * log_std - mean**2 - torch.exp(2 * log_std), dim=-1)
    return _reconstruction(logits, x).mean() - kld.mean()


def _negative_elbo(logits: Tensor, x: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    pixels = F.log_softmax(logits, dim=1)
    levels = x.reshape(len(x), 1, *logits.shape[2:]).long()
    log_likelihood = pixels.gather(1, levels).sum(dim=(1, 2, 3))
    q = Independent(Normal(mean, log_std.exp()), 1)
    p = Independent(Normal(torch.zeros_like(mean), torch.ones_like(mean)), 1)
    return -(log_likelihood - kl_divergence(q, p)).mean()


_RIGHT: tuple[tuple[str, Loss], ...] = (
    ("mean-of-sums", _weighted(1, 1)),
    (
        "sum-of-means",
        lambda logits, x, mean, log_std: (
            _reconstruction(logits, x).mean() + _kl(mean, log_std).mean()
        ),
    ),
    (
        "one-division",
        lambda logits, x, mean, log_std: (
            (_reconstruction(logits, x).sum() + _kl(mean, log_std).sum()) / len(x)
        ),
    ),
    ("bce-minus-kld", _minus_kld),
    ("negative-elbo", _negative_elbo),
    ("of-one-entry", lambda *given: _weighted(1, 1)(*given).reshape(1)),
)

MISTAKES = tuple(
    Mistake(
        f"elbo/{name}",
        "elbo_loss",
        says,
        code,
        ("loss_reaches_both_terms" if name == "kl-detached" else "loss_is_reconstruction_plus_kl",),
    )
    for name, says, code in _WRONG
)

VARIANTS = tuple(Variant(f"elbo/{name}", "elbo_loss", code) for name, code in _RIGHT)
