"""Checks of blocks: where the norm stands, what residuals carry, how a stack ends."""

from __future__ import annotations

import numpy as np

from assignments.transformer_norm.blocks import Block, judge_place, silent
from assignments.transformer_norm.definitions import Affine, Map, Normed, Stream, streams
from assignments.transformer_norm.modules import class_of
from assignments.transformer_norm.whole_block import judge_branches, judge_silence, made
from grader.checks import (
    Array,
    Callback,
    Expected,
    Subject,
    check,
    expect_all_close,
    expect_close,
)

# 2.1 to 2.3 The place of the norm


@check("post-norm", points=1)
def post_norm_stands_after_the_sum(subject: Subject) -> None:
    """Post-norm norms the sum of x and the sublayer's answer."""
    judge_place(subject, "post_norm")


@check("pre-norm", points=1)
def pre_norm_stands_before_the_sublayer(subject: Subject) -> None:
    """Pre-norm norms what the sublayer sees, and nothing else."""
    judge_place(subject, "pre_norm")


@check("res-post-norm", points=1)
def res_post_norm_stands_inside_the_branch(subject: Subject) -> None:
    """Residual post-norm norms the sublayer's answer before it is added to x."""
    judge_place(subject, "res_post_norm")


@check("post-norm", points=0.5)
def silent_post_norm_is_the_norm(subject: Subject) -> None:
    """With a sublayer that returns zero, post-norm is the norm of x, whatever the scale of x."""
    block, x = Block(subject, "post_norm"), streams()[-1]
    # Silent sublayers make the other places look alike; a loud one tells diagnosis which it is.
    block(x, Affine(x.shape[-1]))
    block.expect_norm(lambda v: block(v, silent), x)


@check("pre-norm", points=0.25)
def silent_pre_norm_is_the_identity(subject: Subject) -> None:
    """With a sublayer that returns zero, pre-norm is the identity."""
    _expect_identity(Block(subject, "pre_norm"))


@check("pre-norm", points=0.25)
def branch_of_pre_norm_ignores_shift_and_scale(subject: Subject) -> None:
    """What pre-norm adds to x is the same for a shifted and stretched x."""
    block, x = Block(subject, "pre_norm"), streams()[-1]
    inner = Affine(x.shape[-1])
    block.expect_norm(lambda v: block(v, inner) - v, x)


@check("res-post-norm", points=0.5)
def silent_res_post_norm_is_the_identity(subject: Subject) -> None:
    """With a sublayer that returns zero, and no shift, residual post-norm is the identity."""
    _expect_identity(Block(subject, "res_post_norm"))


def _expect_identity(block: Block) -> None:
    for x in streams():
        says = "With a sublayer that returns zero, nothing should happen to x."
        block.expect(block(x, silent), x.astype(np.float64), np.abs(x), x, says)


# 2.4 A whole block


@check("block", points=1)
def block_has_two_residual_branches(subject: Subject) -> None:
    """Attention and the MLP each add a branch of their own, with a norm of its own."""
    if (name := class_of(subject, "pre_norm_block")) is not None:
        judge_branches(made(subject, name))
        return
    inputs, expected = [], []
    for x in streams():
        size = x.shape[-1]
        parts = Affine(size), Affine(size, 2), Normed(size), Normed(size, 3)
        inputs.append((x, *_passed(*parts)))
        attention, mlp, norm_1, norm_2 = parts
        stream = Stream.of(x)
        stream = stream.plus(stream.through(norm_1).through(attention))
        stream = stream.plus(stream.through(norm_2).through(mlp))
        expected.append(stream.expected("the stream after both branches"))
    answers = subject.map("pre_norm_block", inputs)
    expect_all_close(answers, expected, given=[{"x": x} for x, *_ in inputs])


