"""Answers that follow from a student's own earlier functions, so that a mistake costs once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from typing import Any, TypeAlias

import numpy as np

from assignments.gan_backprop.definitions import (
    ACTIVATIONS,
    Network,
    cases,
    layers_of,
    parts_of,
    pre_activations,
    wide,
    widened,
)
from assignments.gan_backprop.gradients import (
    of_back_propagation,
    outputs,
)
from grader.checks import Array, CheckFailure, Expected, Subject, as_array, like
from grader.errors import SubjectError

Expectations: TypeAlias = Sequence[Expected]
Own: TypeAlias = Callable[[], Expectations]
Deltas: TypeAlias = Callable[[Array, Array], tuple[Array, Array]]
Backward: TypeAlias = Callable[[Network, Array, Array, str], list[Array]]


def narrow(array: Array) -> Array:
    """In the precision that a student is given."""
    return array.astype(np.float32)


def narrowed(params: Network) -> Network:
    """A network in the precision that a student is given."""
    return [(narrow(weight), narrow(bias)) for weight, bias in params]


# The gradients at the output, rightly and by the student's own functions.


def right_deltas(z_real: Array, z_fake: Array) -> tuple[Array, Array]:
    """1 - D(x) over B on real, -D(G(z)) over B' on generated examples."""
    p_real, p_fake = (1 / (1 + np.exp(-z)) for z in (z_real, z_fake))
    return (1 - p_real) / len(p_real), -p_fake / len(p_fake)


def own_deltas(subject: Subject, z_real: Array, z_fake: Array) -> tuple[Array, Array]:
    """What the student's output_gradients gives."""
    answer = subject.call("output_gradients", narrow(z_real), narrow(z_fake))
    return _two(answer, "output_gradients", z_real, z_fake)


def deltas_of_own_probabilities(
    subject: Subject, z_real: Array, z_fake: Array
) -> tuple[Array, Array]:
    """What the student's probability_gradients gives, times the slope of the sigmoid."""
    p_real, p_fake = (1 / (1 + np.exp(-z)) for z in (z_real, z_fake))
    answer = subject.call("probability_gradients", narrow(p_real), narrow(p_fake))
    real, fake = _two(answer, "probability_gradients", z_real, z_fake)
    return real * p_real * (1 - p_real), fake * p_fake * (1 - p_fake)


def _two(answer: object, function: str, z_real: Array, z_fake: Array) -> tuple[Array, Array]:
    parts = parts_of(answer, 2, function, "two tensors")
    real, fake = (as_array(part).astype(np.float64) for part in parts)
    if real.shape != z_real.shape or fake.shape != z_fake.shape:
        raise ValueError("not of the shape of the logits")
    return real, fake


# The way back, rightly and by the student's own functions.


def right_backward(params: Network, x: Array, delta: Array, activation: str) -> list[Array]:
    """Gradients of the parameters, and last that of the input."""
    return [each.value for each in of_back_propagation(params, x, delta, activation)]


def own_backward(
    subject: Subject, params: Network, x: Array, delta: Array, activation: str
) -> list[Array]:
    """What the student's back_propagate gives."""
    answer = subject.call("back_propagate", narrowed(params), narrow(x), narrow(delta), activation)
    layers, of_input = parts_of(answer, 2, "back_propagate", "gradients and that of x")
    parts = [*layers_of(layers, params, "back_propagate"), of_input]
    return [as_array(part).astype(np.float64) for part in parts]


def backward_of_own_slopes(
    subject: Subject, params: Network, x: Array, delta: Array, activation: str
) -> list[Array]:
    """The recursion with the student's activation_derivative."""
    zs = pre_activations(wide(params), widened(x), activation)
    read = [x.astype(np.float64), *(ACTIVATIONS[activation](z).numpy() for z in zs[:-1])]
    given = [(narrow(z.numpy()), activation) for z in zs[:-1]]
    slopes = [as_array(answer) for answer in subject.map("activation_derivative", given)]
    found: list[Array] = []
    for index in reversed(range(len(params))):
        found = [delta.T @ read[index], delta.sum(axis=0), *found]
        delta = delta @ params[index][0]
        if index > 0:
            delta = delta * slopes[index - 1]
    return [*found, delta]


def ways_of_players(subject: Subject) -> list[tuple[Deltas, Backward]]:
    """Every combination of right functions and of own ones that are wrong in themselves."""
    probes = [case for case in cases() if len(case.discriminator) > 1]
    z = np.asarray([[1.5], [-0.5]]), np.asarray([[0.25], [-1.0]])
    of_deltas = [partial(own_deltas, subject), partial(deltas_of_own_probabilities, subject)]
    of_backward = [partial(own_backward, subject), partial(backward_of_own_slopes, subject)]
    given = [(c.discriminator, c.x_real, np.ones((len(c.x_real), 1)), c.activation) for c in probes]
    deltas: list[Deltas] = [
        right_deltas,
        *(own for own in of_deltas if differs(own, right_deltas, [z])),
    ]
    backwards: list[Backward] = [
        right_backward,
        *(own for own in of_backward if differs(own, right_backward, given)),
    ]
    return list(product(deltas, backwards))[1:]


def differs(
    own: Callable[..., Any], right: Callable[..., Any], given: Sequence[Sequence[Any]]
) -> bool:
    """Whether a student's function is there, and wrong; a right one explains nothing."""
    try:
        pairs = [pair for each in given for pair in zip(own(*each), right(*each), strict=True)]
    except (CheckFailure, SubjectError, ValueError):
        return False
    return not all(a.shape == b.shape and np.allclose(a, b, rtol=1e-3) for a, b in pairs)


def discriminators(
    given: Sequence[tuple[Network, Array, Array, str]],
    right: Expectations,
    deltas: Deltas,
    backward: Backward,
) -> Expectations:
    """The discriminator's gradients for every input, built of these functions."""
    found: list[Array] = []
    for params, x_real, x_fake, activation in given:
        slopes = deltas(*(outputs(params, x, activation) for x in (x_real, x_fake)))
        real, fake = (
            backward(params, x, delta, activation)[:-1]
            for x, delta in zip((x_real, x_fake), slopes, strict=True)
        )
        found += [a + b for a, b in zip(real, fake, strict=True)]
    return [like(value, each) for value, each in zip(found, right, strict=True)]


def generators(
    given: Sequence[tuple[Network, Network, Array, str, str]],
    right: Expectations,
    deltas: Deltas,
    backward: Backward,
) -> Expectations:
    """The generator's gradients for every input, built of these functions."""
    found: list[Array] = []
    for generator, discriminator, latents, activation, loss in given:
        samples = outputs(generator, latents, activation)
        z = outputs(discriminator, samples, activation)
        of_real, of_fake = deltas(z, z)
        delta = of_fake if loss == "saturating" else -of_real
        of_samples = backward(discriminator, samples, delta, activation)[-1]
        found += backward(generator, latents, of_samples, activation)[:-1]
    return [like(value, each) for value, each in zip(found, right, strict=True)]
