"""The reconstruction loss as students get it wrong, and as they get it right.

Logits (B, 16, H, W); targets are integer levels, (B, 1, H, W) or (B, H, W).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from reference.mistakes.catalogue import Mistake, Variant

Loss = Callable[[Tensor, Tensor], Tensor]


def _levels(logits: Tensor, x: Tensor) -> Tensor:
    return x.reshape(len(logits), *logits.shape[2:]).long()


def _per_pixel(logits: Tensor, x: Tensor) -> Tensor:
    return F.cross_entropy(logits, _levels(logits, x), reduction="none")  # (B, H, W)


def _one_hot(logits: Tensor, x: Tensor) -> Tensor:
    return F.one_hot(_levels(logits, x), logits.shape[1]).movedim(-1, 1).to(logits)


def _reshaped(logits: Tensor, x: Tensor) -> Tensor:
    flat = logits.reshape(-1, logits.shape[1])
    return F.cross_entropy(flat, _levels(logits, x).flatten(), reduction="sum") / len(x)


def _softmax_over_width(logits: Tensor, x: Tensor) -> Tensor:
    return -(F.log_softmax(logits, dim=-1) * _one_hot(logits, x)).sum() / len(x)


def _softmax_over_batch(logits: Tensor, x: Tensor) -> Tensor:
    return -(F.log_softmax(logits, dim=0) * _one_hot(logits, x)).sum() / len(x)


def _log_of_softmax_plus_epsilon(logits: Tensor, x: Tensor) -> Tensor:
    probabilities = F.softmax(logits, dim=1)
    return -(torch.log(probabilities + 1e-5) * _one_hot(logits, x)).sum() / len(x)


def _softmax_twice(logits: Tensor, x: Tensor) -> Tensor:
    return _per_pixel(F.softmax(logits, dim=1), x).sum(dim=(1, 2)).mean()


def _sigmoid_on_every_level(logits: Tensor, x: Tensor) -> Tensor:
    loss = F.binary_cross_entropy_with_logits(logits, _one_hot(logits, x), reduction="sum")
    return loss / len(x)


def _bce_without_sigmoid(logits: Tensor, x: Tensor) -> Tensor:
    one_hot = _one_hot(logits, x)
    return F.binary_cross_entropy(logits.clamp(0, 1), one_hot, reduction="sum") / len(x)


def _logit_as_log_probability(logits: Tensor, x: Tensor) -> Tensor:
    return -(logits * _one_hot(logits, x)).sum() / len(x)


def _squared_error(logits: Tensor, x: Tensor) -> Tensor:
    levels = torch.arange(logits.shape[1]).to(logits)
    expected = torch.einsum("bkhw,k->bhw", F.softmax(logits, dim=1), levels)
    return (expected - _levels(logits, x)).square().sum(dim=(1, 2)).mean()


# One row for each mistake: name, what a TA would say, the wrong function.
_WRONG: tuple[tuple[str, str, Loss], ...] = (
    (
        "mean-over-pixels",
        "Your loss does not grow with the size of the image: how do independent pixels combine?",
        lambda logits, x: _per_pixel(logits, x).mean(),
    ),
    (
        "sum-over-batch",
        "Your loss doubles when the batch does.",
        lambda logits, x: _per_pixel(logits, x).sum(),
    ),
    (
        "not-reduced",
        "You return one number for each pixel; the sheet asks for one for the batch.",
        _per_pixel,
    ),
    (
        "per-image",
        "You return one number for each image; the sheet asks for one for the batch.",
        lambda logits, x: _per_pixel(logits, x).sum(dim=(1, 2)),
    ),
    (
        "batch-divided-twice",
        "Something is divided by the size of the batch more than once.",
        lambda logits, x: _per_pixel(logits, x).sum(dim=(1, 2)).mean() / len(x),
    ),
    (
        "divided-by-levels",
        "Your loss is smaller the more levels there are: which axes are summed, which averaged?",
        lambda logits, x: _per_pixel(logits, x).sum(dim=(1, 2)).mean() / logits.shape[1],
    ),
    (
        "sign-flipped",
        "A loss that grows as the prediction improves: check its sign.",
        lambda logits, x: -_per_pixel(logits, x).sum(dim=(1, 2)).mean(),
    ),
    (
        "softmax-over-width",
        "Add up your probabilities over the 16 levels of one pixel: is the sum one?",
        _softmax_over_width,
    ),
    (
        "softmax-over-batch",
        "One image's loss changes with the other images of its batch.",
        _softmax_over_batch,
    ),
    (
        "log-of-softmax-plus-epsilon",
        "A very wrong and confident prediction costs less than it should: is something capped?",
        _log_of_softmax_plus_epsilon,
    ),
    (
        "softmax-twice",
        "Look up what cross_entropy expects: has the softmax been taken already?",
        _softmax_twice,
    ),
    (
        "sigmoid-on-every-level",
        "A pixel takes one of 16 levels; you treat it as 16 separate yes-or-no questions.",
        _sigmoid_on_every_level,
    ),
    (
        "bce-without-sigmoid",
        "Logits are not probabilities, and a pixel has more than two levels.",
        _bce_without_sigmoid,
    ),
    (
        "logit-as-log-probability",
        "Adding a constant to all 16 logits of a pixel changes your loss. Should it?",
        _logit_as_log_probability,
    ),
    (
        "squared-error",
        "The sheet's decoder gives a distribution over levels; you compare only its mean.",
        _squared_error,
    ),
    (
        "reshaped-not-permuted",
        "Levels of different pixels got mixed on the way to the loss: check the axes.",
        _reshaped,
    ),
    (
        "targets-shifted",
        "Level 0 is the first logit: is your target off by one?",
        lambda logits, x: (
            _per_pixel(logits, (x.long() - 1) % logits.shape[1]).sum(dim=(1, 2)).mean()
        ),
    ),
    (
        "in-bits",
        "The loss is asked for in nats; which base has your logarithm?",
        lambda logits, x: (
            _per_pixel(logits, x).sum(dim=(1, 2)).mean() * torch.tensor(torch.e).log2()
        ),
    ),
)


def _summed_then_divided(logits: Tensor, x: Tensor) -> Tensor:
    return F.cross_entropy(logits, _levels(logits, x), reduction="sum") / logits.shape[0]


def _gathered(logits: Tensor, x: Tensor) -> Tensor:
    log_probabilities = torch.log_softmax(logits, dim=1)
    chosen = log_probabilities.gather(1, _levels(logits, x).unsqueeze(1))
    return -chosen.sum(dim=(1, 2, 3)).mean(dim=0)


def _flattened(logits: Tensor, x: Tensor) -> Tensor:
    flat = logits.permute(0, 2, 3, 1).reshape(-1, logits.shape[1])
    return F.cross_entropy(flat, _levels(logits, x).flatten()) * _levels(logits, x)[0].numel()


def _nll_of_log_softmax(logits: Tensor, x: Tensor) -> Tensor:
    log_probabilities = F.log_softmax(logits, dim=1)
    return F.nll_loss(log_probabilities, _levels(logits, x), reduction="sum") / len(x)


def _image_by_image(logits: Tensor, x: Tensor) -> Tensor:
    lengths = [
        F.cross_entropy(own[None], level[None], reduction="sum")
        for own, level in zip(logits, _levels(logits, x), strict=True)
    ]
    return torch.stack(lengths).mean()


def _one_hot_entropy(logits: Tensor, x: Tensor) -> Tensor:
    return -(F.log_softmax(logits, dim=1) * _one_hot(logits, x)).sum(dim=(1, 2, 3)).mean()


def _a_python_float(logits: Tensor, x: Tensor) -> Any:
    return _summed_then_divided(logits, x).item()


_RIGHT: tuple[tuple[str, Loss], ...] = (
    ("cross-entropy", lambda logits, x: _per_pixel(logits, x).sum(dim=(1, 2)).mean()),
    ("summed-then-divided", _summed_then_divided),
    ("gathered", _gathered),
    ("mean-times-pixels", _flattened),
    ("nll-of-log-softmax", _nll_of_log_softmax),
    ("image-by-image", _image_by_image),
    ("one-hot", _one_hot_entropy),
    ("of-one-entry", lambda logits, x: _summed_then_divided(logits, x).reshape(1)),
    ("a-python-float", _a_python_float),
)

MISTAKES = tuple(
    Mistake(
        f"recon/{name}",
        "reconstruction_loss",
        says,
        code,
        ("reconstruction_is_the_log_likelihood",),
    )
    for name, says, code in _WRONG
)

VARIANTS = tuple(Variant(f"recon/{name}", "reconstruction_loss", code) for name, code in _RIGHT)
