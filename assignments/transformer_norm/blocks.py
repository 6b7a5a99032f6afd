"""Blocks of a student's, asked as functions or as classes that hold a norm of their own.

A function is given a known norm, so its answer is known. A class is held against itself: what it
does with silent and with constant sublayers shows its norm, whichever that is, and a mistake in it
was marked where the norm was asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from assignments.transformer_norm.definitions import (
    Affine,
    Given,
    Map,
    Normed,
    Stream,
    expected_norm,
    streams,
)
from assignments.transformer_norm.modules import build, class_of, note
from grader.checks import (
    Array,
    Callback,
    Expected,
    Subject,
    as_array,
    expect,
    expect_all_close,
    expect_close,
    expect_shape,
)

# A row less its mean, over its root, moves by eps / (2 variance) of itself when it is stretched;
# the streams have variances of one and more, and no usual epsilon is above 1e-3.
_EPSILONS = 1e-3

Composed: TypeAlias = Callable[[Stream, Affine, Normed], Stream]
_SAYS = "the answer of the block that the name stands for"
COMPOSED: dict[str, tuple[Composed, str]] = {
    "post_norm": (lambda x, a, n: x.plus(x.through(a)).through(n), _SAYS),
    "pre_norm": (lambda x, a, n: x.plus(x.through(n).through(a)), _SAYS),
    "res_post_norm": (lambda x, a, n: x.plus(x.through(a).through(n)), _SAYS),
}


class Block:
    """A student's block with a sublayer of ours, function or class.

    Args:
        subject: the student's code.
        function: canonical name.
    """

    def __init__(self, subject: Subject, function: str) -> None:
        self.subject, self.function = subject, function
        self.class_name = class_of(subject, function)
        self.name = self.class_name or function

    def __call__(self, x: Array, sublayer: Map) -> Array:
        """What the block makes of a stream, in float64.

        Raises:
            CheckFailure: the answer has another shape.
            SubjectError: the student's code raises.
        """
        plain = Callback(plain_norm(x.shape[-1]))
        if self.class_name is None:
            answer = self.subject.call(self.function, x, Callback(sublayer), plain)
        else:
            given = {"dim": x.shape[-1], "sublayer": Callback(sublayer), "norm": plain}
            built = build(self.subject, self.class_name, given)
            more = () if built.takes_sublayer else (Callback(sublayer),)
            answer = self.subject.call(built.handle, x, *more)
            note(self.subject, self.function, (x, Callback(sublayer), plain), answer)
        found = as_array(answer, self.name)
        expect_shape(found, x.shape, function=self.name)
        return found.astype(np.float64)

    def seen(self, x: Array) -> Array:
        """What its sublayer is given, in float64."""
        inner = Affine(x.shape[-1])
        self(x, inner)
        times = len(inner.given)
        expect(times == 1, f"Your {self.name} calls its sublayer {times} times.")
        expect_shape(
            inner.given[0], x.shape, function=f"{self.name}, in what its sublayer is given,"
        )
        return inner.given[0].astype(np.float64)

    def expect(self, answer: Array, right: Array, size: Array, x: Array, message: str) -> None:
        """Demands equality but for rounding of float32."""
        expect_close(
            answer.astype(np.float32),
            Expected(right, size),
            given={"x": x},
            function=self.name,
            message=message,
        )

    def expect_norm(self, norm: Map, x: Array) -> None:
        """Demands a map that ignores shift and scale of a row, and is no constant."""
        here, moved = norm(x), norm(2 * x + 3)
        expect(
            np.isfinite(here) & (np.ptp(here, axis=-1, keepdims=True) > 0.1),
            f"What your {self.name} makes of x where a norm should stand is the same for all "
            "features, or no number.",
        )
        expect(
            np.abs(here - moved) <= _EPSILONS * (1 + np.abs(here)),
            f"Shift and stretch x: where your {self.name} should norm it, the answer changes.",
            x=x,
        )


def plain_norm(size: int) -> Normed:
    """A norm as modules begin: gain one, shift zero."""
    norm = Normed(size)
    norm.weight, norm.bias = np.ones(size, np.float32), np.zeros(size, np.float32)
    return norm


def judge_place(subject: Subject, function: str) -> None:
    """Demands a block with its norm where the name says.

    Raises:
        CheckFailure: the norm or the residual is elsewhere.
        SubjectError: the student's code raises.
    """
    block = Block(subject, function)
    if block.class_name is not None:
        for x in streams()[1:]:
            _OF_CLASSES[function](block, x)
        return
    compose, says = COMPOSED[function]
    parts = [(x, Affine(x.shape[-1], i), Normed(x.shape[-1], i)) for i, x in enumerate(streams())]
    answers = subject.map(function, [(x, Callback(a), Callback(n)) for x, a, n in parts])
    expected = [compose(Stream.of(x), a, n).expected(says) for x, a, n in parts]
    given = [{"x": x, "sublayer(x)": _shown(a, x), "norm(x)": _shown(n, x)} for x, a, n in parts]
    expect_all_close(answers, expected, given=given)


def _shown(part: Affine | Normed, x: Array) -> Array:
    """What a map of ours makes of x, for whoever reads a counterexample."""
    return part.exact(x.astype(np.float64)).astype(np.float32)


def silent(x: Array) -> Array:
    """A sublayer that adds nothing."""
    return np.zeros_like(x)


def _own_norm_size(stream: Stream) -> Array:
    """Scale of the errors where the norm is the student's, in float32."""
    size = stream.value.shape[-1]
    plain = np.ones(size, np.float32), np.zeros(size, np.float32)
    scale = expected_norm(Given(stream.value, *plain, 1e-5), stream.scale).scale
    assert scale is not None
    return scale


def _post(block: Block, x: Array) -> None:
    block.expect_norm(lambda v: block(v, silent), x)
    inner = Affine(x.shape[-1])
    total = Stream.of(x).plus(Stream.of(x).through(inner))
    right = block(total.value.astype(np.float32), silent)
    size = _own_norm_size(total)
    says = "A silent sublayer with x + A(x) for x gives another answer."
    block.expect(block(x, inner), right, size, x, says)


def _pre(block: Block, x: Array) -> None:
    block.expect_norm(block.seen, x)
    inner, seen = Affine(x.shape[-1]), Stream.of(block.seen(x).astype(np.float32))
    right = Stream.of(x).plus(seen.through(inner))
    says = "It is not x plus what the sublayer has answered."
    block.expect(block(x, inner), right.value, right.scale, x, says)


def _res_post(block: Block, x: Array) -> None:
    def normed(v: Array) -> Array:
        return block(0 * x, lambda _: v)

    block.expect_norm(normed, x)
    inner = Affine(x.shape[-1])
    branch = Stream.of(x).through(inner)
    right = x + normed(branch.value.astype(np.float32))
    size = np.abs(x) + _own_norm_size(branch)
    says = "It is not x plus what a stream of zeros becomes with the same answer of the sublayer."
    block.expect(block(x, inner), right, size, x, says)


_OF_CLASSES = {"post_norm": _post, "pre_norm": _pre, "res_post_norm": _res_post}
