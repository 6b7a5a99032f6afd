"""Hidden checks of the GAN: random architectures, activations and batches.

Inputs are float32, so that whatever precision a solution keeps its intermediate numbers in, it
is judged in that of its inputs; the reference works on the same numbers in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from assignments.gan_backprop.checks import (
    as_floating,
    of_logits,
    of_probabilities,
    scalar,
    sizes_of_logs,
    slope,
)
from assignments.gan_backprop.definitions import (
    ACTIVATIONS,
    LOSSES,
    parts_of,
    random_cases,
    widened,
)
from assignments.gan_backprop.network_checks import (
    judge_backward,
    judge_discriminator,
    judge_generator,
)
from assignments.gan_backprop.own import deltas_of_own_probabilities
from assignments.gan_backprop.training_checks import judge_training
from grader.checks import (
    Array,
    Expected,
    Subject,
    check,
    expect_all_close,
    expect_close,
    judge_by_any,
    like,
)
from reference import gan, gan_losses

_COUNT = 12
# They take names that are known here as plain text.
_SLOPE: Any = gan.activation_derivative
_LOSS: Any = gan_losses.generator_loss


def _drawn(seed: int) -> list[tuple[Array, Array]]:
    """Logits of real and of generated examples, in batches of two sizes."""
    rng = np.random.default_rng(seed)
    return [
        (_column(rng, real), _column(rng, fake)) for real, fake in ((7, 5), (3, 8), (1, 4), (6, 2))
    ]


def _column(rng: np.random.Generator, size: int) -> Array:
    return rng.normal(0, 2, (size, 1)).astype(np.float32)


@check("slope", points=0.25)
def slope_agrees_at_random_points(subject: Subject, seed: Callable[[str], int]) -> None:
    """The slope is right on tensors of one, two and three axes."""
    rng = np.random.default_rng(seed("points"))
    for shape in ((9,), (4, 5), (2, 3, 4)):
        z = rng.normal(0, 2, shape).astype(np.float32)
        z += np.copysign(np.float32(1e-3), z)  # off the kink
        for name in ACTIVATIONS:
            value = _SLOPE(widened(z), name).numpy()
            right = Expected(value, slope(z, name).scale)
            answer = as_floating(subject.call("activation_derivative", z, name))
            expect_close(answer, right, given={"z": z})


@check("objective", points=0.5)
def objective_agrees_on_batches_of_two_sizes(subject: Subject, seed: Callable[[str], int]) -> None:
    """The objective is right where there are more real examples than generated ones, or fewer."""
    given = _drawn(seed("logits"))
    expected = [
        Expected(
            gan_losses.discriminator_objective(widened(real), widened(fake)).numpy(),
            sizes_of_logs(real).mean() + sizes_of_logs(-fake).mean(),
        )
        for real, fake in given
    ]
    answers = map(scalar, subject.map("discriminator_objective", given))
    expect_all_close(list(answers), expected, given=given)


@check("generator-loss", points=0.5)
def loss_of_the_generator_agrees_on_batches(subject: Subject, seed: Callable[[str], int]) -> None:
    """Both losses are right on batches of random logits."""
    given = [(fake, loss) for _, fake in _drawn(seed("logits")) for loss in LOSSES]
    expected = []
    for fake, loss in given:
        value = _LOSS(widened(fake), loss).numpy()
        size = sizes_of_logs(-fake if loss == "saturating" else fake).mean()
        expected.append(Expected(value, size))
    answers = map(scalar, subject.map("generator_loss", given))
    expect_all_close(list(answers), expected, given=[{"z_fake": fake} for fake, _ in given])


@check("probability", points=0.25)
def gradients_of_probabilities_agree(subject: Subject, seed: Callable[[str], int]) -> None:
    """The slopes in the probabilities are right for batches of two sizes."""
    rng = np.random.default_rng(seed("probabilities"))
    given = tuple(rng.uniform(0.05, 0.95, (n, 1)).astype(np.float32) for n in (7, 5))
    found = gan_losses.probability_gradients(*map(widened, given))
    answers = _two(subject, "probability_gradients", given)
    for answer, value, each in zip(answers, found, of_probabilities(*given), strict=True):
        expect_close(answer, Expected(value.numpy(), each.scale), given=given)


@check("output", points=0.5)
def gradients_of_logits_agree(subject: Subject, seed: Callable[[str], int]) -> None:
    """The slopes in the logits are right for batches of two sizes."""
    given = _drawn(seed("logits"))[0]
    answers = _two(subject, "output_gradients", given)
    right = [
        Expected(value.numpy(), each.scale)
        for value, each in zip(
            gan_losses.output_gradients(*map(widened, given)), of_logits(*given), strict=True
        )
    ]

    def own() -> list[Expected]:
        found = deltas_of_own_probabilities(subject, given[0].astype(np.float64), given[1])
        return [like(value, each) for value, each in zip(found, right, strict=True)]

    judge_by_any(
        lambda values: expect_all_close(answers, values, given=[given, given]), right, [own]
    )


def _two(subject: Subject, function: str, given: tuple[Array, ...]) -> list[Any]:
    return parts_of(subject.call(function, *given), 2, function, "two tensors")


@check("backward", points=0.75)
def gradients_agree_on_random_networks(subject: Subject, seed: Callable[[str], int]) -> None:
    """The way back is right for networks of random depth, width and activation."""
    given = random_cases(seed("networks"), _COUNT)
    rng = np.random.default_rng(seed("deltas"))
    deltas = [rng.normal(0, 1, (len(case.x_real), 1)).astype(np.float32) for case in given]
    judge_backward(subject, given, deltas)


@check("discriminator", points=0.75)
def discriminators_agree_on_random_networks(subject: Subject, seed: Callable[[str], int]) -> None:
    """The discriminator's gradients are right for random networks and batches."""
    judge_discriminator(subject, random_cases(seed("networks"), _COUNT))


@check("generator", points=0.75)
def generators_agree_on_random_networks(subject: Subject, seed: Callable[[str], int]) -> None:
    """The generator's gradients are right for random pairs of networks."""
    judge_generator(subject, random_cases(seed("networks"), _COUNT))


@check("training", points=0.5)
def training_agrees_on_random_networks(subject: Subject, seed: Callable[[str], int]) -> None:
    """Two rounds of training are right for random pairs of shallow networks."""
    drawn = random_cases(seed("networks"), 4 * _COUNT)
    shallow = [c for c in drawn if max(len(c.generator), len(c.discriminator)) <= 2]
    judge_training(subject, [c for c in shallow if c.activation in ("tanh", "sigmoid")], (2,))
