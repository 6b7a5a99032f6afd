"""Hidden checks of attention: against the reference in float64, on larger sizes.

Sequences have a batch and heads as leading axes, as they have inside of multi-head attention.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from assignments.attention.definitions import (
    Alignment,
    Sequences,
    aligned,
    as_large_as,
    draw,
    first_of,
    judge_by_either,
    open_places,
    shares,
    taken,
    weights_of,
    wide,
    windows,
)
from assignments.attention.head_definitions import (
    attended,
    from_own_parts,
    inputs_of,
)
from assignments.attention.masks import from_own_weights, judge_masked
from assignments.attention.position_checks import angles_of, either
from grader.checks import (
    Expected,
    Subject,
    check,
    evidence,
    expect_all_close,
    expect_close,
)
from reference import attention, decoder_block


def tensors(*given: Any) -> list[Any]:
    """The same inputs in float64 for the reference; masks stay as they are."""
    return [
        torch.from_numpy(x if x.dtype == np.bool_ else wide(x)) if isinstance(x, np.ndarray) else x
        for x in given
    ]


def long_sequences(seed: int) -> Sequences:
    """Two examples of three heads, more keys than queries, a head of 16 features."""
    rng = np.random.default_rng(seed)
    return Sequences(
        draw(rng, 2, 3, 9, 16), draw(rng, 2, 3, 12, 16), draw(rng, 2, 3, 12, 8, size=4.0)
    )


@check("weights", points=0.25)
def weights_agree_with_heads(subject: Subject, seed: Callable[[str], int]) -> None:
    """The weights are right with a batch and heads in front, masked and not."""
    q, k, _ = long_sequences(seed("inputs"))
    given = [(q, k), (q, k, open_places(9, 12))]
    right = [
        as_large_as(attention.attention_weights(*tensors(*each)).numpy(), weights_of(*each))
        for each in given
    ]
    judge_masked(
        subject,
        "attention_weights",
        given,
        right,
        lambda answers: expect_all_close(answers, right, given=given),
    )


@check("attention", points=0.5)
def attention_agrees_with_heads(subject: Subject, seed: Callable[[str], int]) -> None:
    """Attention is right with a batch and heads in front, masked and not."""
    q, k, v = long_sequences(seed("inputs"))
    keys = [(q, k), (q, k, open_places(9, 12))]
    given = [(q, k, v, *each[2:]) for each in keys]
    right = [
        as_large_as(
            attention.scaled_dot_product(*tensors(*each)).numpy(), taken(weights_of(*key), v)
        )
        for each, key in zip(given, keys, strict=True)
    ]

    def judge(answers: list[Any]) -> None:
        judge_by_either(
            lambda found, expected: expect_all_close(found, expected, given=given),
            answers,
            right,
            lambda: from_own_weights(subject, keys, [v, v], right),
        )

    judge_masked(subject, "scaled_dot_product", given, right, judge)


@check("heads", points=0.75)
def heads_agree_on_larger_models(subject: Subject, seed: Callable[[str], int]) -> None:
    """Multi-head attention is right for many heads and other keys than queries."""
    rng = np.random.default_rng(seed("inputs"))
    whole = [inputs_of(rng, *sizes) for sizes in ((3, 5, 7, 12, 4), (2, 6, 6, 16, 8))]
    masks = [None, whole[1].mask]
    given = [whole[0], (*whole[1], masks[1])]
    right = []
    for each, mask in zip(whole, masks, strict=True):
        sequences = tensors(*each[:3])
        projections = attention.Projections(*tensors(*each.projections))
        opened = None if mask is None else torch.from_numpy(mask)
        q, k, v = sequences
        value = attention.multi_head(q, k, v, projections, each.heads, opened)
        right.append(as_large_as(value.numpy(), attended(each, mask)))

    def judge(answers: list[Any]) -> None:
        judge_by_either(
            lambda found, expected: expect_all_close(found, expected, given=given),
            answers,
            right,
            lambda: from_own_parts(subject, whole, masks, right),
        )

    judge_masked(subject, "multi_head", given, right, judge)


@check("alignment", points=0.25)
def alignment_agrees_in_batches(subject: Subject, seed: Callable[[str], int]) -> None:
    """The alignment is right for batches of longer sequences."""
    rng = np.random.default_rng(seed("inputs"))
    given = Alignment(*(draw(rng, *s) for s in ((3, 5, 6), (3, 7, 4), (8, 6), (8, 4), (8,))))
    value = attention.additive_scores(*tensors(*given)).numpy()
    expect_close(
        subject.call("additive_scores", *given), as_large_as(value, aligned(given)), given=given
    )


@check("contexts", points=0.25)
def contexts_agree_in_batches(subject: Subject, seed: Callable[[str], int]) -> None:
    """Contexts are right for batches of longer sequences, masked and not."""
    rng = np.random.default_rng(seed("inputs"))
    scores, notes = draw(rng, 3, 5, 7, size=4.0), draw(rng, 3, 7, 4)
    given = [(scores, notes), (scores, notes, open_places(5, 7))]
    right = []
    for each in given:
        value = attention.additive(*tensors(*each)).numpy()
        mask = each[2] if len(each) == 3 else None
        right.append(as_large_as(value, taken(shares(Expected(wide(scores)), mask), notes)))
    judge_masked(
        subject,
        "additive",
        given,
        right,
        lambda answers: expect_all_close(answers, right, given=given),
    )


@check("window", points=0.5)
def windows_agree_on_long_sequences(subject: Subject, seed: Callable[[str], int]) -> None:
    """A window is right in long sequences; what it costs there is noted, and decides nothing."""
    rng, reach, seconds = np.random.default_rng(seed("inputs")), 3, {}
    for length in (64, 256, 1024):
        q, k, v = (draw(rng, 2, length, 8) for _ in range(3))
        started = time.perf_counter()
        answer = subject.call("windowed", q, k, v, reach)
        seconds[length] = time.perf_counter() - started
        value = attention.windowed(*tensors(q, k, v, reach)).numpy()
        right = as_large_as(value, windows(Sequences(q, k, v), reach))
        (first,) = first_of([answer], [right])
        expect_close(first, right, given=(q, k, v, reach))
    evidence(seconds_by_length=seconds)


@check("rotary", points=0.25)
def rotary_agrees_with_the_reference(subject: Subject, seed: Callable[[str], int]) -> None:
    """Turned vectors are right, in one of the orders and directions that are in use."""
    rng = np.random.default_rng(seed("inputs"))
    x, angles = draw(rng, 2, 3, 12, 8, size=2.0), angles_of(12, 8)
    answer = subject.call("apply_rotary", x, angles)
    order = [np.arange(8), np.r_[0:8:2, 1:8:2]]  # pairs of neighbours, pairs of halves
    size = (1 + angles.max()) * 2 * np.abs(x).max()

    def judge(convention: int) -> None:
        halves, backwards = divmod(convention, 2)
        back = np.argsort(order[halves])
        wide_x, wide_angles = tensors(x[..., back], -angles if backwards else angles)
        value = decoder_block.apply_rotary(wide_x, wide_angles).numpy()[..., order[halves]]
        expect_close(answer, Expected(value, np.full(value.shape, size)), given=(x, angles))

    either(judge, (0, 1, 2, 3))
