"""Public checks of DDIM: the variance of its noise, one step, and a whole run."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from assignments.samplers import definitions
from assignments.samplers.definitions import expected_run
from assignments.samplers.judging import asked, expect_repeatable, judge_by_either, scalar
from assignments.samplers.known_data import KnownNoise, NoiseOfOnePoint
from grader.checks import (
    Array,
    Callback,
    Expected,
    Subject,
    as_array,
    check,
    expect_all_close,
    expect_close,
    like,
)

# alpha-bar before and after a step, of few bits each; the last step ends at the data.
PAIRS = ((0.25, 0.5), (0.5, 0.75), (0.125, 0.75), (0.75, 1.0), (0.0625, 0.9375), (0.5, 1.0))
ETAS = (1.0, 0.0, 0.5, 0.25)
_STEP = ("x_t", "noise", "left", "left_next", "eta", "fresh")

# 5.1 How much of the noise is fresh


@check("ddim-variance", points=0.5)
def fresh_variance_is_by_bayes(subject: Subject) -> None:
    """At eta = 1 the fresh variance is that of the next x given this one and the data."""
    given: list[tuple[Any, ...]] = [(*_numbers(pair), eta) for eta in ETAS for pair in PAIRS]
    says = "eta^2 times the variance by Bayes' rule"
    expected = []
    for left, left_next, eta in given:
        right = definitions.ddim_variance(np.float64(left), np.float64(left_next), eta)
        expected.append(Expected(right.value, right.scale, says))
    shown = [dict(zip(_STEP[2:5], (a, b, np.asarray(eta)), strict=True)) for a, b, eta in given]
    answers = [scalar(answer) for answer in asked(subject, "ddim_variance", given)]
    expect_all_close(answers, expected, given=shown)


def _numbers(pair: Sequence[float]) -> list[Array]:
    return [np.asarray(value, np.float32) for value in pair]


# 5.2 One step


@check("ddim-step", points=0.75)
def ddim_step_is_that_of_the_paper(subject: Subject) -> None:
    """A step goes back to x_0 by the predicted noise, and on with old noise and fresh noise."""
    given = steps_of_each_kind()
    answers = asked(subject, "ddim_step", given)
    shown = [{**dict(zip(_STEP, each, strict=True)), "eta": np.asarray(each[4])} for each in given]
    judge_by_either(
        lambda: expect_all_close(
            answers, [definitions.ddim_step(*each) for each in given], given=shown
        ),
        lambda: expect_all_close(answers, steps_by_own_variance(subject, given), given=shown),
    )


def steps_of_each_kind() -> list[tuple[Any, ...]]:
    """Arguments of ddim_step, float32, simplest first."""
    made: list[tuple[Any, ...]] = []
    for eta in ETAS:
        for pair in PAIRS:
            for shape in ((1, 1), (3, 2), (2, 1, 2, 2)):
                x_t, noise, fresh = (
                    np.resize(np.asarray(values, np.float32), shape)
                    for values in ((1.0, -0.5, 2.0), (0.5, 1.5, -1.0, 0.25), (-1.0, 0.75, 1.25))
                )
                made.append((x_t, noise, *_numbers(pair), eta, fresh))
    return made


def steps_by_own_variance(subject: Subject, given: Sequence[tuple[Any, ...]]) -> list[Expected]:
    """What the steps lead to with the student's ddim_variance.

    Raises:
        SubjectError: there is no such function, or it returns no numbers.
        ValueError: it returns more than one number.
    """
    answers = asked(subject, "ddim_variance", [each[2:5] for each in given])
    made = []
    for each, answer in zip(given, answers, strict=True):
        right = definitions.ddim_step(*each)
        own = definitions.ddim_step(*each, variance=as_array(answer).reshape(()).item())
        assert own.scale is not None
        assert right.scale is not None
        made.append(Expected(own.value, own.scale + right.scale))
    return made


@check("ddim-step", points=0.25)
def steps_keep_the_amount_of_noise(subject: Subject) -> None:
    """Old noise and fresh noise together have the variance that the next level asks for."""
    one, zero = np.ones((1, 1), np.float32), np.zeros((1, 1), np.float32)
    for eta in ETAS:
        for pair in PAIRS[:3]:
            left, left_next = _numbers(pair)
            noisy = np.sqrt(1 - left) * one  # data at zero
            given = [
                (noisy, one, left, left_next, eta, zero),
                (zero, zero, left, left_next, eta, one),
            ]
            parts = [np.float64(as_array(a)) for a in asked(subject, "ddim_step", given)]
            expect_close(
                np.float32(parts[0] ** 2 + parts[1] ** 2),
                Expected((1 - np.float64(left_next)) * one, 8 / left * one, "1 - alpha-bar there"),
                given={"left": left, "left_next": left_next, "eta": np.asarray(eta)},
                function="ddim_step, by the variance of both noises together,",
            )


# 5.3 DDIM

SCHEDULE = np.asarray([0.9375, 0.875, 0.75, 0.5, 0.375, 0.25, 0.125, 0.0625], np.float32)
TIMESTEPS = ((8,), (1,), (8, 4), (5, 2, 1), (8, 7, 6, 5, 4, 3, 2, 1), (7, 4, 3, 1))
_RUN = ("x", "timesteps", "alphas_cumprod")


@check("ddim", points=0.5)
def ddim_follows_its_timesteps(subject: Subject) -> None:
    """Each step goes from its timestep to the next one in the list, and the last one to x_0."""
    given = ddim_runs()
    answers = asked(subject, "ddim", [(Callback(KnownNoise()), *each) for each in given])
    shown = [dict(zip(_RUN, each, strict=True)) for each in given]
    expected = _ends_of_ddim()
    judge_by_either(
        lambda: expect_all_close(answers, expected, given=shown),
        lambda: expect_all_close(
            answers,
            [
                by_own_steps(subject, KnownNoise(), *pair)
                for pair in zip(given, expected, strict=True)
            ],
            given=shown,
        ),
    )


def ddim_runs() -> list[tuple[Array, Array, Array]]:
    """Data, timesteps and a schedule, fewest steps first."""
    values = np.asarray([0.75, -1.5, 0.25, 1.25, -0.5], np.float32)
    shapes = ((1, 1), (3, 2), (2, 1, 2, 2))
    return [(np.resize(values, s), np.asarray(t), SCHEDULE) for t in TIMESTEPS for s in shapes]


@cache
def _ends_of_ddim() -> list[Expected]:
    return [expected_ddim(KnownNoise(), *each) for each in ddim_runs()]


def levels_of(timesteps: Array, left: Array) -> Array:
    """alpha-bar at each timestep and at the data."""
    return np.append(left[timesteps - 1].astype(np.float64), 1.0)


def expected_ddim(model: KnownNoise, x: Array, timesteps: Array, left: Array) -> Expected:
    """Where DDIM without fresh noise leads."""
    return expected_run(
        definitions.ddim,
        lambda at, step: model.noise(at, timesteps[step]),
        x,
        levels_of(timesteps, left),
        "where DDIM leads",
    )


def by_own_steps(
    subject: Subject, model: KnownNoise, given: tuple[Array, Array, Array], right: Expected
) -> Expected:
    """Where the student's ddim_step leads.

    Raises:
        SubjectError: there is no such function, or it returns no numbers.
    """
    x, timesteps, left = given
    stops = levels_of(timesteps, left).astype(np.float32)
    for step, t in enumerate(timesteps):
        pair = (np.asarray(stops[step]), np.asarray(stops[step + 1]))
        noise = model(x, np.asarray(t))
        (answer,) = asked(subject, "ddim_step", [(x, noise, *pair, 0.0, np.zeros_like(x))])
        x = as_array(answer).astype(np.float32)
    return like(x, right)


@check("ddim", points=0.25)
def one_point_is_found_by_ddim(subject: Subject) -> None:
    """With the exact noise of data that are one point, any timesteps lead to that point."""
    model = NoiseOfOnePoint(2.0, SCHEDULE)
    given = ddim_runs()
    answers = asked(subject, "ddim", [(Callback(model), *each) for each in given])
    shown = [dict(zip(_RUN, each, strict=True)) for each in given]
    expected = [expected_ddim(model, *each) for each in given]
    points = [
        Expected(np.full_like(right.value, 2.0), right.scale, "the only data") for right in expected
    ]
    judge_by_either(
        lambda: expect_all_close(answers, points, given=shown),
        lambda: ddim_follows_its_timesteps(subject),
    )


@check("ddim", points=0.25)
def ddim_is_repeatable(subject: Subject) -> None:
    """Nothing is drawn: the same start ends in the same place, whatever the seed."""
    expect_repeatable(subject, "ddim", KnownNoise(), *ddim_runs()[-1])
