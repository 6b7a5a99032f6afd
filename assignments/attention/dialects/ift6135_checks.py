"""Checks that only the IFT6135 sheet asks for: the methods of `MultiHeadedAttention`.

One year's sheet asks for causal weights, another's does not: either is right. Every later method is
judged by the student's own earlier ones.
"""

from __future__ import annotations

import numpy as np

from assignments.attention.definitions import draw, weights_of, wide
from assignments.attention.dialects.ift6135_masks import (
    class_hands_the_mask_on,
    class_values_skip_padding,
    class_weights_skip_padding,
)
from assignments.attention.dialects.ift6135_parts import (
    FEATURES,
    HEAD,
    HEADS,
    LENGTH,
    Projections,
    as_heads,
    asked,
    built,
    first_of,
    readings,
    without_biases,
)
from assignments.attention.head_definitions import parted
from assignments.attention.position_checks import either
from grader.checks import (
    Array,
    Expected,
    Handle,
    Subject,
    check,
    evidence,
    expect,
    expect_close,
    expect_shape,
)
from grader.checks.comparison import compare
from grader.checks.subject import Value
from grader.errors import SubjectError

__all__ = ["class_hands_the_mask_on", "class_values_skip_padding", "class_weights_skip_padding"]


def _features() -> Array:
    """All features different, (B, T, H hd), float32."""
    return np.arange(2 * LENGTH * FEATURES, dtype=np.float32).reshape(2, LENGTH, FEATURES)


@check("attention-weights", points=1.5)
def class_weights_are_shares(subject: Subject) -> None:
    """A key's weight is its share of the exponentials of the scaled scores of one query."""
    layer = built(subject)
    for seed in range(3):
        q, k = as_heads(seed, 2)
        answer = asked(subject, layer, "get_attention_weights", q, k)

        def judge(full: int, q: Array = q, k: Array = k, answer: Array = answer) -> None:
            mask = None if full else np.tri(LENGTH, dtype=bool)
            right = weights_of(q, k, mask)
            expect_close(
                answer, right, given={"queries": q, "keys": k}, function="get_attention_weights"
            )
            evidence(causal=not full)

        either(judge, (1, 0))


@check("heads-apart", points=1)
def class_shares_features(subject: Subject) -> None:
    """Each head gets features of its own at every position, and positions keep their order."""
    layer, x = built(subject), _features()
    answer = asked(subject, layer, "split_heads", x)

    def judge(every_other: int) -> None:
        order = np.arange(FEATURES).reshape(HEAD, HEADS).T.ravel() if every_other else slice(None)
        right = Expected(parted(x[..., order], HEADS), says="each head's own features")
        expect_close(answer, right, given={"tensor": x}, function="split_heads")

    either(judge, (0, 1))


@check("heads-together", points=1)
def class_merges_what_it_splits(subject: Subject) -> None:
    """What has been split is put back as it was."""
    layer, x = built(subject), _features()

    def judge(own: int) -> None:
        split = asked(subject, layer, "split_heads", x) if own else parted(x, HEADS)
        answer = asked(subject, layer, "merge_heads", split)
        right = Expected(x, says="what was split")
        expect_close(answer, right, given={"tensor": split}, function="merge_heads")

    either(judge, (0, 1))


@check("attention-applied", points=1)
def class_weights_its_values(subject: Subject) -> None:
    """The values, weighted and added up for every head, are merged."""
    layer = built(subject)
    q, k, v = as_heads(7, 3)
    weights = asked(subject, layer, "get_attention_weights", q, k)
    expect_shape(weights, (2, HEADS, LENGTH, LENGTH), function="get_attention_weights")
    found = (wide(weights) @ wide(v)).astype(np.float32)
    value = asked(subject, layer, "merge_heads", found)
    expect_shape(value, (2, LENGTH, FEATURES), function="merge_heads")
    right = Expected(value, 4 * np.full(value.shape, LENGTH * 2.0), "your own weights' values")
    answer = asked(subject, layer, "apply_attention", q, k, v)
    if answer.shape == found.shape and _merges_later(subject, layer):
        right = Expected(wide(found), np.full(found.shape, LENGTH * 8.0), right.says)
    expect_close(
        answer, right, given={"queries": q, "keys": k, "values": v}, function="apply_attention"
    )


def _merges_later(subject: Subject, layer: Handle) -> bool:
    """Whether heads that are left apart are merged by the layer: its answer has x's shape."""
    x = np.ones((2, LENGTH, FEATURES), np.float32)
    answer = asked(subject, layer, "forward", x)
    return answer.shape == x.shape


@check("attention-layer", points=1.5)
def class_projects_before_and_after(subject: Subject) -> None:
    """The layer projects, splits, attends, merges and projects once more."""
    layer = built(subject)
    subject.load_state(layer, without_biases(subject.state(layer)))
    x = draw(np.random.default_rng(9), 2, LENGTH, FEATURES, size=2.0)
    answer = asked(subject, layer, "forward", x)
    expect_shape(answer, x.shape, function="forward")
    found = list(readings(subject.state(layer)))
    evidence(readings=len(found))  # none where the parameters have shapes of their own
    if not found:
        return
    unprojected = _attended(subject, layer, x, found)
    right = [
        Expected(wide(one) @ reading.output, 64 * (1 + np.abs(wide(one)) @ np.abs(reading.output)))
        for reading, one in zip(found, unprojected, strict=True)
        if reading.output is not None
    ]
    if any(compare(answer, each, [answer]) is None for each in right):
        return
    bare = [Expected(wide(one), 64 * (1 + np.abs(wide(one)))) for one in unprojected]
    expect(
        not any(compare(answer, each, [answer]) is None for each in bare),
        "Your layer's answer is what its heads have found, side by side.",
    )
    expect(right, "Your layer has no projection behind its heads.")
    says = "what your own methods lead to"
    expected = Expected(right[0].value, right[0].scale, says)
    expect_close(answer, expected, given={"hidden_states": x}, function="forward")


def _attended(subject: Subject, layer: Handle, x: Array, found: list[Projections]) -> list[Array]:
    """What the student's own attention makes of x under each reading, merged."""
    projected = [(x @ w).astype(np.float32) for each in found for w in each.joint]
    split = subject.map(layer, [(each,) for each in projected], method="split_heads")
    heads = [first_of(each, "split_heads") for each in map(_raised, split)]
    triples = [tuple(heads[i : i + 3]) for i in range(0, len(heads), 3)]
    answers = subject.map(layer, triples, method="apply_attention")
    attended = [first_of(each, "apply_attention") for each in map(_raised, answers)]
    if attended[0].ndim > x.ndim:  # heads are merged by the layer
        merged = subject.map(layer, [(each,) for each in attended], method="merge_heads")
        attended = [first_of(each, "merge_heads") for each in map(_raised, merged)]
    for each in attended:
        expect_shape(each, x.shape, function="apply_attention")
    return attended


def _raised(answer: Value | SubjectError) -> Value:
    if isinstance(answer, SubjectError):
        raise answer
    return answer
