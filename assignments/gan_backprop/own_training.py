"""Training that follows from a student's own gradients and steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from typing import Any, TypeAlias

import numpy as np

from assignments.gan_backprop.definitions import Case, Network, flat, layers_of
from assignments.gan_backprop.gradients import of_discriminator, of_generator, outputs
from assignments.gan_backprop.own import Expectations, differs, narrow, narrowed
from grader.checks import Array, Subject, as_array, like

Players: TypeAlias = tuple[Callable[..., list[Array]], Callable[..., list[Array]]]
Step: TypeAlias = Callable[[Network, list[Array], float], Network]


def trained(
    case: Case,
    real: Sequence[Array],
    latents: Sequence[Array],
    rate: float,
    right: Expectations,
    players: Players,
    step: Step,
) -> Expectations:
    """Generator and discriminator after training that is built of these functions."""
    generator, discriminator = case.generator, case.discriminator
    ascends, descends = players
    for x_real, z in zip(real, latents, strict=True):
        x_fake = outputs(generator, z, case.activation)
        ascent = ascends(discriminator, x_real, x_fake, case.activation)
        discriminator = step(discriminator, ascent, -rate)
        descent = descends(generator, discriminator, z, case.activation, "non-saturating")
        generator = step(generator, descent, rate)
    found = [*flat(generator), *flat(discriminator)]
    return [like(value, each) for value, each in zip(found, right, strict=True)]


def _right_discriminator(*given: Any) -> list[Array]:
    return [each.value for each in of_discriminator(*given)]


def _right_generator(*given: Any) -> list[Array]:
    return [each.value for each in of_generator(*given)]


def _right_step(params: Network, gradients: list[Array], rate: float) -> Network:
    parts = [part - rate * each for part, each in zip(flat(params), gradients, strict=True)]
    return list(zip(parts[::2], parts[1::2], strict=True))


def _own_gradients(function: str, subject: Subject, *given: Any) -> list[Array]:
    plain = [
        narrowed(part)
        if isinstance(part, list)
        else part
        if isinstance(part, str)
        else narrow(part)
        for part in given
    ]
    answer = subject.call(function, *plain)
    return [as_array(part).astype(np.float64) for part in layers_of(answer, given[0], function)]


def _own_step(subject: Subject, params: Network, gradients: list[Array], rate: float) -> Network:
    paired = list(zip(gradients[::2], gradients[1::2], strict=True))
    answer = subject.call("sgd_step", narrowed(params), narrowed(paired), rate)
    parts = [as_array(part).astype(np.float64) for part in layers_of(answer, params, "sgd_step")]
    return list(zip(parts[::2], parts[1::2], strict=True))


def ways_of_training(subject: Subject, case: Case) -> list[tuple[Players, Step]]:
    """Every combination of right functions and of own ones that are wrong in themselves."""
    ascents = _usable(
        _right_discriminator,
        partial(_own_gradients, "discriminator_gradients", subject),
        case.of_discriminator,
    )
    descents = _usable(
        _right_generator,
        partial(_own_gradients, "generator_gradients", subject),
        (*case.of_generator, "non-saturating"),
    )
    # Of several sizes and signs, so that normalised gradients and their signs differ from them.
    one = [(np.ones((2, 1)), np.ones(2))]
    gradients = [np.asarray([[0.5], [-2.0]]), np.asarray([3.0, -0.25])]
    steps = [_right_step]
    if differs(
        lambda *g: flat(_own_step(subject, *g)),
        lambda *g: flat(_right_step(*g)),
        [(one, gradients, rate) for rate in (0.5, -0.5)],
    ):
        steps.append(partial(_own_step, subject))
    return [((up, down), step) for up, down, step in product(ascents, descents, steps)][1:]


def _usable(
    right: Callable[..., list[Array]], own: Callable[..., list[Array]], probe: Sequence[Any]
) -> list[Callable[..., list[Array]]]:
    return [right, own] if differs(own, right, [probe]) else [right]
