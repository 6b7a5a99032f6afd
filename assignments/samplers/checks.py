"""Public checks of samplers: each decides by definition, so students may have them.

Nothing of the reference is used. Scores are derivatives of log-densities, methods are written out
in `definitions.py`, orders are measured against a trajectory in closed form, and laws of samples
are known exactly. This file has levels, scores, Euler's method and guidance; the files that it
imports from have the other samplers.
"""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import numpy as np

from assignments.samplers.ancestral_checks import (
    ancestral_law_is_exact,
    ancestral_run_keeps_its_law,
    ancestral_sampling_ends_at_the_data,
    generator_decides_the_noise,
    next_level_is_split_by_bayes,
    parts_of_a_level_add_up,
)
from assignments.samplers.ddim_checks import (
    ddim_follows_its_timesteps,
    ddim_is_repeatable,
    ddim_step_is_that_of_the_paper,
    fresh_variance_is_by_bayes,
    one_point_is_found_by_ddim,
    steps_keep_the_amount_of_noise,
)
from assignments.samplers.definitions import euler, starts
from assignments.samplers.judging import (
    RUN,
    asked,
    expect_order,
    expect_repeatable,
    judge_by_either,
    numbers,
    run_at,
)
from assignments.samplers.known_data import GaussianData, KnownData
from assignments.samplers.multistep_checks import (
    multistep_has_order_two,
    multistep_is_repeatable,
    multistep_weighs_its_slopes,
    solver_extrapolates,
    solver_has_order_two,
    solver_is_repeatable,
    weights_are_integrals,
    weights_of_constant_slopes,
)
from grader.checks import (
    Array,
    Callback,
    Expected,
    Handle,
    Subject,
    as_array,
    check,
    expect,
    expect_all_close,
    expect_close,
    expect_decreasing,
    expect_shape,
    like,
)

__all__ = [
    "ancestral_law_is_exact",
    "ancestral_run_keeps_its_law",
    "ancestral_sampling_ends_at_the_data",
    "ddim_follows_its_timesteps",
    "ddim_is_repeatable",
    "ddim_step_is_that_of_the_paper",
    "fresh_variance_is_by_bayes",
    "generator_decides_the_noise",
    "multistep_has_order_two",
    "multistep_is_repeatable",
    "multistep_weighs_its_slopes",
    "next_level_is_split_by_bayes",
    "one_point_is_found_by_ddim",
    "parts_of_a_level_add_up",
    "solver_extrapolates",
    "solver_has_order_two",
    "solver_is_repeatable",
    "steps_keep_the_amount_of_noise",
    "weights_are_integrals",
    "weights_of_constant_slopes",
]

# 1.1 The score


@check("score", points=0.5)
def score_is_the_slope_of_the_log_density(subject: Subject) -> None:
    """The score is the derivative of the log-density of the noised data."""
    data = (GaussianData(0.0, 1.0), GaussianData(0.5, 0.25), KnownData())
    given, expected = [], []
    for each in data:
        for x, sigmas in starts()[:9]:
            sigma = sigmas[0] / np.float32(2)
            wide, level = x.astype(np.float64), np.float64(sigma)
            size = (np.abs(wide) + np.abs(each.denoised(wide, level))) / level**2
            says = "the derivative of the log-density"
            given.append((Callback(each), x, np.asarray(sigma)))
            expected.append(Expected(each.log_density_slope(wide, level), size, says))
    shown = [{"x": x, "sigma": sigma} for _, x, sigma in given]
    expect_all_close(asked(subject, "score", given), expected, given=shown)


# 1.2 Noise levels

SCHEDULES = ((2, 0.5, 2.0), (3, 1.0, 4.0, 1.0), (5, 0.25, 8.0, 2.0), (6, 0.125, 4.0), (11, 0.5, 16))


@check("levels", points=0.5)
def roots_fall_in_equal_steps(subject: Subject) -> None:
    """The rho-th roots of the levels fall in equal steps, from the largest to the smallest."""
    answers = list(map(numbers, subject.map("karras_sigmas", SCHEDULES)))
    expected = [expected_levels(*schedule) for schedule in SCHEDULES]
    expect_all_close(answers, expected, given=[_shown(*schedule) for schedule in SCHEDULES])


@check("levels", points=0.25)
def levels_run_from_noise_to_data(subject: Subject) -> None:
    """N steps take N + 1 levels: they fall from sigma_max by way of sigma_min to zero."""
    for steps, low, high, *rho in SCHEDULES:
        levels = as_array(numbers(subject.call("karras_sigmas", steps, low, high, *rho)))
        expect_shape(levels, (steps + 1,))
        expect_decreasing(levels)
        ends = np.asarray([levels[0], levels[-2], levels[-1]])
        right = Expected(np.asarray([high, low, 0.0]), _size(low, high, *rho))
        says = "Your first level, your last one above zero, and the very last are not as asked for."
        expect_close(ends, right, given=_shown(steps, low, high, *rho), message=says)


def expected_levels(steps: int, low: float, high: float, rho: float = 7.0) -> Expected:
    """Levels whose rho-th roots are equally far apart, and zero."""
    roots = np.linspace(high ** (1 / rho), low ** (1 / rho), steps)
    says = "the levels whose roots are equally far apart"
    return Expected(np.append(roots**rho, 0.0), _size(low, high, rho), says)


