"""Honest ways of writing the classes of a transformer decoder."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from reference.mistakes.attention_uva_parts import Attention, Block, Norm
from reference.mistakes.catalogue import Variant

__all__ = ["VARIANTS"]


class _NormByNorm(Norm):
    """By the Euclidean norm, with epsilon outside of the root."""

    def forward(self, x: Tensor) -> Tensor:
        root: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True) / math.sqrt(x.shape[-1])
        return self.weight * (x / (root + self.eps))


class _NormInDouble(nn.Module):
    """A gain of another name, computed in double precision."""

    def __init__(self, dim: int, eps: float = 1e-8) -> None:
        super().__init__()
        self.scale, self.epsilon = nn.Parameter(torch.ones(1, 1, dim)), eps

    def forward(self, x: Tensor) -> Tensor:
        wide = x.double()
        normed = wide / (wide.square().mean(dim=2, keepdim=True) + self.epsilon).sqrt()
        return (normed * self.scale).to(x.dtype)


class _HeadsTogether(Attention):
    """Queries, keys and values of one head lie together: an interleaved layout."""

    def projected(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        batch, length, _ = x.shape
        joint = self.c_attn(x).view(batch, length, self.n_head, 3, -1).permute(3, 0, 2, 1, 4)
        q, k, v = joint.unbind(0)
        return *self.turn(q, k, length), v


class _EveryOtherFeature(Attention):
    """Every H-th feature belongs to one head, before and behind."""

    def split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], -1, self.n_head).permute(0, 3, 1, 2)

    def merge(self, x: Tensor) -> Tensor:
        return x.permute(0, 2, 3, 1).flatten(2)


class _Halves(Attention):
    """Features half a head apart form the pairs, with tables of sines and cosines."""

    def apply_rotary_emb(self, xq: Tensor, xk: Tensor, length: int) -> tuple[Tensor, Tensor]:
        angles = torch.cat([self.angles(length)] * 2, dim=-1)[None, None]
        sin, cos = angles.sin(), angles.cos()

        def turn(x: Tensor) -> Tensor:
            first, second = x.chunk(2, dim=-1)
            return x * cos + torch.cat((-second, first), dim=-1) * sin

        return turn(xq), turn(xk)


class _Complex(Attention):
    """Pairs are complex numbers, positions count from one."""

    def apply_rotary_emb(self, xq: Tensor, xk: Tensor, length: int) -> tuple[Tensor, Tensor]:
        angles = self.angles(length + 1)[1:]
        unit = torch.polar(torch.ones_like(angles), angles)

        def turn(x: Tensor) -> Tensor:
            pairs = torch.view_as_complex(x.float().reshape(*x.shape[:-1], -1, 2).contiguous())
            return torch.view_as_real(pairs * unit).flatten(-2)

        return turn(xq), turn(xk)


class _Apart(Attention):
    """Three projections without bias, and weights returned beside the answer."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        size = config.n_embd
        del self.c_attn
        self.wq, self.wk = nn.Linear(size, size, bias=False), nn.Linear(size, size, bias=False)
        self.wv = nn.Linear(size, size, bias=False)

    def projected(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = (self.split(part(x)) for part in (self.wq, self.wk, self.wv))
        return *self.turn(q, k, x.shape[1]), v


class _Bounded(Attention):
    """A large negative number below the others, and the mask as a buffer of another shape."""

    def weigh(self, q: Tensor, k: Tensor, mask: Tensor) -> Tensor:
        scores = torch.einsum("bhqd,bhkd->bhqk", q, k) * q.shape[-1] ** -0.5
        return torch.softmax(scores + (1 - mask) * -1e9, dim=-1)


class _Short(nn.Module):
    """A block with the names of another code base."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        size = config.n_embd
        self.ln_1, self.attn, self.ln_2 = Norm(size), _HeadsTogether(config), Norm(size)
        self.up, self.down = nn.Linear(size, 4 * size), nn.Linear(4 * size, size)
        self.mlpf: Callable[[Tensor], Tensor] = lambda x: self.down(torch.relu(self.up(x)))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        return x + self.mlpf(self.ln_2(x))


class _Unnamed(nn.Module):
    """A block whose sublayers lie in a list."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        size = config.n_embd
        forward = nn.Sequential(nn.Linear(size, 2 * size), nn.SiLU(), nn.Linear(2 * size, size))
        self.parts = nn.ModuleList([Norm(size), Attention(config), Norm(size), forward])

    def forward(self, x: Tensor) -> Tensor:
        first, attention, second, feed_forward = self.parts
        x = x + attention(first(x))
        after: Tensor = x + feed_forward(second(x))
        return after


VARIANTS: tuple[Variant, ...] = (
    Variant("uva-norm/rsqrt", "RMSNorm", Norm),
    Variant("uva-norm/by-norm", "RMSNorm", _NormByNorm),
    Variant("uva-norm/in-double", "RMSNorm", _NormInDouble),
    Variant("uva-attention/joint", "CausalSelfAttention", Attention),
    Variant("uva-attention/heads-together", "CausalSelfAttention", _HeadsTogether),
    Variant("uva-attention/every-other-feature", "CausalSelfAttention", _EveryOtherFeature),
    Variant("uva-attention/apart", "CausalSelfAttention", _Apart),
    Variant("uva-attention/bounded", "CausalSelfAttention", _Bounded),
    Variant("uva-rotary/halves", "CausalSelfAttention", _Halves),
    Variant("uva-rotary/complex", "CausalSelfAttention", _Complex),
    Variant("uva-block/pre-norm", "TransformerDecoderBlock", Block),
    Variant("uva-block/short-names", "TransformerDecoderBlock", _Short),
    Variant("uva-block/unnamed", "TransformerDecoderBlock", _Unnamed),
)
