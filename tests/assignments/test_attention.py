from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from assignments.attention.definitions import (
    Sequences,
    alignments,
    ladder,
    open_places,
    pulled_back,
    taken,
    weights_of,
    windows,
)
from assignments.attention.definitions import aligned as aligned_by_definition
from assignments.attention.head_definitions import attended, inputs
from grader.auditing import audit_assignment
from grader.checks.loading import load_checks, require_complete
from grader.checks.verdict import Outcome
from reference.mistakes.attention import MISTAKES, VARIANTS
from tests.assignments.judging import Judge

RIGHT = {variant.function: variant.code for variant in reversed(VARIANTS)}
WRONG = {mistake.id: mistake for mistake in MISTAKES}
JUDGE = Judge("attention", RIGHT, MISTAKES, "attention", without=("cost",))
FOLDER, ASSIGNMENT, CHECKS = JUDGE.folder, JUDGE.assignment, JUDGE.checks
judged, checks_of = JUDGE.judged, JUDGE.checks_of


def verdicts(function: str, replaced: dict[str, Callable[..., Any]]) -> dict[str, Outcome]:
    return {check.name: judged(check, replaced).verdict for check in checks_of(function)}


def test_every_point_is_decided_by_somebody() -> None:
    require_complete(load_checks(FOLDER), ASSIGNMENT.questions)
    assert sum(question.points for question in ASSIGNMENT.questions) == 20


@pytest.mark.slow
def test_the_audit_finds_nothing_and_names_what_has_numbers_of_its_own() -> None:
    report = audit_assignment(str(FOLDER)).report
    assert report.problems == ()
    # Truth values, and weights of one and zero, hold too few different numbers for a name.
    unnamed = {row.id for row in report.mistakes if row.id not in row.named_as}
    assert unnamed == {
        *(mistake.id for mistake in MISTAKES if mistake.function == "causal_mask"),
        "weights/hardest-key-only",
    }
    assert all(variant.passed for variant in report.variants)


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.id)
def test_every_variant_passes_under_any_seed(variant: Any) -> None:
    for course in range(25):
        for check in checks_of(variant.function):
            verdict = judged(check, {variant.function: variant.code}, f"attention {course}")
            assert verdict.verdict is Outcome.PASSED, verdict.message


@pytest.mark.parametrize("function", sorted(RIGHT.keys() - {"causal_mask"}))
def test_one_part_in_a_thousand_is_noticed(function: str) -> None:
    found = verdicts(function, {function: lambda *args: RIGHT[function](*args) * 1.001})
    assert Outcome.FAILED in found.values()


@pytest.mark.parametrize("function", sorted(RIGHT.keys() - {"causal_mask"}))
def test_nan_is_noticed_by_every_check(function: str) -> None:
    found = verdicts(function, {function: lambda *args: RIGHT[function](*args) * math.nan})
    # One looks only at what a change far away does, and NaN is NaN before and after.
    assert set(found.values()) == {Outcome.FAILED}, found


@pytest.mark.parametrize("function", ["scaled_dot_product", "multi_head", "additive"])
@pytest.mark.parametrize("values_first", [True, False])
def test_weights_may_be_returned_beside_the_values(function: str, values_first: bool) -> None:
    def pair(*args: Any) -> Any:
        values = RIGHT[function](*args)
        weights = torch.ones(1)
        return (values, weights) if values_first else (weights, values)

    found = verdicts(function, {function: pair})
    if not values_first:  # autograd is asked for the first one
        found.pop("gradients_reach_queries_keys_and_values", None)
    assert set(found.values()) == {Outcome.PASSED}, found


def test_a_mask_of_ones_and_zeros_may_be_what_is_understood() -> None:
    def attend(q: Any, k: Any, v: Any, mask: Any = None) -> Any:
        scores = q @ k.mT / math.sqrt(q.shape[-1])
        if mask is not None:
            scores = scores * mask - 10**4 * (1 - mask)  # raises for truth values
        return scores.softmax(dim=-1) @ v

    found = verdicts("scaled_dot_product", {"scaled_dot_product": attend})
    assert set(found.values()) == {Outcome.PASSED}, found


@pytest.mark.parametrize(
    "mask",
    [
        lambda length: torch.ones(length, length).tril(),
        lambda length: torch.ones(length, length).tril().long(),
        lambda length: torch.full((length, length), -math.inf).triu(1),
        lambda length: torch.triu(torch.ones(length, length), 1) * -1e9,
    ],
)
def test_a_causal_mask_of_numbers_loses_the_points_of_its_type_only(mask: Any) -> None:
    found = verdicts("causal_mask", {"causal_mask": mask})
    assert found == {
        "past_is_open_and_future_closed": Outcome.PASSED,
        "causal_mask_is_boolean": Outcome.FAILED,
    }


def test_a_wrong_causal_mask_is_told_by_its_first_wrong_place() -> None:
    (check,) = (c for c in CHECKS if c.name == "past_is_open_and_future_closed")
    wrong = WRONG["causal/one-step-ahead"].code
    verdict = judged(check, {"causal_mask": wrong})
    assert verdict.message == ("For length = 2, under your mask position 0 may look at position 1.")