def _size(low: float, high: float, rho: float = 7.0) -> Array:
    # A power of rho makes relative errors of a root rho times as large.
    del low
    return np.asarray((1 + rho) * high)


def _shown(steps: int, low: float, high: float, rho: float = 7.0) -> dict[str, Any]:
    # torch's default precision is enough for a schedule, whatever its answer is widened to.
    values = {"sigma_min": low, "sigma_max": high, "rho": rho}
    return {"steps": np.asarray(steps)} | {k: np.asarray(v, np.float32) for k, v in values.items()}


# 2.1 Euler


@check("euler", points=1)
def euler_follows_the_slope(subject: Subject) -> None:
    """Every step goes straight along the slope at the present level, to the next one."""
    given = [(Callback(KnownData()), *start) for start in starts()]
    shown = [dict(zip(RUN, start, strict=True)) for start in starts()]
    expect_all_close(asked(subject, "euler", given), _ends_of_euler(), given=shown)


@cache
def _ends_of_euler() -> list[Expected]:
    says = "where straight lines along the slopes lead"
    return [run_at(KnownData(), euler, *start, says) for start in starts()]


@check("euler", points=0.25)
def euler_is_repeatable(subject: Subject) -> None:
    """Nothing is drawn: the same start ends in the same place, whatever the seed."""
    expect_repeatable(subject, "euler", KnownData(), *starts()[-1])


@check("euler", points=0.75)
def euler_has_order_one(subject: Subject) -> None:
    """With twice as many steps the error is half as large."""
    expect_order(subject, "euler", 1)


# 6.1 Guidance

_PREDICTIONS = (
    ([[0.0]], [[1.0]]),
    ([[0.75, -1.5]], [[-0.5, 0.25]]),
    ([[[1.25], [-0.5]], [[2.0], [0.125]]], [[[-1.0], [0.75]], [[3.0], [1.0]]]),
)
PROMPTS: list[tuple[Array, Array]] = [
    (np.asarray(negative, np.float32), np.asarray(positive, np.float32))
    for negative, positive in _PREDICTIONS
]
SCALES = (0.0, 1.0, 0.5, 2.0, 7.5, -1.0)
_GUIDANCE = ("negative", "positive", "scale")


@check("guidance", points=0.5)
def guidance_goes_along_a_line(subject: Subject) -> None:
    """The scale moves the prediction along the line from the negative prompt's to the other's."""
    given = [(*prompts, scale) for prompts in PROMPTS for scale in SCALES]
    expected = [along_the_line(*each) for each in given]
    shown = [dict(zip(_GUIDANCE, (n, p, np.asarray(s)), strict=True)) for n, p, s in given]
    expect_all_close(asked(subject, "guided_noise", given), expected, given=shown)


@check("guidance", points=0.25)
def equal_prompts_need_no_scale(subject: Subject) -> None:
    """Where both prompts predict the same, the scale changes nothing."""
    given = [(same, same, scale) for _, same in PROMPTS for scale in SCALES]
    expected = [
        Expected(same, (1 + 2 * abs(scale)) * np.abs(same), "what both prompts predict")
        for _, same, scale in given
    ]
    shown = [dict(zip(_GUIDANCE, (n, p, np.asarray(s)), strict=True)) for n, p, s in given]
    expect_all_close(asked(subject, "guided_noise", given), expected, given=shown)


def along_the_line(negative: Array, positive: Array, scale: float) -> Expected:
    """The negative prompt's prediction at 0, the prompt's at 1, and the line through both."""
    terms = [negative, scale * positive.astype(np.float64), -scale * negative.astype(np.float64)]
    says = "the point of the line through both predictions"
    return Expected.of_terms([part.astype(np.float64) for part in terms], axis=None, says=says)


# 6.2 A guided model


@check("guided", points=0.5)
def guided_model_asks_both_prompts(subject: Subject) -> None:
    """A guided model asks both models at the same x and time, and puts their answers together."""
    positive, negative = KnownData(), GaussianData(-0.5, 0.5)
    for scale in SCALES:
        for x, sigmas in starts()[:3]:
            wide, sigma = x.astype(np.float64), np.float64(sigmas[0])
            apart, near = (
                each.denoised(wide, sigma).astype(np.float32) for each in (negative, positive)
            )
            model = guided_model(subject, positive, negative, scale)
            answer = subject.call(model, x, np.asarray(sigmas[0]))
            given = {"x": x, "scale": np.asarray(scale)}
            judge_by_either(
                partial(expect_close, answer, along_the_line(apart, near, scale), given=given),
                partial(expect_own_guidance, subject, answer, apart, near, scale),
            )


def guided_model(subject: Subject, positive: Any, negative: Any, scale: float) -> Handle:
    """The student's guided model.

    Raises:
        CheckFailure: what is returned cannot be called.
    """
    model = subject.call("guided", Callback(positive), Callback(negative), scale)
    expect(
        isinstance(model, Handle),
        "Your guided should return a model: something to call with x and a time.",
    )
    assert isinstance(model, Handle)
    return model


def expect_own_guidance(
    subject: Subject, answer: Any, negative: Array, positive: Array, scale: float
) -> None:
    """Demands what the student's guided_noise makes of the two predictions."""
    value = as_array(subject.call("guided_noise", negative, positive, scale))
    right = along_the_line(negative, positive, scale)
    expect_close(answer, like(value, right))
