"""What IFT6135 hands out with the block, and its attention and norm written afresh."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class WithReset(nn.Module):
    def __init__(self, hidden_size: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.hidden_size, self.eps = hidden_size, eps
        self.weight = nn.Parameter(torch.Tensor(hidden_size))
        self.bias = nn.Parameter(torch.Tensor(hidden_size))
        nn.init.ones_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        variance, mean = torch.var_mean(inputs, -1, correction=0, keepdim=True)
        return (inputs - mean) * torch.rsqrt(variance + self.eps) * self.weight + self.bias


class MultiHeadedAttention(nn.Module):
    def __init__(self, head_size: int, num_heads: int, sequence_length: int = 0) -> None:
        super().__init__()
        size = head_size * num_heads
        self.heads = num_heads
        self.Q, self.K, self.V, self.O = (nn.Linear(size, size) for _ in range(4))

    def forward(self, hidden_states: Any, mask: Any = None) -> Any:
        B, T, C = hidden_states.shape
        shape = (B, T, self.heads, C // self.heads)
        q, k, v = (p(hidden_states).view(shape).transpose(1, 2) for p in (self.Q, self.K, self.V))
        scores = q @ k.transpose(-1, -2) / shape[-1] ** 0.5
        if mask is not None:
            scores = scores.masked_fill(mask[:, None, None, :] == 0, -1e9)
        mixed = scores.softmax(-1) @ v
        return self.O(mixed.transpose(1, 2).reshape(B, T, C))


class Parts(nn.Module):
    """What IFT6135 hands out with the block."""

    def __init__(
        self,
        embed_dim: int,
        hidden_dim: int,
        num_heads: int,
        sequence_length: int,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.layer_norm_1 = WithReset(embed_dim)
        self.attn = MultiHeadedAttention(embed_dim // num_heads, num_heads, sequence_length)
        self.layer_norm_2 = WithReset(embed_dim)
        self.linear = nn.Sequential(
            nn.Linear(embed_dim, hidden_dim),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden_dim, embed_dim),
            nn.Dropout(dropout),
        )
