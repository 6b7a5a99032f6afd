"""Depth got wrong: the product over layers, what blocks add up, gradients by layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor

from reference import norm_depth as right
from reference.mistakes.catalogue import Mistake

__all__ = ["MISTAKES"]

Factors: TypeAlias = Callable[[Tensor, Tensor], Tensor]
Map: TypeAlias = Callable[[Tensor], Tensor]


def _eye(like: Tensor) -> Tensor:
    return torch.eye(like.shape[-1]).to(like)


def _product(factors: Tensor) -> Tensor:
    total = _eye(factors)
    for factor in factors:
        total = factor @ total
    return total


def _post(of_norm: Tensor, of_sublayer: Tensor) -> Tensor:
    return of_norm @ (_eye(of_norm) + of_sublayer)


def _pre(of_norm: Tensor, of_sublayer: Tensor) -> Tensor:
    return _eye(of_norm) + of_sublayer @ of_norm


def _res_post(of_norm: Tensor, of_sublayer: Tensor) -> Tensor:
    return _eye(of_norm) + of_norm @ of_sublayer


def _summed(norm_jacobians: Tensor, sublayer_jacobians: Tensor, factors: Factors) -> Tensor:
    return factors(norm_jacobians, sublayer_jacobians).sum(0)


def _reversed(norm_jacobians: Tensor, sublayer_jacobians: Tensor, factors: Factors) -> Tensor:
    return _product(factors(norm_jacobians, sublayer_jacobians).flip(0))


def _last(norm_jacobians: Tensor, sublayer_jacobians: Tensor, factors: Factors) -> Tensor:
    return factors(norm_jacobians, sublayer_jacobians)[-1]


def _added(norm_jacobians: Tensor, sublayer_jacobians: Tensor, factors: Factors) -> Tensor:
    steps = factors(norm_jacobians, sublayer_jacobians) - _eye(norm_jacobians)
    return _eye(norm_jacobians) + steps.sum(0)


_PLACES: tuple[tuple[str, Factors], ...] = (("post", _post), ("pre", _pre), ("res_post", _res_post))

_PRODUCTS = (
    *(
        Mistake(f"depth/{place.replace('_', '-')}-{name}", f"{place}_norm_jacobian", says, code)
        for place, factors in _PLACES
        for name, says, code in (
            (
                "sum-for-product",
                "Two layers: how does a small change pass through one after the other?",
                partial(_summed, factors=factors),
            ),
            (
                "order-reversed",
                "Which layer's Jacobian acts first on a change of the input?",
                partial(_reversed, factors=factors),
            ),
            (
                "last-layer-only",
                "Your answer does not depend on the lower layers; where did they go?",
                partial(_last, factors=factors),
            ),
        )
    ),
    Mistake(
        "depth/post-identity-missing",
        "post_norm_jacobian",
        "A change reaches the sum along two ways; yours knows one.",
        lambda norm_jacobians, sublayer_jacobians: _product(norm_jacobians @ sublayer_jacobians),
    ),
    Mistake(
        "depth/pre-norm-outside",
        "pre_norm_jacobian",
        "Inside one block, does the norm or the sublayer act first?",
        lambda norm_jacobians, sublayer_jacobians: _product(
            _res_post(norm_jacobians, sublayer_jacobians)
        ),
    ),
    Mistake(
        "depth/pre-branches-summed",
        "pre_norm_jacobian",
        "Does the second branch see what the first one has added?",
        partial(_added, factors=_pre),
    ),
    Mistake(
        "depth/res-post-norm-first",
        "res_post_norm_jacobian",
        "Inside one block, does the norm or the sublayer act first?",
        lambda norm_jacobians, sublayer_jacobians: _product(
            _pre(norm_jacobians, sublayer_jacobians)
        ),
    ),
    Mistake(
        "depth/res-post-branches-summed",
        "res_post_norm_jacobian",
        "Does the second branch see what the first one has added?",
        partial(_added, factors=_res_post),
    ),
)


def _normed_first(sublayer: Map, norm: Map) -> Map:
    return lambda x: sublayer(norm(x))


def _normed_last(sublayer: Map, norm: Map) -> Map:
    return lambda x: norm(sublayer(x))


def _branches(
    sublayers: Sequence[Map], norms: Sequence[Map], branch: Callable[..., Map]
) -> list[Map]:
    return [branch(*pair) for pair in zip(sublayers, norms, strict=True)]


def _of_the_input(
    x: Tensor, sublayers: Sequence[Map], norms: Sequence[Map], branch: Callable[..., Map]
) -> Tensor:
    return torch.stack([each(x) for each in _branches(sublayers, norms, branch)])


def _of_the_last_branch(
    x: Tensor, sublayers: Sequence[Map], norms: Sequence[Map], branch: Callable[..., Map]
) -> Tensor:
    found = [x]
    for each in _branches(sublayers, norms, branch):
        found.append(each(found[-1]))
    return torch.stack(found[1:])


def _streams(
    x: Tensor, sublayers: Sequence[Map], norms: Sequence[Map], branch: Callable[..., Map]
) -> Tensor:
    found = [x]
    for each in _branches(sublayers, norms, branch):
        found.append(found[-1] + each(found[-1]))
    return torch.stack(found[1:])


def _other_place(
    x: Tensor, sublayers: Sequence[Map], norms: Sequence[Map], branch: Callable[..., Map]
) -> Tensor:
    found = []
    for each in _branches(sublayers, norms, branch):
        found.append(each(x))
        x = x + found[-1]
    return torch.stack(found)


_SUMS = tuple(
    Mistake(f"{place}-branches/{name}", f"{place.replace('-', '_')}_norm_branches", says, code)
    for place, right_branch, other in (
        ("pre", _normed_first, _normed_last),
        ("res-post", _normed_last, _normed_first),
    )
    for name, says, code in (
        (
            "of-the-input",
            "Does the second block see what the first one has added?",
            partial(_of_the_input, branch=right_branch),
        ),
        (
            "residual-missing",
            "The second block should see the stream, with x in it.",
            partial(_of_the_last_branch, branch=right_branch),
        ),
        (
            "streams-for-branches",
            "Add your answers to x: is that the stream after the last block?",
            partial(_streams, branch=right_branch),
        ),
        (
            "norm-in-the-other-place",
            "Inside the branch, does the norm or the sublayer act first?",
            partial(_other_place, branch=other),
        ),
    )
)


def _squared(place: str, x: Tensor, weights: Tensor, readout: Tensor) -> Tensor:
    return right.gradient_norms(place, x, weights, readout).square()


def _late(place: str, x: Tensor, weights: Tensor, readout: Tensor) -> Tensor:
    norms = right.gradient_norms(place, x, weights, readout)
    return torch.cat([norms[1:], readout.norm().reshape(1)])


def _backwards(place: str, x: Tensor, weights: Tensor, readout: Tensor) -> Tensor:
    return right.gradient_norms(place, x, weights, readout).flip(0)


def _mean_for_norm(place: str, x: Tensor, weights: Tensor, readout: Tensor) -> Tensor:
    norms: Tensor = right.gradient_norms(place, x, weights, readout) / len(x) ** 0.5
    return norms


def _transposed(place: str, x: Tensor, weights: Tensor, readout: Tensor) -> Tensor:
    return right.gradient_norms(place, x, weights.mT, readout)


def _swapped(place: str, x: Tensor, weights: Tensor, readout: Tensor) -> Tensor:
    other = {"post": "pre", "pre": "res-post", "res-post": "pre"}[place]
    return right.gradient_norms(other, x, weights, readout)


_GRADIENTS = tuple(
    Mistake(f"gradient-norms/{name}", "gradient_norms", says, code)
    for name, says, code in (
        ("squared", "Double the readout: how should a norm answer?", _squared),
        (
            "of-the-outputs",
            "With one layer there is one norm, and it depends on the weights. Does yours?",
            _late,
        ),
        ("last-layer-first", "Which entry of your answer belongs to x_0?", _backwards),
        ("mean-for-sum", "A norm adds up the squares of all features.", _mean_for_norm),
        ("weights-transposed", "Does your sublayer send x to W x?", _transposed),
        ("other-place", "Is your block of this place the one that its name says?", _swapped),
    )
)

MISTAKES: tuple[Mistake, ...] = (*_PRODUCTS, *_SUMS, *_GRADIENTS)
