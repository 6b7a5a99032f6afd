"""`MultiHeadedAttention` written afresh in the style of the IFT6135 course, as one source text."""

SOURCE = """
import math
import torch
import torch.nn as nn
import torch.nn.functional as F


class MultiHeadedAttention(nn.Module):
    def __init__(self, head_size, num_heads, sequence_length):
        super(MultiHeadedAttention, self).__init__()
        self.head_size = head_size
        self.num_heads = num_heads
        self.sequence_length = sequence_length
        d = num_heads * head_size
        self.W_Q = nn.Linear(d, d, bias=True)
        self.W_K = nn.Linear(d, d, bias=True)
        self.W_V = nn.Linear(d, d, bias=True)
        self.W_O = nn.Linear(d, d, bias=True)
        self.register_buffer("mask", torch.tril(torch.ones(1, 1, sequence_length, sequence_length)))

    def get_attention_weights(self, queries, keys):
        scores = torch.matmul(queries, keys.transpose(-2, -1)) / math.sqrt(self.head_size)
        scores = scores.masked_fill(self.mask == 0, -1e4)
        return F.softmax(scores, dim=-1)

    def apply_attention(self, queries, keys, values):
        attention = self.get_attention_weights(queries, keys)
        return self.merge_heads(torch.matmul(attention, values))

    def split_heads(self, tensor):
        B, T, D = tensor.size()
        return tensor.view(B, T, self.num_heads, D // self.num_heads).permute(0, 2, 1, 3)

    def merge_heads(self, tensor):
        B, H, T, d = tensor.size()
        return tensor.permute(0, 2, 1, 3).contiguous().view(B, T, H * d)

    def forward(self, hidden_states):
        q = self.split_heads(self.W_Q(hidden_states))
        k = self.split_heads(self.W_K(hidden_states))
        v = self.split_heads(self.W_V(hidden_states))
        return self.W_O(self.apply_attention(q, k, v))
"""
