"""Checks of depth: how a small change, and a gradient, passes through a stack of blocks."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple, TypeAlias

import numpy as np

from assignments.transformer_norm.blocks import Block, plain_norm, silent
from assignments.transformer_norm.definitions import Map, cycled, jacobian_of, normalised, streams
from grader.checks import (
    Array,
    CheckFailure,
    Expected,
    Subject,
    check,
    evidence,
    expect_all_close,
)
from grader.errors import SubjectError

Step: TypeAlias = Callable[[Array, Array, Array], Array]

_JACOBIANS = (0.5, -0.25, 1.0, 0.125, -0.75, 0.375, 0.625, -1.0, 0.25, -0.5, 0.875)


# 3.1 to 3.3 Products over layers


@check("post-depth", points=0.75)
def post_norm_multiplies_over_layers(subject: Subject) -> None:
    """A small change of x_0 meets every post-norm block in turn."""
    _judge_depth(subject, "post_norm_jacobian", lambda n, a, v: n @ (v + a @ v))


@check("pre-depth", points=0.75)
def pre_norm_multiplies_over_layers(subject: Subject) -> None:
    """A small change of x_0 meets every pre-norm block in turn."""
    _judge_depth(subject, "pre_norm_jacobian", lambda n, a, v: v + a @ (n @ v))


@check("res-post-depth", points=0.75)
def res_post_norm_multiplies_over_layers(subject: Subject) -> None:
    """A small change of x_0 meets every residual-post-norm block in turn."""
    _judge_depth(subject, "res_post_norm_jacobian", lambda n, a, v: v + n @ (a @ v))


def _judge_depth(subject: Subject, function: str, step: Step) -> None:
    """Pushes each unit change of x_0 through the blocks, one after the other."""
    given, expected = [], []
    for depth, size in ((1, 2), (2, 2), (2, 3), (5, 4), (12, 3)):
        of_norm = cycled(_JACOBIANS, (depth, size, size))
        of_sublayer = cycled(_JACOBIANS[::-1], (depth, size, size)) / 2
        given.append((of_norm, of_sublayer))
        change, scale = np.eye(size), np.eye(size)
        for n, a in zip(of_norm.astype(np.float64), of_sublayer.astype(np.float64), strict=True):
            change, scale = step(n, a, change), step(np.abs(n), np.abs(a), scale)
        says = "what small changes of x_0 become, pushed through one block after the other"
        expected.append(Expected(change, depth * scale, says))
    expect_all_close(subject.map(function, given), expected, given=given)


# 3.5 Gradients by depth

_EPSILONS = (1e-5, 1e-6, 0.0)  # of a norm that the student takes or writes
_STACKS = ((1, 3), (5, 4), (12, 5))  # layers and features
_PLACES = {"post": "post_norm", "pre": "pre_norm", "res-post": "res_post_norm"}


@check("gradients", points=1.25)
def gradients_are_those_of_the_stack(subject: Subject) -> None:
    """The gradient's norm at every layer's input, in shallow and in deep stacks, is the chain's."""
    places = [place for place in _PLACES if _is_right(subject, place)]
    evidence(places=places)
    places = places or list(_PLACES)
    asked = [(place, depth, size) for depth, size in _STACKS for place in places]
    given = [(place, *_stack(depth, size)) for place, depth, size in asked]
    answers = [_listed(answer) for answer in subject.map("gradient_norms", given)]
    first: CheckFailure | None = None
    for eps in _EPSILONS:
        try:
            expect_all_close(answers, [_gradients(*each, eps) for each in asked], given=given)
        except CheckFailure as failure:
            first = first or failure
        else:
            return
    assert first is not None
    raise first


def _is_right(subject: Subject, place: str) -> bool:
    """Whether the student's own block of this place may stand in the stack.

    A norm in the wrong place was marked where the block was asked for.
    """
    x = streams()[-1]
    try:
        block = Block(subject, _PLACES[place])
        left = block(x, silent)
        doubled = block(x, lambda v: 2 * v)
    except (CheckFailure, SubjectError):
        return True
    norm = plain_norm(x.shape[-1]).exact
    right_left, right_doubled = {
        "post": (norm(x), norm(3 * x)),
        "pre": (x, x + 2 * norm(x)),
        "res-post": (x, x + norm(2 * x)),
    }[place]
    pairs = ((left, right_left), (doubled, right_doubled))
    return all(np.allclose(found, right, atol=1e-3) for found, right in pairs)


