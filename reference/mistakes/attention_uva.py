"""The classes of a transformer decoder as students get them wrong, and as they get them right.

All are built over a few parts that a mistake replaces one at a time: how scores become weights, how
features become heads, how a stream runs through a block.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reference.mistakes.attention_uva_blocks import BLOCKS
from reference.mistakes.attention_uva_parts import (
    Attention,
    Norm,
    closed_by_mask,
    split_by_view,
    turned,
)
from reference.mistakes.attention_uva_variants import VARIANTS
from reference.mistakes.catalogue import Mistake

__all__ = ["MISTAKES", "SOLUTION", "VARIANTS"]

# What a module of networks imports, and what the checks build a config of.
SOLUTION: dict[str, Any] = {"torch": torch, "nn": nn}


def _changed(base: type[nn.Module], **methods: Callable[..., Any]) -> type[nn.Module]:
    return type(base.__name__, (base,), methods)


def _norm(normed: Callable[[Any, Tensor], Tensor]) -> type[nn.Module]:
    return _changed(Norm, forward=lambda self, x: normed(self, x) * self.weight)


def _centred(self: Any, x: Tensor) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    return centred * torch.rsqrt(centred.pow(2).mean(-1, keepdim=True) + self.eps)


_NORMS: tuple[tuple[str, str, type[nn.Module]], ...] = (
    (
        "mean-subtracted",
        "Add a constant to all features: should the answer notice?",
        _norm(_centred),
    ),
    (
        "sum-for-mean",
        "Normed, how large is one feature on average, and does that depend on their number?",
        _norm(lambda self, x: x * torch.rsqrt(x.pow(2).sum(-1, keepdim=True) + self.eps)),
    ),
    (
        "root-missing",
        "Double the features: what should happen to the answer?",
        _norm(lambda self, x: x / (x.pow(2).mean(-1, keepdim=True) + self.eps)),
    ),
    (
        "over-the-sequence",
        "Change one position: do the answers of the others change?",
        _norm(lambda self, x: x * torch.rsqrt(x.pow(2).mean(-2, keepdim=True) + self.eps)),
    ),
    (
        "epsilon-missing",
        "What becomes of features that are all zero?",
        _norm(lambda _, x: x / x.pow(2).mean(-1, keepdim=True).sqrt()),
    ),
    (
        "gain-missing",
        "One of the parameters never reaches your answer.",
        _changed(
            Norm,
            forward=lambda self, x: x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps),
        ),
    ),
)


def _turning(turn: Callable[[Any, Tensor, Tensor], Tensor]) -> type[nn.Module]:
    def apply_rotary_emb(self: Any, xq: Tensor, xk: Tensor, length: int) -> tuple[Tensor, Tensor]:
        angles = self.angles(length)
        return turn(self, xq, angles), turn(self, xk, angles)

    return _changed(Attention, apply_rotary_emb=apply_rotary_emb)


def _added_and_rescaled(_: Any, x: Tensor, angles: Tensor) -> Tensor:
    added = x + torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)
    rescaled: Tensor = added * x.norm(dim=-1, keepdim=True) / added.norm(dim=-1, keepdim=True)
    return rescaled


def _sign_lost(_: Any, x: Tensor, angles: Tensor) -> Tensor:
    even, odd = x[..., 0::2], x[..., 1::2]
    cos, sin = angles.cos(), angles.sin()
    return torch.stack([even * cos + odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)


def _keys_left(self: Any, xq: Tensor, xk: Tensor, length: int) -> tuple[Tensor, Tensor]:
    return turned(xq, self.angles(length)), xk


def _opposite(self: Any, xq: Tensor, xk: Tensor, length: int) -> tuple[Tensor, Tensor]:
    angles = self.angles(length)
    return turned(xq, angles), turned(xk, -angles)


_TURNS: tuple[tuple[str, str, type[nn.Module]], ...] = (
    (
        "added-and-rescaled",
        "Lengths are kept, but move query and key along together: should their score change?",
        _turning(_added_and_rescaled),
    ),
    (
        "sign-lost",
        "A turn keeps lengths; does yours? Look at both rows of the matrix.",
        _turning(_sign_lost),
    ),
    (
        "one-pace",
        "Does every pair of features turn at its own pace?",
        _turning(lambda _, x, angles: turned(x, angles[:, :1].expand_as(angles))),
    ),
    (
        "degrees",
        "In which units do the cosine and the sine want their angle?",
        _turning(lambda _, x, angles: turned(x, angles.deg2rad())),
    ),
    (
        "sine-and-cosine-exchanged",
        "The very first token stands at position 0: by how much should it be turned?",
        _turning(lambda _, x, angles: turned(x, torch.pi / 2 - angles)),
    ),
    (
        "keys-left-alone",
        "Move query and key along together: should their score change?",
        _changed(Attention, apply_rotary_emb=_keys_left),
    ),
    (
        "keys-turned-back",
        "Move query and key along together: should their score change?",
        _changed(Attention, apply_rotary_emb=_opposite),
    ),
)


def _weighing(weigh: Callable[..., Tensor]) -> type[nn.Module]:
    return _changed(Attention, weigh=lambda _, q, k, mask: weigh(q, k, mask))


def _scores(q: Tensor, k: Tensor) -> Tensor:
    return q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])


def _rotary_left_out(_: Any, q: Tensor, k: Tensor, __: int) -> tuple[Tensor, Tensor]:
    return q, k


def _flash_sees_all(self: Any, x: Tensor) -> Tensor:
    q, k, v = self.projected(x)
    attended = F.scaled_dot_product_attention(q, k, v) if self.flash else self.attended(q, k, v)
    output: Tensor = self.c_proj(self.merge(attended))
    return output


def _values_turned(self: Any, x: Tensor) -> Tensor:
    q, k, v = self.projected(x)
    output: Tensor = self.c_proj(self.merge(self.attended(q, k, turned(v, self.angles(len(x[0]))))))
    return output


_ATTENTION: tuple[tuple[str, str, type[nn.Module]], ...] = (
    (
        "mask-missing",
        "Change the last token: which positions' answers should change?",
        _weighing(lambda q, k, _: _scores(q, k).softmax(-1)),
    ),
    (
        "zeros-and-ones-added",
        "By how much does your mask lower a hidden key's score, and is that enough to hide it?",
        _weighing(lambda q, k, mask: (_scores(q, k) + mask).softmax(-1)),
    ),
    (
        "mask-after-softmax",
        "With some keys hidden, what do the weights of the others sum to?",
        _weighing(lambda q, k, mask: _scores(q, k).softmax(-1) * mask),
    ),
    (
        "mask-inverted",
        "May a position look at itself and at the past under your mask, or at what comes after?",
        _weighing(lambda q, k, mask: _scores(q, k).masked_fill(mask != 0, -1e9).softmax(-1)),
    ),
    (
        "itself-hidden",
        "How many keys does the very first position see under your mask?",
        _weighing(lambda q, k, mask: closed_by_mask(_scores(q, k), mask.tril(-1)).softmax(-1)),
    ),
    (
        "scale-missing",
        "How do your scores spread as the features grow in number? Try a large head.",
        _weighing(lambda q, k, mask: closed_by_mask(q @ k.mT, mask).softmax(-1)),
    ),
    (
        "scale-by-all-features",
        "How many features does one head have? That is what its scores are sums of.",
        _weighing(
            lambda q, k, mask: closed_by_mask(_scores(q, k) / q.shape[1] ** 0.5, mask).softmax(-1)
        ),
    ),
    (
        "softmax-over-queries",
        "Sum your weights over the keys of one query: what should come out?",
        _weighing(lambda q, k, mask: closed_by_mask(_scores(q, k), mask).softmax(-2)),
    ),
    (
        "heads-mixed",
        "A reshape keeps the order in memory: do a head's entries come from every position?",
        _changed(Attention, split=lambda self, x: split_by_view(x, self.n_head)),
    ),
    (
        "merged-without-transposing",
        "Split and merge again: do you get back what you started from?",
        _changed(Attention, merge=lambda _, x: x.reshape(x.shape[0], x.shape[2], -1)),
    ),
    (
        "output-projection-missing",
        "Can the heads exchange anything after they have attended? Count the projections.",
        _changed(Attention, forward=lambda self, x: self.merge(self.attended(*self.projected(x)))),
    ),
    (
        "rotary-left-out",
        "Exchange two earlier tokens: does a later answer notice?",
        _changed(Attention, turn=_rotary_left_out),
    ),
    (
        "values-turned",
        "Which of queries, keys and values have to know where they stand?",
        _changed(Attention, forward=_values_turned),
    ),
    (
        "flash-sees-all",
        "Does the fast path hide the future as the other one does?",
        _changed(Attention, forward=_flash_sees_all),
    ),
)


MISTAKES: tuple[Mistake, ...] = (
    *(Mistake(f"uva-norm/{name}", "RMSNorm", says, code) for name, says, code in _NORMS),
    *(
        Mistake(f"uva-rotary/{name}", "CausalSelfAttention", says, code)
        for name, says, code in _TURNS
    ),
    *(
        Mistake(f"uva-attention/{name}", "CausalSelfAttention", says, code)
        for name, says, code in _ATTENTION
    ),
    *BLOCKS,
)
