"""Public checks of attention: each decides by definition, so students may have them.

Nothing of the reference is used: scores, shares and heads are written out in NumPy. The heads and
what knows of positions are in the files beside this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from assignments.attention.definitions import (
    Right,
    Sequences,
    aligned,
    alignments,
    as_large_as,
    first_of,
    judge_by_either,
    ladder,
    open_places,
    pulled_back,
    shares,
    taken,
    turned,
    weights_of,
    wide,
)
from assignments.attention.head_checks import *  # noqa: F403  checks are found by their names here
from assignments.attention.masks import from_own_weights, judge_masked
from assignments.attention.position_checks import *  # noqa: F403  as above
from grader.checks import (
    Array,
    Expected,
    Subject,
    as_array,
    check,
    evidence,
    expect,
    expect_all_close,
    expect_close,
    expect_shape,
)
from grader.checks.expected import ROUNDINGS
from grader.checks.figures import decode_png, expect_drawn, pngs_of

# 1.1 Weights


@check("weights", points=0.75)
def weights_are_shares_of_exponentials(subject: Subject) -> None:
    """A key's weight is its share of the exponentials of the scaled scores of one query."""
    given = [(q, k) for q, k, _ in ladder()]
    answers = subject.map("attention_weights", given)
    expect_all_close(answers, [weights_of(q, k) for q, k in given], given=_named("qk", given))


@check("weights", points=0.25)
def weights_of_a_query_sum_to_one(subject: Subject) -> None:
    """No weight is negative, and those of one query sum to one."""
    given = [(q, k) for q, k, _ in ladder()]
    for (q, k), answer in zip(given, subject.map("attention_weights", given), strict=True):
        weights = wide(as_array(answer))
        expect_shape(weights, (*q.shape[:-1], k.shape[-2]))
        expect(weights >= 0, f"One of your weights is {weights.min():.3g}.")
        right = weights_of(q, k)
        assert right.scale is not None
        sums = weights.sum(axis=-1)
        off = np.abs(sums - 1) / right.scale.sum(axis=-1)
        furthest = sums.ravel()[np.argmax(off)]
        expect(off <= ROUNDINGS * 2.0**-24, f"The weights of one query sum to {furthest:.4g}.")


@check("weights", points=0.5)
def closed_keys_get_no_weight(subject: Subject) -> None:
    """Keys that the mask closes get no weight, and the open ones share what there is."""
    given = [(each.q, each.k, each.mask) for each in ladder()]
    right = [weights_of(*each) for each in given]
    judge_masked(
        subject,
        "attention_weights",
        given,
        right,
        lambda answers: expect_all_close(answers, right, given=_named(("q", "k", "mask"), given)),
    )


@check("weights", points=0.25)
def more_features_do_not_sharpen_weights(subject: Subject) -> None:
    """Features that are repeated four times, at half the size, leave the weights as they are."""
    given = [(np.tile(q, 4) / 2, np.tile(k, 4)) for q, k, _ in ladder()]
    answers = subject.map("attention_weights", given)
    right = [weights_of(q, k) for q, k, _ in ladder()]
    expect_all_close(answers, right, given=_named("qk", given))


# 1.2 Attention


@check("attention", points=0.75)
def values_are_weighted_by_shares(subject: Subject) -> None:
    """The answer is the values, each weighted by the share of its key."""
    given = [tuple(each) for each in ladder()]
    right = [taken(weights_of(q, k), v) for q, k, v in ladder()]
    answers = first_of(subject.map("scaled_dot_product", given), right)
    judge_by_either(
        lambda found, expected: expect_all_close(found, expected, given=_named("qkv", given)),
        answers,
        right,
        lambda: from_own_weights(subject, [e[:2] for e in given], [e.v for e in ladder()], right),
    )


@check("attention", points=0.75)
def closed_keys_leave_no_trace(subject: Subject) -> None:
    """What the mask closes has no part in the answer."""
    given = [(*each, each.mask) for each in ladder()]
    right = [taken(weights_of(q, k, mask), v) for q, k, v, mask in given]
    keys = [(q, k, mask) for q, k, _, mask in given]

    def judge(answers: list[Any]) -> None:
        judge_by_either(
            lambda found, expected: expect_all_close(
                found, expected, given=_named(("q", "k", "v", "mask"), given)
            ),
            answers,
            right,
            lambda: from_own_weights(subject, keys, [each.v for each in ladder()], right),
        )

    judge_masked(subject, "scaled_dot_product", given, right, judge)


@check("attention", points=0.5)
def order_of_keys_does_not_matter(subject: Subject) -> None:
    """Keys in another order, with their values, change nothing; queries carry answers along."""
    given = [tuple(each) for each in ladder()[4:]]
    moved = [(q[:, ::-1].copy(), *(np.roll(x, 1, axis=1) for x in (k, v))) for q, k, v in given]
    right = [taken(weights_of(q, k), v) for q, k, v in given]
    before, after = (
        first_of(subject.map("scaled_dot_product", each), right) for each in (given, moved)
    )
    expected = []
    for answer, each in zip(before, right, strict=True):
        expect_shape(answer, each.value.shape)
        assert each.scale is not None
        says = "what the queries got before keys and values changed places"
        carried = wide(as_array(answer))[:, ::-1]
        expected.append(Expected(carried, 2 * each.scale[:, ::-1] + np.abs(carried), says))
    # Keys' scales stay with their queries, whatever their order.
    expect_all_close(after, expected, given=_named("qkv", moved))


