"""Public checks of whole networks: the way back, both players' gradients, steps and training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from assignments.gan_backprop.definitions import (
    LOSSES,
    Case,
    Network,
    cases,
    flat,
    layers_of,
    logits,
    loss_of_generator,
    names_of,
    objective,
    parts_of,
    shown,
    wide,
    widened,
)
from assignments.gan_backprop.gradients import (
    of_back_propagation,
    of_discriminator,
    of_generator,
    outputs,
)
from assignments.gan_backprop.own import (
    backward_of_own_slopes,
    discriminators,
    generators,
    ways_of_players,
)
from grader.checks import (
    Array,
    CheckFailure,
    Expected,
    Subject,
    as_array,
    check,
    expect,
    expect_all_close,
    expect_close,
    expect_shape,
    judge_by_any,
    like,
)
from grader.errors import SubjectError

# 2.3 The way back


def _delta(case: Case) -> Array:
    return np.resize(np.asarray([1.0, -0.5, 0.25], np.float32), (len(case.x_real), 1))


@check("backward", points=1.5)
def gradients_reach_every_layer_and_the_input(subject: Subject) -> None:
    """From the gradient at the output follow those of every weight, every bias, and the input."""
    judge_backward(subject, cases(), [_delta(case) for case in cases()])


def judge_backward(subject: Subject, given: Sequence[Case], deltas: Sequence[Array]) -> None:
    """Demands the gradients of all discriminators, from these gradients at their outputs.

    Raises:
        CheckFailure: one is wrong.
        SubjectError: a call failed, or returned no numbers.
    """
    inputs = [
        (case.discriminator, case.x_real, delta, case.activation)
        for case, delta in zip(given, deltas, strict=True)
    ]
    answers: list[Any] = []
    right: list[Expected] = []
    for each, answer in zip(inputs, subject.map("back_propagate", inputs), strict=True):
        layers, of_input = parts_of(answer, 2, "back_propagate", _BACK)
        answers += [*layers_of(layers, each[0], "back_propagate"), of_input]
        right += of_back_propagation(*each)
    known = [_network(case) | {"x": case.x_real} for case in given]
    repeated = [each for case, each in zip(given, known, strict=True) for _ in _parts(case)]

    def own() -> list[Expected]:
        found = [part for each in inputs for part in backward_of_own_slopes(subject, *each)]
        return [like(value, each) for value, each in zip(found, right, strict=True)]

    judge_by_any(lambda values: expect_all_close(answers, values, given=repeated), right, [own])


_BACK = "two things: the gradients of all layers, and that of x"


def _network(case: Case) -> dict[str, Array]:
    parameters = zip(names_of(case.discriminator), flat(case.discriminator), strict=True)
    return {str(name): np.asarray(part) for name, part in parameters}


def _parts(case: Case) -> range:
    return range(2 * len(case.discriminator) + 1)


@check("backward", points=0.75)
def gradients_predict_what_a_nudge_does(subject: Subject) -> None:
    """Whatever direction the parameters are moved in, your gradients tell how the output moves."""
    for case in cases()[3:8]:
        given = (case.discriminator, case.x_real, _delta(case), case.activation)
        layers, _ = parts_of(subject.call("back_propagate", *given), 2, "back_propagate", _BACK)
        found = [as_array(part) for part in layers_of(layers, case.discriminator, "back_propagate")]
        for part, parameter in zip(found, flat(case.discriminator), strict=True):
            expect_shape(part, parameter.shape)
        way = [np.resize([1.0, -2.0, 0.5, 1.5, -1.0], p.shape) for p in flat(case.discriminator)]
        slope = sum(float(np.sum(g * v)) for g, v in zip(found, way, strict=True))
        right = of_back_propagation(*given)
        sizes = sum(float(np.sum(e.scale * np.abs(v))) for e, v in zip(right, way, strict=False))
        nudged = _change(case, way)

        def judge(values: Sequence[Expected], slope: float = slope, case: Case = case) -> None:
            whose = "back_propagate, summed over a direction of all parameters,"
            expect_close(slope, values[0], given=_network(case), function=whose)

        def own(given: Any = given, way: Any = way, sizes: float = sizes) -> list[Expected]:
            parts = backward_of_own_slopes(subject, *given)
            total = sum(float(np.sum(g * v)) for g, v in zip(parts, way, strict=False))
            return [Expected(np.asarray(total), np.asarray(sizes + abs(total)))]

        says = "the change of the output's weighted sum, per unit of a small move that way"
        judge_by_any(judge, [Expected(np.asarray(nudged), np.asarray(sizes), says)], [own])


def _change(case: Case, way: Sequence[Array]) -> float:
    """Derivative along a direction by differences of two step lengths, which cancel h^2."""

    def at(step: float) -> float:
        parts = [p + step * v for p, v in zip(flat(case.discriminator), way, strict=True)]
        params = list(zip(parts[::2], parts[1::2], strict=True))
        return float(np.sum(_delta(case) * outputs(params, case.x_real, case.activation)))

    # Errors: h^4 times a fifth derivative, below 1e-9, and rounding over h, below 1e-12.
    h = 1e-3
    return (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)


# 3.1 The discriminator


@check("discriminator", points=1.25)
def discriminator_gradients_are_those_of_the_objective(subject: Subject) -> None:
    """The gradients of the objective, which holds a mean over real and one over generated ones."""
    judge_discriminator(subject, cases())


def judge_discriminator(subject: Subject, given: Sequence[Case]) -> None:
    """Demands the discriminator's gradients of all cases.

    Raises:
        CheckFailure: one is wrong.
        SubjectError: a call failed, or returned no numbers.
    """
    function = "discriminator_gradients"
    inputs = [case.of_discriminator for case in given]
    answers = _flat_answers(subject, function, inputs)
    right = [part for each in inputs for part in of_discriminator(*each)]
    known = [_network(case) | {"x_real": case.x_real, "x_fake": case.x_fake} for case in given]
    repeated = [k for case, k in zip(given, known, strict=True) for _ in flat(case.discriminator)]
    judge_by_any(
        lambda values: expect_all_close(answers, values, given=repeated),
        right,
        (partial(discriminators, inputs, right, *way) for way in ways_of_players(subject)),
    )


def _flat_answers(subject: Subject, function: str, inputs: Sequence[Any]) -> list[Any]:
    return [
        part
        for each, answer in zip(inputs, subject.map(function, inputs), strict=True)
        for part in layers_of(answer, each[0], function)
    ]


@check("discriminator", points=0.5)
def small_step_raises_the_objective(subject: Subject) -> None:
    """A small step along your gradients raises the objective."""
    _or_else(lambda: _every_step_raises(subject), lambda: judge_discriminator(subject, cases()))


def _every_step_raises(subject: Subject) -> None:
    for case in cases():
        answer = subject.call("discriminator_gradients", *case.of_discriminator)
        moved = _stepped(answer, case.discriminator, "discriminator_gradients", 1.0)
        before, after = (_objective(params, case) for params in (case.discriminator, moved))
        expect(
            after > before,
            "A small step along your discriminator_gradients takes the objective from "
            f"{before:.8g} to {after:.8g}.",
            **shown(case),
        )


def _or_else(judge: Callable[[], None], values: Callable[[], None]) -> None:
    """Judges; gradients that fail but follow from the student's own functions have cost already.

    Raises:
        CheckFailure: the first judgement's, where the second fails, too.
    """
    try:
        judge()
    except CheckFailure as failure:
        try:
            values()
        except (CheckFailure, SubjectError):
            raise failure from None


def _stepped(answer: Any, params: Network, function: str, sign: float) -> Network:
    """The network moved a length of 1e-4 along an answer, in float64."""
    found = [as_array(part, function) for part in layers_of(answer, params, function)]
    for part, parameter in zip(found, flat(params), strict=True):
        expect_shape(part, parameter.shape)
    length = np.sqrt(sum(np.sum(part.astype(np.float64) ** 2) for part in found))
    expect(length > 0, f"What your {function} returned has no direction: it is zero, or NaN.")
    step = sign * 1e-4 / length
    parts = [p + step * part for p, part in zip(flat(params), found, strict=True)]
    return list(zip(parts[::2], parts[1::2], strict=True))


def _objective(params: Network, case: Case) -> float:
    real, fake = (
        logits(wide(params), widened(x), case.activation) for x in (case.x_real, case.x_fake)
    )
    return float(objective(real, fake))


# 3.2 The generator


@check("generator", points=1.25)
def generator_gradients_are_those_of_its_loss(subject: Subject) -> None:
    """The gradients of either loss, through the discriminator and into the generator."""
    judge_generator(subject, cases())


def judge_generator(subject: Subject, given: Sequence[Case]) -> None:
    """Demands the generator's gradients of all cases, for both losses.

    Raises:
        CheckFailure: one is wrong.
        SubjectError: a call failed, or returned no numbers.
    """
    inputs = [(*case.of_generator, loss) for case in given for loss in LOSSES]
    answers = _flat_answers(subject, "generator_gradients", inputs)
    right = [part for each in inputs for part in of_generator(*each)]
    known = [shown(case) for case in given for _ in LOSSES]
    repeated = [k for each, k in zip(inputs, known, strict=True) for _ in flat(each[0])]
    judge_by_any(
        lambda values: expect_all_close(answers, values, given=repeated),
        right,
        (partial(generators, inputs, right, *way) for way in ways_of_players(subject)),
    )


@check("generator", points=0.5)
def small_step_fools_the_discriminator_more(subject: Subject) -> None:
    """A small step against your gradients lowers the loss that they belong to."""
    _or_else(lambda: _every_step_lowers(subject), lambda: judge_generator(subject, cases()))


def _every_step_lowers(subject: Subject) -> None:
    for case in cases():
        for loss in LOSSES:
            answer = subject.call("generator_gradients", *case.of_generator, loss)
            moved = _stepped(answer, case.generator, "generator_gradients", -1.0)
            before, after = (_loss(params, case, loss) for params in (case.generator, moved))
            expect(
                after < before,
                f"A small step against your generator_gradients takes the {loss} loss from "
                f"{before:.8g} to {after:.8g}.",
                **shown(case),
            )


def _loss(params: Network, case: Case, loss: str) -> float:
    samples = logits(wide(params), widened(case.latents), case.activation)
    z = logits(wide(case.discriminator), samples, case.activation)
    return float(loss_of_generator(z, loss))
