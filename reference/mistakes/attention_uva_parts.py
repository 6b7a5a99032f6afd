"""A causal decoder in parts that may be replaced one by one."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Attention", "Block", "Norm", "closed_by_mask", "split", "split_by_view", "turned"]


class Norm(nn.Module):
    """Divides by the root mean square of the features, then scales them."""

    def __init__(self, dim: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        """Features (..., dim), normed."""
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


def turned(x: Tensor, angles: Tensor) -> Tensor:
    """Neighbouring features (..., T, hd) turned by angles (T, hd / 2)."""
    even, odd = x[..., 0::2], x[..., 1::2]
    cos, sin = angles.cos(), angles.sin()
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)


def split(x: Tensor, heads: int) -> Tensor:
    """(B, T, C) as (B, H, T, hd)."""
    return x.view(*x.shape[:2], heads, -1).transpose(1, 2)


def split_by_view(x: Tensor, heads: int) -> Tensor:
    """The wrong way: (B, T, C) read as (B, H, T, hd)."""
    return x.reshape(x.shape[0], heads, x.shape[1], -1)


def closed_by_mask(scores: Tensor, mask: Tensor) -> Tensor:
    """Scores with minus infinity where a mask of ones and zeros is zero."""
    return scores.masked_fill(mask == 0, -math.inf)


class Attention(nn.Module):
    """Causal self-attention with rotary positions over one joint projection."""

    mask: Tensor
    inv_freq: Tensor

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.c_attn = nn.Linear(config.n_embd, 3 * config.n_embd)
        self.c_proj = nn.Linear(config.n_embd, config.n_embd)
        self.n_head, self.flash = config.n_head, config.use_flash_attn
        self.abs_emb = config.abs_emb
        size = config.n_embd // config.n_head
        frequencies = 1.0 / 10000 ** (torch.arange(0, size, 2).float() / size)
        self.register_buffer("inv_freq", frequencies)
        ones = torch.ones(config.block_size, config.block_size)
        self.register_buffer("mask", torch.tril(ones)[None, None])

    def angles(self, length: int) -> Tensor:
        """Angles (T, hd / 2)."""
        return torch.outer(torch.arange(length).to(self.inv_freq), self.inv_freq)

    def apply_rotary_emb(self, xq: Tensor, xk: Tensor, length: int) -> tuple[Tensor, Tensor]:
        """Queries and keys (B, H, T, hd), turned."""
        angles = self.angles(length)
        return turned(xq, angles), turned(xk, angles)

    def turn(self, q: Tensor, k: Tensor, length: int) -> tuple[Tensor, Tensor]:
        """What is done to queries and keys before they meet."""
        return (q, k) if self.abs_emb else self.apply_rotary_emb(q, k, length)

    def split(self, x: Tensor) -> Tensor:
        """(B, T, C) as (B, H, T, hd)."""
        return split(x, self.n_head)

    def merge(self, x: Tensor) -> Tensor:
        """(B, H, T, hd) as (B, T, C)."""
        return x.transpose(1, 2).flatten(2)

    def projected(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, turned where they have to be."""
        q, k, v = (self.split(part) for part in self.c_attn(x).chunk(3, dim=-1))
        return *self.turn(q, k, x.shape[1]), v

    def weigh(self, q: Tensor, k: Tensor, mask: Tensor) -> Tensor:
        """Weights (B, H, T, T); the mask holds ones where a position may look."""
        return closed_by_mask(q @ k.mT / math.sqrt(q.shape[-1]), mask).softmax(-1)

    def attended(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """What each head finds, (B, H, T, hd)."""
        length = q.shape[-2]
        return self.weigh(q, k, self.mask[:, :, :length, :length]) @ v

    def forward(self, x: Tensor) -> Tensor:
        """What each position finds in its past, (B, T, C)."""
        q, k, v = self.projected(x)
        if self.flash:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            y = self.attended(q, k, v)
        out: Tensor = self.c_proj(self.merge(y))
        return out


class Block(nn.Module):
    """Pre-norm decoder block."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        size = config.n_embd
        self.layer_norm_1, self.layer_norm_2 = Norm(size), Norm(size)
        self.self_attention = Attention(config)
        self.mlpf = nn.Sequential(
            OrderedDict(
                up=nn.Linear(size, 4 * size),
                act=nn.GELU(),
                down=nn.Linear(4 * size, size),
                dropout=nn.Dropout(config.resid_pdrop),
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """The stream (B, T, C) behind the block."""
        x = x + self.self_attention(self.layer_norm_1(x))
        after: Tensor = x + self.mlpf(self.layer_norm_2(x))
        return after