@check("attention", points=0.5)
def gradients_reach_queries_keys_and_values(subject: Subject) -> None:
    """A loss behind the answer moves queries, keys and values by its derivatives."""
    for given in ladder()[4::2]:
        cotangent = _cotangent((*given.q.shape[:-1], given.v.shape[-1]))
        found = subject.gradient("scaled_dot_product", *given, wrt=(0, 1, 2), cotangent=cotangent)
        _judge_gradients(subject, given, cotangent, *found)


def _cotangent(shape: tuple[int, ...]) -> Array:
    return np.resize(np.asarray([1.0, -0.5, 2.0, 0.25, -1.5], np.float32), shape)


def _judge_gradients(
    subject: Subject, given: Sequences, cotangent: Array, answer: Any, gradients: Sequence[Array]
) -> None:
    """Demands the values and their derivatives: right slopes of a wrong answer teach nothing."""
    values = taken(weights_of(given.q, given.k), given.v)
    right = [values, *pulled_back(given, wide(cotangent))]
    names = ("", *(f", its gradient by {name}," for name in "qkv"))

    def judge(answers: Sequence[Any], expected: Right) -> None:
        for name, found, each in zip(names, answers, expected, strict=True):
            expect_close(found, each, given=given, function=f"scaled_dot_product{name}")

    judge_by_either(
        judge,
        [*first_of([answer], [values]), *gradients],
        right,
        lambda: _pulled_back_by_own(subject, given, cotangent, right),
    )


def _pulled_back_by_own(
    subject: Subject, given: Sequences, cotangent: Array, right: Sequence[Expected]
) -> list[Expected]:
    """Values by the student's own weights, and gradients through them."""
    by_weight = np.asarray(cotangent @ turned(given.v), np.float32)
    answer, (by_q, by_k) = subject.gradient(
        "attention_weights", given.q, given.k, wrt=(0, 1), cotangent=by_weight
    )
    weights = wide(as_array(answer))
    made = (weights @ wide(given.v), by_q, by_k, turned(weights) @ wide(cotangent))
    return [as_large_as(wide(value), each) for value, each in zip(made, right, strict=True)]


# 3.1 Alignment


@check("alignment", points=0.75)
def alignment_joins_state_and_annotation(subject: Subject) -> None:
    """Every state is held against every annotation: both are projected, joined and squashed."""
    answers = subject.map("additive_scores", alignments())
    expect_all_close(answers, list(map(aligned, alignments())), given=alignments())


@check("alignment", points=0.5)
def alignment_is_odd_and_bounded(subject: Subject) -> None:
    """Opposite states and annotations score the opposite; no score exceeds the direction's size."""
    opposite = [
        each._replace(states=-each.states, annotations=-each.annotations) for each in alignments()
    ]
    there = subject.map("additive_scores", alignments())
    back = subject.map("additive_scores", opposite)
    expected = []
    for given, answer in zip(alignments(), there, strict=True):
        right = aligned(given)
        expect_shape(answer, right.value.shape)
        bound = float(np.abs(given.direction).sum())
        largest = float(np.abs(as_array(answer)).max())
        expect(largest <= bound * (1 + 1e-5), f"A score of yours is {largest:.4g}: too large.")
        says = "the opposite of what it was before the signs changed"
        expected.append(Expected(-wide(as_array(answer)), right.scale, says))
    expect_all_close(back, expected, given=opposite)


# 3.2 Contexts


def _scored(mask: bool) -> tuple[list[tuple[Array, ...]], list[Expected]]:
    """Scores (B, Q, K) with annotations (B, K, m) and a mask, and the right contexts."""
    given, right = [], []
    for each in alignments():
        scores = (3 * aligned(each).value).astype(np.float32)
        opened = open_places(*scores.shape[-2:]) if mask else None
        given.append((scores, each.annotations, *((opened,) if opened is not None else ())))
        right.append(taken(shares(Expected(wide(scores)), opened), each.annotations))
    return given, right


@check("contexts", points=0.5)
def contexts_are_weighted_annotations(subject: Subject) -> None:
    """A context is the annotations, weighted by the shares of their scores' exponentials."""
    given, right = _scored(mask=False)
    answers = first_of(subject.map("additive", given), right)
    expect_all_close(answers, right, given=_named(("scores", "annotations"), given))


@check("contexts", points=0.5)
def contexts_hold_nothing_that_is_closed(subject: Subject) -> None:
    """What the mask closes has no part in a context."""
    given, right = _scored(mask=True)
    _judge_contexts(subject, given, right)


@check("contexts", points=0.25)
def equal_annotations_come_back(subject: Subject) -> None:
    """Where all annotations are the same, every context is that annotation."""
    masked, _ = _scored(mask=True)
    given = [
        (scores, np.repeat(notes[:, :1], notes.shape[1], axis=1), mask)
        for scores, notes, mask in masked
    ]
    right = [taken(shares(Expected(wide(s)), mask), notes) for s, notes, mask in given]
    _judge_contexts(subject, given, right)


def _judge_contexts(subject: Subject, given: Sequence[Any], right: Right) -> None:
    shown = _named(("scores", "annotations", "mask"), given)
    judge_masked(
        subject,
        "additive",
        given,
        right,
        lambda answers: expect_all_close(answers, right, given=shown),
    )


# 4.2 Cost


@check("cost", points=0.5)
def cost_is_drawn(outputs: Sequence[Any], question: Any) -> None:
    """The notebook shows what full and windowed attention cost, against the length."""
    pngs = pngs_of(outputs, question.figure.after)
    evidence(figures=len(pngs))
    expect(
        len(pngs) > 0, f"There is no figure in the output of the cell {question.figure.after!r}."
    )
    expect_drawn(decode_png(pngs[-1]))


def _named(names: Sequence[str], given: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(names, each, strict=True)) for each in given]
