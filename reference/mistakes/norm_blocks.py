"""The place of the norm in a residual block, in a block of two and in a stack, got wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from torch import Tensor

from reference import norm as right
from reference.mistakes.catalogue import Mistake

__all__ = ["MISTAKES"]

Map: TypeAlias = Callable[[Tensor], Tensor]

_PLACES = {"post": right.post_norm, "pre": right.pre_norm, "res-post": right.res_post_norm}
_DRAW = "The norm stands in another place than the name says; draw the block and compare."
_SILENT = "Let the sublayer return zero: what is left of x?"

_ONE = (
    *(
        Mistake(f"{asked}-norm/is-{built}-norm", f"{asked.replace('-', '_')}_norm", _DRAW, code)
        for asked in _PLACES
        for built, code in _PLACES.items()
        if asked != built
    ),
    *(
        Mistake(f"{place}-norm/norm-missing", f"{place.replace('-', '_')}_norm", says, code)
        for place in _PLACES
        for says, code in (
            ("Your block never calls the norm.", lambda x, sublayer, norm: x + sublayer(x)),  # noqa: ARG005  the mistake
        )
    ),
    Mistake(
        "post-norm/residual-missing",
        "post_norm",
        _SILENT,
        lambda x, sublayer, norm: norm(sublayer(x)),
    ),
    Mistake(
        "pre-norm/residual-missing",
        "pre_norm",
        _SILENT,
        lambda x, sublayer, norm: sublayer(norm(x)),
    ),
    Mistake(
        "pre-norm/residual-from-the-normed-stream",
        "pre_norm",
        "Let the sublayer return zero: is the answer x itself?",
        lambda x, sublayer, norm: norm(x) + sublayer(norm(x)),
    ),
    Mistake(
        "res-post-norm/residual-missing",
        "res_post_norm",
        _SILENT,
        lambda x, sublayer, norm: norm(sublayer(x)),
    ),
)


def _post(x: Tensor, attention: Map, mlp: Map, norm_1: Map, norm_2: Map) -> Tensor:
    return right.post_norm(right.post_norm(x, attention, norm_1), mlp, norm_2)


def _second_from_the_norm(x: Tensor, attention: Map, mlp: Map, norm_1: Map, norm_2: Map) -> Tensor:
    normed = norm_2(right.pre_norm(x, attention, norm_1))
    return normed + mlp(normed)


def _both_from_the_norm(x: Tensor, attention: Map, mlp: Map, norm_1: Map, norm_2: Map) -> Tensor:
    normed = norm_1(x)
    return _second_from_the_norm(normed, attention, mlp, lambda v: v, norm_2)


def _side_by_side(x: Tensor, attention: Map, mlp: Map, norm_1: Map, norm_2: Map) -> Tensor:
    return x + attention(norm_1(x)) + mlp(norm_2(x))


def _over_the_whole(x: Tensor, attention: Map, mlp: Map, norm_1: Map, norm_2: Map) -> Tensor:
    return x + mlp(norm_2(attention(norm_1(x))))


_TWO = (
    Mistake("pre-norm-block/is-post-norm", "pre_norm_block", _DRAW, _post),
    Mistake(
        "pre-norm-block/second-residual-from-the-normed-stream",
        "pre_norm_block",
        "Let the MLP return zero: is your answer what attention left?",
        _second_from_the_norm,
    ),
    Mistake(
        "pre-norm-block/both-residuals-from-the-normed-stream",
        "pre_norm_block",
        "Let both sublayers return zero: is the answer x itself?",
        _both_from_the_norm,
    ),
    Mistake(
        "pre-norm-block/first-residual-missing",
        "pre_norm_block",
        "Let attention return zero: what reaches the MLP?",
        lambda x, attention, mlp, norm_1, norm_2: right.pre_norm(attention(norm_1(x)), mlp, norm_2),
    ),
    Mistake(
        "pre-norm-block/second-residual-missing",
        "pre_norm_block",
        "Let the MLP return zero: is anything left?",
        lambda x, attention, mlp, norm_1, norm_2: mlp(norm_2(right.pre_norm(x, attention, norm_1))),
    ),
    Mistake(
        "pre-norm-block/one-residual-around-both",
        "pre_norm_block",
        "How many ways around a sublayer does your block have? Each sublayer needs its own.",
        _over_the_whole,
    ),
    Mistake(
        "pre-norm-block/second-norm-missing",
        "pre_norm_block",
        "Does the MLP see a normed stream?",
        lambda x, attention, mlp, norm_1, norm_2: (  # noqa: ARG005  the mistake
            right.pre_norm(x, attention, norm_1) + mlp(right.pre_norm(x, attention, norm_1))
        ),
    ),
    Mistake(
        "pre-norm-block/one-norm-for-both",
        "pre_norm_block",
        "Each sublayer has a norm of its own; one of yours is never called.",
        lambda x, attention, mlp, norm_1, norm_2: right.pre_norm_block(  # noqa: ARG005  the mistake
            x, attention, mlp, norm_1, norm_1
        ),
    ),
    Mistake(
        "pre-norm-block/side-by-side",
        "pre_norm_block",
        "Does the MLP see what attention has added?",
        _side_by_side,
    ),
)


def _norm_after_every_block(
    x: Tensor, sublayers: Sequence[Map], norms: Sequence[Map], final_norm: Map
) -> Tensor:
    for sublayer, norm in zip(sublayers, norms, strict=True):
        x = final_norm(right.pre_norm(x, sublayer, norm))
    return x


def _post_stack(
    x: Tensor, sublayers: Sequence[Map], norms: Sequence[Map], final_norm: Map
) -> Tensor:
    for sublayer, norm in zip(sublayers, norms, strict=True):
        x = right.post_norm(x, sublayer, norm)
    return final_norm(x)


def _all_from_the_input(
    x: Tensor, sublayers: Sequence[Map], norms: Sequence[Map], final_norm: Map
) -> Tensor:
    total = x
    for sublayer, norm in zip(sublayers, norms, strict=True):
        total = total + sublayer(norm(x))
    return final_norm(total)


_STACK = (
    Mistake(
        "pre-norm-stack/final-norm-missing",
        "pre_norm_stack",
        "The stream grows with every block, and nothing tames it at the end of your stack.",
        lambda x, sublayers, norms, final_norm: right.pre_norm_stack(  # noqa: ARG005  the mistake
            x, sublayers, norms, lambda v: v
        ),
    ),
    Mistake(
        "pre-norm-stack/final-norm-after-every-block",
        "pre_norm_stack",
        "Let all sublayers return zero: how often is x normed?",
        _norm_after_every_block,
    ),
    Mistake("pre-norm-stack/is-post-norm", "pre_norm_stack", _DRAW, _post_stack),
    Mistake(
        "pre-norm-stack/every-block-from-the-input",
        "pre_norm_stack",
        "Does the second block see what the first one has added?",
        _all_from_the_input,
    ),
)

MISTAKES: tuple[Mistake, ...] = (*_ONE, *_TWO, *_STACK)
