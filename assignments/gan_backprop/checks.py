"""Public checks of the GAN: each decides by definition, so students may have them.

Nothing of the reference is used: gradients come from automatic differentiation in float64, and
from what happens to the objective when something is moved a little.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from assignments.gan_backprop.definitions import (
    ACTIVATIONS,
    LOSSES,
    loss_of_generator,
    objective,
    parts_of,
    widened,
)
from assignments.gan_backprop.network_checks import (
    discriminator_gradients_are_those_of_the_objective,
    generator_gradients_are_those_of_its_loss,
    gradients_predict_what_a_nudge_does,
    gradients_reach_every_layer_and_the_input,
    small_step_fools_the_discriminator_more,
    small_step_raises_the_objective,
)
from assignments.gan_backprop.own import deltas_of_own_probabilities
from assignments.gan_backprop.training_checks import (
    every_step_of_training_is_the_right_one,
    rounds_do_not_remember,
    step_goes_against_the_gradient,
    steps_back_and_forth_cancel,
)
from grader.checks import (
    Array,
    Expected,
    Subject,
    as_array,
    check,
    expect,
    expect_all_close,
    expect_shape,
    judge_by_any,
    like,
)

__all__ = [
    "discriminator_gradients_are_those_of_the_objective",
    "every_step_of_training_is_the_right_one",
    "generator_gradients_are_those_of_its_loss",
    "gradients_predict_what_a_nudge_does",
    "gradients_reach_every_layer_and_the_input",
    "rounds_do_not_remember",
    "small_step_fools_the_discriminator_more",
    "small_step_raises_the_objective",
    "step_goes_against_the_gradient",
    "steps_back_and_forth_cancel",
]


def _column(*values: float) -> Array:
    return np.asarray(values, np.float32)[:, np.newaxis]


def _logits() -> list[tuple[Array, Array]]:
    """Logits of real and of generated examples, (B, 1) and (B', 1), single ones first."""
    return [
        (_column(0.5), _column(-1.0)),
        (_column(-2.0), _column(1.5)),
        (_column(1.0, -0.5), _column(0.25, -2.0)),
        (_column(3.0, -1.0, 0.5), _column(-0.75, 2.0, 1.25)),
        (_column(-3.0, 0.75), _column(0.5, -1.5, 4.0, -0.25)),
    ]


def sizes_of_logs(z: Array) -> Array:
    """Sums of absolute terms of log sigmoid(z), where it is a log of 1 - sigmoid(-z), too."""
    wide = z.astype(np.float64)
    return np.asarray(np.logaddexp(0, -wide) + 1 + np.exp(-wide))


# 1.1 The slope of an activation


@check("slope", points=0.75)
def slope_is_that_of_the_activation(subject: Subject) -> None:
    """The slope of every activation is taken at its argument z."""
    z = np.asarray([[-2.0, -0.5, 0.25], [0.75, 1.5, 3.0]], np.float32)
    given = [(part, name) for name in ACTIVATIONS for part in (z[:1, :1], z[1:, :1], z)]
    expected = [slope(part, name) for part, name in given]
    shown = [{"z": part, "activation": name} for part, name in given]
    answers = [as_floating(answer) for answer in subject.map("activation_derivative", given)]
    expect_all_close(answers, expected, given=shown)


def as_floating(answer: Any) -> Any:
    """Slopes of zero and one may be whole numbers, or say where z is positive."""
    is_whole = isinstance(answer, np.ndarray) and answer.dtype.kind in "biu"
    return answer.astype(np.float32) if is_whole else answer


def slope(z: Array, activation: str) -> Expected:
    """g'(z) by automatic differentiation."""
    leaf = widened(z).requires_grad_()
    (found,) = torch.autograd.grad(ACTIVATIONS[activation](leaf).sum(), leaf)
    # The exponential of z carries the rounding of z.
    return Expected(found.numpy(), 1 + np.abs(z), "the slope by automatic differentiation")


# 1.2 What the discriminator maximises


@check("objective", points=1)
def objective_adds_two_expected_logarithms(subject: Subject) -> None:
    """The objective is the mean log-probability of being right, on real and on generated ones."""
    answers = [scalar(a) for a in subject.map("discriminator_objective", _logits())]
    expected = [value_of_objective(*each) for each in _logits()]
    expect_all_close(answers, expected, given=_logits())


def value_of_objective(z_real: Array, z_fake: Array) -> Expected:
    """The objective in float64."""
    size = sizes_of_logs(z_real).mean() + sizes_of_logs(-z_fake).mean()
    value = objective(widened(z_real), widened(z_fake)).numpy()
    return Expected(value, size, "the mean log-probability of being right on either batch")


@check("objective", points=0.5)
def objective_rewards_telling_apart(subject: Subject) -> None:
    """It grows with the logits of real examples, falls with those of generated ones, is below 0."""
    real, fake = _column(1.0, -1.0), _column(0.5, -0.5)
    given = [(real, fake), (real + 1, fake), (real, fake - 1)]
    plain, on_real, on_fake = map(_number, subject.map(_OBJECTIVE, given))
    expect(plain < 0, f"Your {_OBJECTIVE} is {plain:.4g} for a discriminator that errs sometimes.")
    for better, what in ((on_real, "real examples are"), (on_fake, "generated ones are not")):
        expect(
            better > plain,
            f"Your {_OBJECTIVE} goes from {plain:.4g} to {better:.4g} when the discriminator is "
            f"surer that {what} real.",
        )


_OBJECTIVE = "discriminator_objective"


def scalar(answer: Any) -> Any:
    """One number is one number, whether in an array of one entry or in none."""
    is_one = isinstance(answer, np.ndarray) and answer.size == 1
    return answer.reshape(()) if is_one else answer


def _number(answer: Any) -> float:
    array = as_array(scalar(answer))
    expect_shape(array, ())
    return float(array)


# 1.3 What the generator minimises


@check("generator-loss", points=1)
def loss_of_the_generator_is_the_one_asked_for(subject: Subject) -> None:
    """Each loss is the mean over generated examples of what its formula says."""
    given = [(z, loss) for _, z in _logits() for loss in LOSSES]
    answers = [scalar(answer) for answer in subject.map("generator_loss", given)]
    expected = [value_of_loss(z, loss) for z, loss in given]
    shown = [{"z_fake": z, "loss": loss} for z, loss in given]
    expect_all_close(answers, expected, given=shown)


def value_of_loss(z_fake: Array, loss: str) -> Expected:
    """The generator's loss in float64."""
    size = sizes_of_logs(-z_fake if loss == "saturating" else z_fake).mean()
    value = loss_of_generator(widened(z_fake), loss).numpy()
    return Expected(value, size, f"the {loss} loss")


@check("generator-loss", points=0.5)
def both_losses_fall_and_one_goes_flat(subject: Subject) -> None:
    """Both fall as the generator fools more; where it is rejected for sure, one goes flat."""
    for loss in LOSSES:
        steps = [(_column(z), loss) for z in (-8.0, -7.0, 0.0, 1.0)]
        values = [_number(answer) for answer in subject.map("generator_loss", steps)]
        falls = (values[0] - values[1], values[2] - values[3])
        expect(
            falls[1] > 0,
            f"Your {loss} loss goes from {values[2]:.4g} to {values[3]:.4g} as the generator fools "
            "the discriminator more.",
        )
        is_flat = abs(falls[0]) < 0.01  # 6e-4 for the one that saturates, 1 for the other
        expect(
            is_flat == (loss == "saturating"),
            f"Where generated examples are rejected for sure, at logits of -8 and -7, your {loss} "
            f"loss changes by {falls[0]:.4g}.",
        )


# 2.1 and 2.2 Gradients at the output


@check("probability", points=0.75)
def gradient_of_a_probability_is_that_of_its_logarithm(subject: Subject) -> None:
    """The objective's slope in D(x) and in D(G(z)), the means over both batches included."""
    given = [(_sigmoid(z_real), _sigmoid(z_fake)) for z_real, z_fake in _logits()]
    answers = _pairs(subject, "probability_gradients", given)
    right = [part for each in given for part in of_probabilities(*each)]
    expect_all_close(answers, right, given=_twice(("p_real", "p_fake"), given))


def _sigmoid(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-z)), np.float32)