def _listed(answer: object) -> object:
    """Norms as one array; a list of numbers is as good."""
    if isinstance(answer, list | tuple) and answer:
        parts = [np.asarray(part) for part in answer if isinstance(part, np.ndarray | float | int)]
        if len(parts) == len(answer) and all(part.size == 1 for part in parts):
            return np.asarray([part.reshape(()) for part in parts], np.float32)
    return answer


def _stack(depth: int, size: int) -> tuple[Array, Array, Array]:
    x = cycled((1.0, -2.0, 0.5, 3.0, -0.25), (size,))
    weights = cycled(_JACOBIANS, (depth, size, size)) / 2
    return x, weights, cycled((1.0, -0.5, 2.0, 0.25), (size,))


class _Run(NamedTuple):
    """One way through a stack and back.

    Attributes:
        norms: of the gradients, x_0 first, (L,).
        sizes: scale of the errors that the way back makes, (L,).
        local: scale of the errors of each layer's input, (L,).
    """

    norms: Array
    sizes: Array
    local: Array


@cache
def _gradients(place: str, depth: int, size: int, eps: float) -> Expected:
    """Norms of the gradients; errors of each layer's input count as they move the answer."""
    x, weights, readout = (part.astype(np.float64) for part in _stack(depth, size))
    there = (place, x, weights, readout)
    run = _run(*there, eps)
    scale, step = run.sizes.copy(), 1e-6
    for layer, entry in np.ndindex(len(weights), len(x)):
        nudge = np.zeros((len(weights), len(x)))
        nudge[layer, entry] = step * run.local[layer]
        scale += np.abs(_run(*there, eps, nudge).norms - run.norms) / step
    return Expected(run.norms, scale, "the norm of each gradient, by small steps,")


def _run(
    place: str,
    x: Array,
    weights: Array,
    readout: Array,
    eps: float,
    nudge: Array | None = None,
) -> _Run:
    """Pulls the readout back through the Jacobians of the blocks, which are complex steps."""
    jacobians, local, conditions = [], [], []
    for layer, weight in enumerate(weights):
        x = x if nudge is None else x + nudge[layer]
        block, normed_at = _block(place, weight, eps), _normed_at(place, weight, x)
        conditions.append(1 + 2 * np.abs(normed_at).max() / np.sqrt(normed_at.var() + eps))
        local.append(np.abs(x).max() * (conditions[-1] + (conditions[-2] if layer else 0)))
        jacobians.append(jacobian_of(block, x))
        x = block(x)
    gradient, size, norms, sizes, grown = readout, np.abs(readout), [], [], 1.0
    for jacobian, condition in zip(jacobians[::-1], conditions[::-1], strict=True):
        gradient, size = jacobian.T @ gradient, np.abs(jacobian).T @ size
        grown += condition  # the relative error of each Jacobian adds to those above it
        norms.append(np.linalg.norm(gradient))
        sizes.append(np.linalg.norm(size) * grown)
    return _Run(np.asarray(norms[::-1]), np.asarray(sizes[::-1]), np.asarray(local))


def _block(place: str, weight: Array, eps: float) -> Map:
    ones = np.ones(len(weight))

    def norm(v: Array) -> Array:
        return normalised(v, ones, 0 * ones, eps)

    blocks: dict[str, Map] = {
        "post": lambda v: norm(v + v @ weight.T),
        "pre": lambda v: v + norm(v) @ weight.T,
        "res-post": lambda v: v + norm(v @ weight.T),
    }
    return blocks[place]


def _normed_at(place: str, weight: Array, x: Array) -> Array:
    return np.asarray({"post": x + weight @ x, "pre": x, "res-post": weight @ x}[place])
