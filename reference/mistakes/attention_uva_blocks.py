"""Decoder blocks as students get them wrong: norms and residuals in the wrong place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from reference.mistakes.attention_uva_parts import Block
from reference.mistakes.catalogue import Mistake

__all__ = ["BLOCKS"]


def _second_from_norm(self: Any, x: Tensor) -> Tensor:
    x = x + self.self_attention(self.layer_norm_1(x))
    x = self.layer_norm_2(x)
    after: Tensor = x + self.mlpf(x)
    return after


def _post(self: Any, x: Tensor) -> Tensor:
    x = self.layer_norm_1(x + self.self_attention(x))
    after: Tensor = self.layer_norm_2(x + self.mlpf(x))
    return after


def _one_residual(self: Any, x: Tensor) -> Tensor:
    x = self.self_attention(self.layer_norm_1(x))
    after: Tensor = x + self.mlpf(self.layer_norm_2(x))
    return after


def _last_residual_missing(self: Any, x: Tensor) -> Tensor:
    x = x + self.self_attention(self.layer_norm_1(x))
    last: Tensor = self.mlpf(self.layer_norm_2(x))
    return last


def _without_norms(self: Any, x: Tensor) -> Tensor:
    x = x + self.self_attention(x)
    after: Tensor = x + self.mlpf(x)
    return after


def _normed_afterwards(self: Any, x: Tensor) -> Tensor:
    x = x + self.layer_norm_1(self.self_attention(x))
    after: Tensor = x + self.layer_norm_2(self.mlpf(x))
    return after


def _parallel(self: Any, x: Tensor) -> Tensor:
    after: Tensor = x + self.self_attention(self.layer_norm_1(x)) + self.mlpf(self.layer_norm_2(x))
    return after


class _WithoutActivation(Block):
    """The feed-forward part is two maps in a row."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.mlpf = nn.Sequential(*(x for x in self.mlpf if isinstance(x, nn.Linear)))


class _Unnamed(Block):
    """Its parts have names of their own, and one norm stands before both sublayers."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        parts = [self.layer_norm_1, self.self_attention, self.layer_norm_2, self.mlpf]
        self._modules.clear()
        self.parts = nn.ModuleList(parts)

    def forward(self, x: Tensor) -> Tensor:
        norm, attention, _, feed_forward = self.parts
        x = x + attention(norm(x))
        after: Tensor = x + feed_forward(norm(x))
        return after


_NOTHING_ADDED = "With sublayers that add nothing, what should come out of a block?"
_BLOCKS: tuple[tuple[str, str, Callable[[Any, Tensor], Tensor]], ...] = (
    ("post-norm", _NOTHING_ADDED, _post),
    (
        "second-residual-from-norm",
        "To which stream is your second sublayer added?",
        _second_from_norm,
    ),
    ("first-residual-missing", _NOTHING_ADDED, _one_residual),
    ("second-residual-missing", _NOTHING_ADDED, _last_residual_missing),
    (
        "norms-missing",
        "How large is what your sublayers see, ten blocks further on?",
        _without_norms,
    ),
    (
        "norms-after-sublayers",
        "Does your norm stand before its sublayer, or behind it?",
        _normed_afterwards,
    ),
    ("parallel", "Does the feed-forward part see what attention has found?", _parallel),
)

BLOCKS: tuple[Mistake, ...] = tuple(
    Mistake(f"uva-block/{name}", "TransformerDecoderBlock", says, code)
    for name, says, code in (
        *(
            (name, says, type("Block", (Block,), {"forward": forward}))
            for name, says, forward in _BLOCKS
        ),
        (
            "activation-missing",
            "What could two linear maps in a row do that one cannot?",
            _WithoutActivation,
        ),
        (
            "one-norm-for-both",
            "How many gains does your block learn, and which sublayer sees which?",
            _Unnamed,
        ),
    )
)