def of_probabilities(p_real: Array, p_fake: Array) -> tuple[Expected, Expected]:
    """Gradients of the objective in the probabilities."""
    real, fake = (widened(p).requires_grad_() for p in (p_real, p_fake))
    value = torch.log(real).mean() + torch.log(1 - fake).mean()
    of_real, of_fake = (g.numpy() for g in torch.autograd.grad(value, (real, fake)))
    return (
        Expected(of_real, says="the objective's gradient in D(x)"),
        # 1 - D loses digits where D is close to one.
        Expected(of_fake, np.abs(of_fake) / (1 - p_fake), "the objective's gradient in D(G(z))"),
    )


@check("output", points=1)
def gradients_of_the_logits_are_two(subject: Subject) -> None:
    """The objective's slopes in the last pre-activations: on real and on generated examples."""
    _judge_outputs(subject, _logits())


@check("output", points=0.5)
def only_errors_teach(subject: Subject) -> None:
    """Judged rightly and surely, an example has no gradient; judged wrongly, its full share."""
    sure = _column(-6.0, 6.0)
    _judge_outputs(subject, [(sure, sure), (_column(0.0), _column(0.0))])


def of_logits(z_real: Array, z_fake: Array) -> tuple[Expected, Expected]:
    """Gradients of the objective in the logits."""
    real, fake = (widened(z).requires_grad_() for z in (z_real, z_fake))
    found = torch.autograd.grad(objective(real, fake), (real, fake))
    of_real, of_fake = (gradient.numpy() for gradient in found)
    # Where it is one minus a sigmoid, it carries the rounding of one.
    shares = np.full(z_real.shape, 1 / len(z_real)), np.full(z_fake.shape, 1 / len(z_fake))
    return (
        Expected(of_real, shares[0] * (1 + np.abs(z_real)), "the gradient on real examples"),
        # By way of 1 / (1 - D) it carries what 1 - D loses, too.
        Expected(
            of_fake,
            shares[1] * (1 + np.abs(z_fake) + np.exp(z_fake.astype(np.float64))),
            "the gradient on generated examples",
        ),
    )


def _judge_outputs(subject: Subject, given: Sequence[tuple[Array, Array]]) -> None:
    answers = _pairs(subject, "output_gradients", given)
    right = [part for each in given for part in of_logits(*each)]

    def own() -> list[Expected]:
        pairs = [
            deltas_of_own_probabilities(subject, z_real.astype(np.float64), z_fake)
            for z_real, z_fake in given
        ]
        found = [part for pair in pairs for part in pair]
        return [like(value, each) for value, each in zip(found, right, strict=True)]

    shown = _twice(("z_real", "z_fake"), given)
    judge_by_any(lambda values: expect_all_close(answers, values, given=shown), right, [own])


def _pairs(subject: Subject, function: str, given: Sequence[tuple[Array, Array]]) -> list[Any]:
    what = "two tensors: for real and for generated examples"
    return [
        part
        for answer in subject.map(function, given)
        for part in parts_of(answer, 2, function, what)
    ]


def _twice(names: Sequence[str], given: Sequence[tuple[Array, Array]]) -> list[dict[str, Array]]:
    return [dict(zip(names, each, strict=True)) for each in given for _ in each]
