"""Public checks of the samplers that remember: linear multistep, and DPM-Solver++ (2M)."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from assignments.samplers.definitions import LEVELS, integrals, multistep, solver, starts
from assignments.samplers.judging import (
    FLOW,
    STEPS,
    asked,
    expect_order,
    expect_repeatable,
    flow_levels,
    flow_start,
    judge_by_either,
    numbers,
    own_weights,
    run_at,
)
from assignments.samplers.known_data import GaussianData, KnownData
from grader.checks import Array, Callback, Expected, Subject, check, expect_all_close, expect_close

ORDERS = (1, 2, 3, 4)

# 4.1 Weights


def steps_of_each_order() -> list[tuple[Array, int, int]]:
    """Levels, the number of a step and an order that is possible there, lowest orders first."""
    return [
        (np.asarray(levels, np.float32), step, order)
        for order in ORDERS
        for levels in LEVELS
        for step in range(order - 1, len(levels) - 1)
    ]


@check("weights", points=0.75)
def weights_are_integrals(subject: Subject) -> None:
    """The weights integrate, over the step to come, the polynomial through the last slopes."""
    given = steps_of_each_order()
    answers = list(map(numbers, asked(subject, "linear_multistep_coefficients", given)))
    expect_all_close(answers, [_integrals(*each) for each in given], given=list(map(_shown, given)))


@check("weights", points=0.25)
def weights_of_constant_slopes(subject: Subject) -> None:
    """Where all slopes are one, the weights add up to the length of the step, with its sign."""
    given = steps_of_each_order()
    answers = map(numbers, asked(subject, "linear_multistep_coefficients", given))
    sums = [
        answer.astype(np.float64).sum() if isinstance(answer, np.ndarray) else answer
        for answer in answers
    ]
    expected = []
    for sigmas, step, order in given:
        scale = integrals(sigmas, step, order).scale
        assert scale is not None
        length = np.float64(sigmas[step + 1]) - sigmas[step]
        expected.append(Expected(length, scale.sum(), "the change of the level in this step"))
    whose = "linear_multistep_coefficients, added up,"
    expect_all_close(sums, expected, given=list(map(_shown, given)), function=whose)


def _integrals(sigmas: Array, step: int, order: int) -> Expected:
    right = integrals(sigmas, step, order)
    return Expected(right.value, right.scale, "the integral of the interpolating polynomial")


def _shown(given: tuple[Array, int, int]) -> dict[str, Any]:
    sigmas, step, order = given
    return {"sigmas": sigmas, "step": np.asarray(step), "order": np.asarray(order)}


# 4.2 Linear multistep


@check("multistep", points=0.75)
def multistep_weighs_its_slopes(subject: Subject) -> None:
    """A step adds up the slopes of the last steps with their weights, as many as there are."""
    runs, expected = _runs(), _expected_runs()
    given: list[tuple[Any, ...]] = [(Callback(KnownData()), *run) for run in runs]
    given += [each[:-1] for each in given[-3:]]  # of the order that is the default
    runs += runs[-3:]
    answers = asked(subject, "linear_multistep", given)
    shown = [{"x": x, "sigmas": sigmas, "order": np.asarray(order)} for x, sigmas, order in runs]

    judge_by_either(
        lambda: expect_all_close(answers, expected, given=shown),
        lambda: expect_all_close(
            answers,
            [
                _own_run(subject, KnownData(), run, right)
                for run, right in zip(runs, expected, strict=True)
            ],
            given=shown,
        ),
    )


def _runs() -> list[tuple[Array, Array, int]]:
    return [
        (x, sigmas, order)
        for order in ORDERS
        for x, sigmas in starts()
        if order == ORDERS[-1] or x.ndim == 2 < x.size  # every shape once, every order once
    ]


@cache
def _expected_runs() -> list[Expected]:
    says = "where the weighted slopes lead"
    ends = [run_at(KnownData(), multistep(order), x, s, says) for x, s, order in _runs()]
    return [*ends, *ends[-3:]]


def _own_run(
    subject: Subject, data: KnownData, run: tuple[Array, Array, int], right: Expected
) -> Expected:
    """Where the student's own weights lead.

    Raises:
        SubjectError: there are none.
        ValueError: an answer holds no such weights.
    """
    x, sigmas, order = run
    weigh = own_weights(subject, sigmas, order)
    if weigh is None:
        return right
    own = run_at(data, multistep(order, weigh), x, sigmas)
    assert own.scale is not None
    assert right.scale is not None
    return Expected(own.value, own.scale + right.scale)


@check("multistep", points=0.5)
def multistep_has_order_two(subject: Subject) -> None:
    """With two slopes and twice as many steps, the error is a quarter."""
    judge_by_either(
        lambda: expect_order(subject, "linear_multistep", 2, 2),
        lambda: _follow_from_own_weights(subject),
    )


def _follow_from_own_weights(subject: Subject) -> None:
    x, sigmas, order = flow_start(), flow_levels(STEPS[0]), 2
    answers = asked(subject, "linear_multistep", [(Callback(FLOW), x, sigmas, order)])
    right = run_at(FLOW, multistep(order), x, sigmas)
    own = _own_run(subject, FLOW, (x, sigmas, order), right)
    if own is right:
        raise ValueError("weights that are right explain nothing")
    expect_close(answers[0], own, given={"x": x})


@check("multistep", points=0.25)
def multistep_is_repeatable(subject: Subject) -> None:
    """Nothing is drawn: the same start ends in the same place, whatever the seed."""
    expect_repeatable(subject, "linear_multistep", KnownData(), *starts()[-1])


# 4.3 DPM-Solver++


@check("solver", points=1)
def solver_extrapolates(subject: Subject) -> None:
    """The denoised data are extrapolated; in the first step, and in one to zero, they are not."""
    given = _solver_runs()
    answers = asked(subject, "dpm_solver_pp_2m", [(Callback(d), x, s) for d, x, s in given])
    shown = [{"x": x, "sigmas": sigmas} for _, x, sigmas in given]
    expect_all_close(answers, _expected_of_solver(), given=shown)


def _solver_runs() -> list[tuple[KnownData, Array, Array]]:
    data: tuple[KnownData, ...] = (GaussianData(1.0, 0.0), KnownData())
    return [(each, *start) for each in data for start in starts()]


@cache
def _expected_of_solver() -> list[Expected]:
    says = "where DPM-Solver++ leads"
    return [run_at(data, solver, x, sigmas, says) for data, x, sigmas in _solver_runs()]


@check("solver", points=0.75)
def solver_has_order_two(subject: Subject) -> None:
    """With twice as many steps, the error is a quarter."""
    expect_order(subject, "dpm_solver_pp_2m", 2)


@check("solver", points=0.25)
def solver_is_repeatable(subject: Subject) -> None:
    """Nothing is drawn: the same start ends in the same place, whatever the seed."""
    expect_repeatable(subject, "dpm_solver_pp_2m", KnownData(), *starts()[-1])
