"""Public checks of steps and of training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from assignments.gan_backprop.definitions import (
    Case,
    Network,
    cases,
    flat,
    layers_of,
    names_of,
    parts_of,
    shown,
)
from assignments.gan_backprop.gradients import of_training
from assignments.gan_backprop.own import Expectations, Own, narrow
from assignments.gan_backprop.own_training import trained, ways_of_training
from grader.checks import (
    Array,
    Expected,
    Subject,
    as_array,
    check,
    expect_all_close,
    expect_shape,
    judge_by_any,
)

RATE = 0.125
_TWO = "two networks: the generator and the discriminator"

# 4.1 One step


def _step_given(params: Network) -> tuple[Network, Network]:
    gradients = [
        np.resize(np.asarray([0.5, -1.0, 0.25, 2.0], np.float32), p.shape) for p in flat(params)
    ]
    return params, list(zip(gradients[::2], gradients[1::2], strict=True))


@check("step", points=0.75)
def step_goes_against_the_gradient(subject: Subject) -> None:
    """Every parameter moves against its gradient by the learning rate; a negative one ascends."""
    answers: list[Any] = []
    right: list[Expected] = []
    known: list[dict[str, Any]] = []
    for case in cases()[1::2]:
        params, gradients = _step_given(case.discriminator)
        for rate in (0.25, 1.0, -0.5):
            answer = subject.call("sgd_step", params, gradients, rate)
            answers += layers_of(answer, params, "sgd_step")
            for name, p, g in zip(names_of(params), flat(params), flat(gradients), strict=True):
                says = f"{name} after the step"
                right.append(Expected(p - rate * g, np.abs(p) + np.abs(rate * g), says))
                known.append({name: p, f"gradient of {name}": g, "learning_rate": np.float32(rate)})
    expect_all_close(answers, right, given=known)


@check("step", points=0.25)
def steps_back_and_forth_cancel(subject: Subject) -> None:
    """A step down and a step up along the same gradients lead back, and no step stays."""
    params, gradients = _step_given(cases()[-1].discriminator)
    for rates in ((0.5, -0.5), (0.0,)):
        there: Any = params
        for rate in rates:
            answer = layers_of(subject.call("sgd_step", there, gradients, rate), params, "sgd_step")
            arrays = [narrow(as_array(part)) for part in answer]
            there = list(zip(arrays[::2], arrays[1::2], strict=True))
        right = [Expected(p, 2 + np.abs(p), "where it began") for p in flat(params)]
        told = [
            {"learning_rate": np.float32(rates[0]), name: p}
            for name, p in zip(names_of(params), flat(params), strict=True)
        ]
        expect_all_close(flat(there), right, given=told, function=_STEPS)


_STEPS = "sgd_step, back and forth,"

# 4.2 Training


def _batches(case: Case, count: int) -> tuple[list[Array], list[Array]]:
    """Pairs of batches, each unlike the one before."""
    turns = range(count)
    return (
        [np.float32(0.5) * turn - case.x_real for turn in turns],
        [case.latents * np.float32(1 - 1.5 * turn) for turn in turns],
    )


def _trained_cases() -> list[Case]:
    # The more layers, the further rounding grows from round to round.
    return [case for case in cases() if len(case.generator) <= 2 and len(case.discriminator) <= 2]


@check("training", points=1)
def every_step_of_training_is_the_right_one(subject: Subject) -> None:
    """Each round moves first the discriminator, then the generator against the moved one."""
    judge_training(subject, _trained_cases(), (1, 2))


def judge_training(subject: Subject, given: Sequence[Case], rounds: Sequence[int]) -> None:
    """Demands both networks after training on some pairs of batches.

    Raises:
        CheckFailure: a parameter is wrong.
        SubjectError: a call failed, or returned no numbers.
    """
    for case in given:
        for count in rounds:
            real, latents = _batches(case, count)
            of_g, of_d = of_training(case, real, latents, RATE)
            answers = _answers(subject, case, real, latents)
            known = [shown(case)] * len(answers)
            right = [*of_g, *of_d]

            def judge(values: Sequence[Expected], a: Any = answers, k: Any = known) -> None:
                expect_all_close(a, values, given=k)

            judge_by_any(judge, right, _ways(subject, case, real, latents, right))


def _ways(
    subject: Subject,
    case: Case,
    real: Sequence[Array],
    latents: Sequence[Array],
    right: Expectations,
) -> Iterator[Own]:
    for way in ways_of_training(subject, case):
        yield partial(trained, case, real, latents, RATE, right, *way)


def _answers(
    subject: Subject, case: Case, real: Sequence[Array], latents: Sequence[Array]
) -> list[Any]:
    answer = subject.call(
        "train",
        case.generator,
        case.discriminator,
        list(real),
        list(latents),
        case.activation,
        RATE,
    )
    generator, discriminator = parts_of(answer, 2, "train", _TWO)
    return [
        *layers_of(generator, case.generator, "train"),
        *layers_of(discriminator, case.discriminator, "train"),
    ]


@check("training", points=0.5)
def rounds_do_not_remember(subject: Subject) -> None:
    """Two rounds at once are two rounds one after the other: nothing is kept between them."""
    for case in _trained_cases():
        real, latents = _batches(case, 2)
        at_once = _answers(subject, case, real, latents)
        middle = [narrow(as_array(p)) for p in _answers(subject, case, real[:1], latents[:1])]
        for part, parameter in zip(middle, _parameters(case), strict=True):
            expect_shape(part, parameter.shape)
        layers = list(zip(middle[::2], middle[1::2], strict=True))
        cut = len(case.generator)
        between = case._replace(generator=layers[:cut], discriminator=layers[cut:])
        in_turn = [as_array(part) for part in _answers(subject, between, real[1:], latents[1:])]
        of_g, of_d = of_training(case, real, latents, RATE)
        right = [
            Expected(part, each.scale, "what two separate rounds lead to")
            for part, each in zip(in_turn, [*of_g, *of_d], strict=True)
        ]
        whose = "train, on two pairs of batches at once,"
        expect_all_close(at_once, right, given=[shown(case)] * len(right), function=whose)


def _parameters(case: Case) -> list[Array]:
    return [*flat(case.generator), *flat(case.discriminator)]