@check("block", points=0.5)
def silent_block_leaves_the_stream(subject: Subject) -> None:
    """Where one sublayer returns zero, its branch adds nothing; where both do, x is left."""
    if (name := class_of(subject, "pre_norm_block")) is not None:
        judge_silence(made(subject, name))
        return
    x = streams()[-1]
    size = x.shape[-1]
    norm, inner = Normed(size), Affine(size)
    branch = Stream.of(x).through(norm).through(inner)
    alone = Stream.of(x).plus(branch)
    cases: tuple[tuple[Map, Map, Stream, str], ...] = (
        (silent, silent, Stream.of(x), "With both sublayers silent it should be x itself."),
        (inner, silent, alone, "With a silent MLP it should be what attention leaves."),
        (silent, inner, alone, "With silent attention it should be what the MLP makes of x."),
    )
    inputs = [(x, *_passed(first, second, norm, norm)) for first, second, *_ in cases]
    answers = subject.map("pre_norm_block", inputs)
    for answer, (*_, right, says) in zip(answers, cases, strict=True):
        expect_close(answer, right.expected(""), given={"x": x}, message=says)


# 2.5 A stack


@check("stack", points=1)
def stack_ends_with_its_norm(subject: Subject) -> None:
    """Blocks follow each other on one stream; one norm stands at the end of them all."""
    inputs, expected = [], []
    for x in streams()[1:]:
        for depth in (1, 3):
            sublayers, norms = _layers(x, depth)
            last = Normed(x.shape[-1], 4)
            inputs.append((x, *_callbacks(sublayers, norms), Callback(last)))
            stream = Stream.of(x)
            for inner, norm in zip(sublayers, norms, strict=True):
                stream = stream.plus(stream.through(norm).through(inner))
            expected.append(stream.through(last).expected("the stream after the last norm"))
    answers = subject.map("pre_norm_stack", inputs)
    given = [{"x": x, "layers": np.asarray(len(inner))} for x, inner, *_ in inputs]
    expect_all_close(answers, expected, given=given)


# 3.4 The sum


@check("pre-branches", points=0.5)
def each_pre_norm_block_adds_its_branch(subject: Subject) -> None:
    """Every block reads the stream that the blocks below have left, and adds one branch to it."""
    _judge_branches(subject, "pre_norm_branches", norm_first=True)


@check("res-post-branches", points=0.5)
def each_res_post_norm_block_adds_its_branch(subject: Subject) -> None:
    """Every block reads the stream that the blocks below have left, and adds one branch to it."""
    _judge_branches(subject, "res_post_norm_branches", norm_first=False)


def _judge_branches(subject: Subject, function: str, norm_first: bool) -> None:
    inputs, expected = [], []
    for x in streams()[1:]:
        for depth in (1, 3):
            sublayers, norms = _layers(x, depth)
            inputs.append((x, *_callbacks(sublayers, norms)))
            stream, added = Stream.of(x), []
            for inner, norm in zip(sublayers, norms, strict=True):
                first, second = (norm, inner) if norm_first else (inner, norm)
                added.append(stream.through(first).through(second))
                stream = stream.plus(added[-1])
            # A branch may be taken as the difference of two streams, whose errors it then has.
            parts = [np.stack(p) for p in zip(*added, strict=True)]
            scale = parts[1] + np.abs(stream.scale)
            expected.append(Expected(parts[0], scale, "what each block adds"))
    answers = [_stacked(answer) for answer in subject.map(function, inputs)]
    given = [{"x": x, "layers": np.asarray(len(inner))} for x, inner, _ in inputs]
    expect_all_close(answers, expected, given=given)


def _layers(x: Array, depth: int) -> tuple[list[Affine], list[Normed]]:
    size = x.shape[-1]
    return [Affine(size, i) for i in range(depth)], [Normed(size, i) for i in range(depth)]


def _callbacks(
    sublayers: list[Affine], norms: list[Normed]
) -> tuple[list[Callback], list[Callback]]:
    return _passed(*sublayers), _passed(*norms)


def _passed(*maps: Map) -> list[Callback]:
    return [Callback(each) for each in maps]


def _stacked(answer: object) -> object:
    """One array of a list of branches, which is as good."""
    if isinstance(answer, list | tuple) and answer:
        parts = [part for part in answer if isinstance(part, np.ndarray)]
        same = len(parts) == len(answer) and len({part.shape for part in parts}) == 1
        return np.stack(parts) if same else answer
    return answer