@pytest.mark.parametrize("wrong", ["scale-missing", "softmax-over-queries", "mask-ignored"])
def test_wrong_weights_cost_their_points_once(wrong: str) -> None:
    weights = WRONG[f"weights/{wrong}"].code

    def attend(q: Any, k: Any, v: Any, mask: Any = None) -> Any:
        return weights(q, k, mask) @ v

    def heads(*args: Any) -> Any:
        queries, keys, values, (w_q, b_q, w_k, b_k, w_v, b_v, w_o, b_o), count, *mask = args
        pairs = ((queries, w_q, b_q), (keys, w_k, b_k), (values, w_v, b_v))
        parts = (RIGHT["split_heads"](F.linear(*pair), count) for pair in pairs)
        return F.linear(RIGHT["merge_heads"](attend(*parts, *mask)), w_o, b_o)

    replaced = {"attention_weights": weights, "scaled_dot_product": attend, "multi_head": heads}
    assert Outcome.FAILED in verdicts("attention_weights", replaced).values()
    for function in ("scaled_dot_product", "multi_head"):
        assert set(verdicts(function, replaced).values()) == {Outcome.PASSED}
    alone = {"scaled_dot_product": attend}
    assert Outcome.FAILED in verdicts("scaled_dot_product", alone).values()


def test_heads_of_every_second_feature_cost_their_points_once() -> None:
    def split(x: Any, heads: int) -> Any:
        return x.unflatten(-1, (-1, heads)).movedim(-1, -3)

    def merge(x: Any) -> Any:
        return x.movedim(-3, -1).flatten(-2)

    def heads(*args: Any) -> Any:
        queries, keys, values, (w_q, b_q, w_k, b_k, w_v, b_v, w_o, b_o), count, *mask = args
        pairs = ((queries, w_q, b_q), (keys, w_k, b_k), (values, w_v, b_v))
        parts = (split(F.linear(*pair), count) for pair in pairs)
        return F.linear(merge(RIGHT["scaled_dot_product"](*parts, *mask)), w_o, b_o)

    replaced = {"split_heads": split, "merge_heads": merge, "multi_head": heads}
    assert set(verdicts("split_heads", replaced).values()) == {Outcome.FAILED}
    assert set(verdicts("merge_heads", replaced).values()) == {Outcome.PASSED}
    assert set(verdicts("multi_head", replaced).values()) == {Outcome.PASSED}
    assert Outcome.FAILED in verdicts("multi_head", {"multi_head": heads}).values()


def test_a_window_over_wrong_attention_costs_its_points_once() -> None:
    attend = WRONG["attention/scale-missing"].code

    def windowed(q: Any, k: Any, v: Any, reach: int) -> Any:
        position = torch.arange(q.shape[-2])
        return attend(q, k, v, (position - position.unsqueeze(-1)).abs() <= reach)

    replaced = {"scaled_dot_product": attend, "windowed": windowed}
    found = verdicts("windowed", replaced)
    assert found["windows_are_attended"] is Outcome.PASSED


def test_what_a_window_costs_is_noted() -> None:
    (check,) = (c for c in CHECKS if c.name == "windows_agree_on_long_sequences")
    noted = judged(check, {}).evidence["seconds_by_length"]
    assert set(noted) == {"64", "256", "1024"}


def double(x: np.ndarray[Any, Any]) -> torch.Tensor:
    return torch.from_numpy(x).double()


def test_attention_by_definition_is_that_of_torch() -> None:
    for q, k, v in ladder():
        for mask in (None, open_places(q.shape[1], k.shape[1])):
            right = F.scaled_dot_product_attention(
                *map(double, (q, k, v)), attn_mask=None if mask is None else torch.from_numpy(mask)
            )
            assert taken(weights_of(q, k, mask), v).value == pytest.approx(right.numpy())


def test_gradients_by_definition_are_those_of_autograd() -> None:
    for given in ladder():
        leaves = [double(x).requires_grad_() for x in given]
        answer = F.scaled_dot_product_attention(*leaves)
        cotangent = torch.arange(answer.numel()).reshape(answer.shape).double() - 1.5
        right = torch.autograd.grad(answer, leaves, cotangent)
        for found, wanted in zip(pulled_back(given, cotangent.numpy()), right, strict=True):
            assert found.value == pytest.approx(wanted.numpy(), abs=1e-12)


def test_heads_by_definition_are_those_of_torch() -> None:
    for given in inputs():
        q, k, v = (double(x).transpose(0, 1) for x in given[:3])
        w_q, b_q, w_k, b_k, w_v, b_v, w_o, b_o = map(double, given.projections)
        right, _ = F.multi_head_attention_forward(
            q, k, v, q.shape[-1], given.heads, None, torch.cat([b_q, b_k, b_v]), None, None, False,
            0.0, w_o, b_o, use_separate_proj_weight=True, q_proj_weight=w_q, k_proj_weight=w_k,
            v_proj_weight=w_v, attn_mask=~torch.from_numpy(given.mask),
        )  # fmt: skip
        assert attended(given, given.mask).value == pytest.approx(right.transpose(0, 1).numpy())


def test_windows_by_definition_are_full_attention_in_a_band() -> None:
    for q, k, v in ladder()[-2:]:
        position = torch.arange(5)
        band = (position - position.unsqueeze(-1)).abs() <= 2
        right = F.scaled_dot_product_attention(*map(double, (q, k, v)), attn_mask=band)
        assert windows(Sequences(q, k, v), 2).value == pytest.approx(right.numpy())


def test_alignment_by_definition_is_the_papers() -> None:
    for given in alignments():
        states, notes, w, u, direction = map(double, given)
        pairs = torch.tanh((w @ states.mT).mT[:, :, None] + (u @ notes.mT).mT[:, None])
        right = torch.einsum("bqka,a->bqk", pairs, direction)
        assert aligned_by_definition(given).value == pytest.approx(right.numpy())


def test_every_mask_opens_a_key_and_closes_another_for_every_query() -> None:
    for queries in range(1, 13):
        for keys in range(2, 13):
            mask = open_places(queries, keys)
            assert mask.shape == (queries, keys)
            assert mask.any(axis=1).all()
            assert not mask.all(axis=1).any()
        assert open_places(queries, 1).all()
