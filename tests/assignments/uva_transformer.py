"""A transformer decoder written afresh in the style of the UvA course, as one source text."""

SOURCE = """
import math
from collections import OrderedDict

import torch
import torch.nn as nn
import torch.nn.functional as F


class BERTGELU(nn.Module):
    def forward(self, x):
        return 0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3)))


class RMSNorm(nn.Module):
    def __init__(self, dim: int, eps: float = 1e-5):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        norm = torch.sqrt(torch.mean(x**2, dim=-1, keepdim=True) + self.eps)
        return self.weight * x / norm


class CausalSelfAttention(nn.Module):
    def __init__(self, config, debug=False):
        super().__init__()
        assert config.n_embd % config.n_head == 0
        self.debug = debug
        self.c_attn = nn.Linear(config.n_embd, 3 * config.n_embd)
        self.c_proj = nn.Linear(config.n_embd, config.n_embd)
        self.attn_dropout = nn.Dropout(config.attn_pdrop)
        self.resid_dropout = nn.Dropout(config.resid_pdrop)
        self.n_head = config.n_head
        self.n_embd = config.n_embd
        self.use_flash_attn = config.use_flash_attn
        self.register_buffer(
            "mask",
            torch.tril(torch.ones(config.block_size, config.block_size)).view(
                1, 1, config.block_size, config.block_size
            ),
        )
        self.config = config
        dim = config.n_embd // config.n_head
        self.inv_freq = 1.0 / (10000 ** (torch.arange(0, dim, 2).float() / dim))

    def apply_rotary_emb(self, xq, xk, T):
        seq_pos = torch.arange(T, device=xq.device).float()
        freqs = torch.einsum("i,j->ij", seq_pos, self.inv_freq.to(xq.device))
        pos_emb = torch.cat((freqs, freqs), dim=-1).unsqueeze(0).unsqueeze(0)
        pos_sin, pos_cos = pos_emb.sin(), pos_emb.cos()

        def rotate_half(x):
            x1, x2 = x[..., : x.shape[-1] // 2], x[..., x.shape[-1] // 2 :]
            return torch.cat((-x2, x1), dim=-1)

        xq_rot = xq * pos_cos + rotate_half(xq) * pos_sin
        xk_rot = xk * pos_cos + rotate_half(xk) * pos_sin
        return xq_rot, xk_rot

    def forward(self, x):
        B, T, C = x.size()
        q, k, v = self.c_attn(x).split(self.n_embd, dim=2)
        q = q.view(B, T, self.n_head, C // self.n_head).transpose(1, 2)
        k = k.view(B, T, self.n_head, C // self.n_head).transpose(1, 2)
        v = v.view(B, T, self.n_head, C // self.n_head).transpose(1, 2)
        if not self.config.abs_emb:
            q, k = self.apply_rotary_emb(q, k, T)
        if self.use_flash_attn:
            y = F.scaled_dot_product_attention(
                q, k, v, dropout_p=self.attn_dropout.p if self.training else 0.0, is_causal=True
            )
        else:
            att = (q @ k.transpose(-2, -1)) / math.sqrt(k.size(-1))
            att = att.masked_fill(self.mask[:, :, :T, :T] == 0, float("-inf"))
            att = self.attn_dropout(F.softmax(att, dim=-1))
            y = att @ v
        y = y.transpose(1, 2).contiguous().view(B, T, C)
        return self.resid_dropout(self.c_proj(y))


class TransformerDecoderBlock(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.layer_norm_1 = RMSNorm(config.n_embd)
        self.self_attention = CausalSelfAttention(config)
        self.layer_norm_2 = RMSNorm(config.n_embd)
        self.mlpf = nn.Sequential(
            OrderedDict(
                [
                    ("c_fc", nn.Linear(config.n_embd, 4 * config.n_embd)),
                    ("act", BERTGELU()),
                    ("c_proj", nn.Linear(4 * config.n_embd, config.n_embd)),
                    ("dropout", nn.Dropout(config.resid_pdrop)),
                ]
            )
        )

    def forward(self, x):
        x = x + self.self_attention(self.layer_norm_1(x))
        x = x + self.mlpf(self.layer_norm_2(x))
        return x
"""
