"""Reparameterised sampling as students get it wrong, and as they get it right."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Normal

from reference.mistakes.catalogue import Mistake, Variant

Sampler = Callable[[Tensor, Tensor], Tensor]

_LAW = ("samples_follow_the_gaussian",)
_GRADIENT = ("gradients_reach_mean_and_std",)


def _noise_shared_by_the_batch(mean: Tensor, std: Tensor) -> Tensor:
    return mean + std * torch.randn(mean.shape[-1])


def _noise_shared_by_the_dimensions(mean: Tensor, std: Tensor) -> Tensor:
    return mean + std * torch.randn(*mean.shape[:-1], 1)


def _seeded(mean: Tensor, std: Tensor) -> Tensor:
    torch.manual_seed(42)
    return mean + std * torch.randn_like(std)


def _numpy_noise(mean: Tensor, std: Tensor) -> Tensor:
    # The global NumPy generator is the mistake: it yields float64 and ignores the device.
    return mean + std * torch.from_numpy(np.random.randn(*mean.shape))  # noqa: NPY002


# One row for each mistake: name, what a TA would say, the wrong function, what must catch it.
_WRONG: tuple[tuple[str, str, Sampler, tuple[str, ...]], ...] = (
    (
        "var-as-std",
        "The spread of your samples is not std: compare it at std = 0.5 and at std = 2.",
        lambda mean, std: mean + std**2 * torch.randn_like(std),
        _LAW,
    ),
    (
        "root-of-std",
        "You are given a standard deviation; does it need to be converted?",
        lambda mean, std: mean + torch.sqrt(std) * torch.randn_like(std),
        _LAW,
    ),
    (
        "std-as-log-std",
        "The second argument is std itself, not its logarithm.",
        lambda mean, std: mean + torch.exp(std) * torch.randn_like(std),
        _LAW,
    ),
    (
        "std-as-log-var",
        "The second argument is std itself, not a log variance.",
        lambda mean, std: mean + torch.exp(0.5 * std) * torch.randn_like(std),
        _LAW,
    ),
    (
        "shared-noise",
        "Two images of one batch were moved by the very same noise.",
        _noise_shared_by_the_batch,
        _LAW,
    ),
    (
        "noise-shared-over-dims",
        "All latent dimensions of an image were moved by the very same noise.",
        _noise_shared_by_the_dimensions,
        _LAW,
    ),
    (
        "single-noise",
        "One random number moved every image and every latent dimension.",
        lambda mean, std: mean + std * torch.randn(()),
        _LAW,
    ),
    (
        "uniform-noise",
        "Your noise is never negative: which distribution does the sheet ask for?",
        lambda mean, std: mean + std * torch.rand_like(std),
        _LAW,
    ),
    (
        "centred-uniform-noise",
        "Your noise never leaves an interval: which distribution does the sheet ask for?",
        lambda mean, std: mean + std * (2 * torch.rand_like(std) - 1) * 3**0.5,
        _LAW,
    ),
    (
        "mean-only",
        "Calling your function twice gives the same numbers: where is the randomness?",
        lambda mean, std: mean + 0 * std,
        _LAW,
    ),
    (
        "noise-times-mean",
        "Set std to zero: a sample of a distribution without spread should be its mean.",
        lambda mean, std: mean * torch.randn_like(std) + std,
        _LAW,
    ),
    (
        "mean-missing",
        "Your samples are centred at zero whatever the mean is.",
        lambda mean, std: 0 * mean + std * torch.randn_like(std),
        _LAW,
    ),
    (
        "detached",
        "No gradient reaches the encoder through your sample.",
        lambda mean, std: (mean + std * torch.randn_like(std)).detach(),
        _GRADIENT,
    ),
    (
        "torch-normal",
        "The numbers are right, and no gradient reaches the encoder: what was the trick for?",
        lambda mean, std: torch.normal(mean, std),
        _GRADIENT,
    ),
    (
        "std-detached",
        "The gradient reaches the mean and not the std.",
        lambda mean, std: mean + std.detach() * torch.randn_like(std),
        _GRADIENT,
    ),
    (
        "mean-detached",
        "The gradient reaches the std and not the mean.",
        lambda mean, std: mean.detach() + std * torch.randn_like(std),
        _GRADIENT,
    ),
    (
        "reseeds",
        "Your function sets the random seed, so every batch meets the same noise.",
        _seeded,
        ("noise_is_fresh",),
    ),
    (
        "numpy-noise",
        "Your noise does not have the dtype of the mean; draw it where the tensors live.",
        _numpy_noise,
        _LAW,
    ),
)

_RIGHT: tuple[tuple[str, Sampler], ...] = (
    ("randn-like", lambda mean, std: mean + std * torch.randn_like(std)),
    ("minus-noise", lambda mean, std: mean - torch.randn_like(mean) * std),
    ("rsample", lambda mean, std: Normal(mean, std, validate_args=False).rsample()),
    (
        "torch-normal-noise",
        lambda mean, std: mean + torch.normal(torch.zeros_like(std), torch.ones_like(std)) * std,
    ),
    ("addcmul", lambda mean, std: torch.addcmul(mean, std, torch.empty_like(std).normal_())),
    ("drawn-on-the-cpu", lambda mean, std: torch.randn(mean.size()).to(mean) * std + mean),
)

MISTAKES = tuple(
    Mistake(f"reparam/{name}", "sample_reparameterize", says, code, killed_by)
    for name, says, code, killed_by in _WRONG
)

VARIANTS = tuple(Variant(f"reparam/{name}", "sample_reparameterize", code) for name, code in _RIGHT)
