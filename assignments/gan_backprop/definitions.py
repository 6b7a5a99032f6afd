"""What the checks of the GAN compare with: autograd in float64, and networks to try it on.

A network is a list of layers, (weight, bias) each, with an activation between them and a linear
last layer. No reference is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from grader.checks import Array, CheckFailure, Expected
from grader.errors import SubjectError

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
}
LOSSES = ("non-saturating", "saturating")

Network: TypeAlias = list[tuple[Array, Array]]
Tensors: TypeAlias = list[tuple[Tensor, Tensor]]


class Case(NamedTuple):
    """Two networks with their batches, all in float32.

    Attributes:
        generator: from latents to the discriminator's inputs.
        discriminator: with one output.
        x_real: shape (B, inputs).
        x_fake: shape (B', inputs), not what the generator makes.
        latents: shape (B', latents).
        activation: between the layers of both.
    """

    generator: Network
    discriminator: Network
    x_real: Array
    x_fake: Array
    latents: Array
    activation: str

    @property
    def of_discriminator(self) -> tuple[Network, Array, Array, str]:
        """Arguments of `discriminator_gradients`."""
        return self.discriminator, self.x_real, self.x_fake, self.activation

    @property
    def of_generator(self) -> tuple[Network, Network, Array, str]:
        """Arguments of `generator_gradients`, but for the loss."""
        return self.generator, self.discriminator, self.latents, self.activation


# Widths of generator and discriminator, activation, and the sizes of both batches: simplest first.
_SMALL = (
    ((1, 1), (1, 1), "tanh", 1, 1),
    ((1, 1), (1, 1), "tanh", 2, 2),
    ((1, 2), (2, 1), "relu", 2, 2),
    ((1, 2), (2, 2, 1), "tanh", 3, 3),
    ((2, 2, 2), (2, 2, 1), "sigmoid", 2, 2),
    ((2, 3, 3), (3, 3, 3, 1), "leaky_relu", 4, 4),
    ((3, 3, 2), (2, 4, 4, 1), "relu", 3, 3),
    ((1, 3, 3, 3), (3, 3, 3, 1), "tanh", 4, 2),
    ((2, 4, 2), (2, 3, 1), "sigmoid", 2, 5),
)


@cache
def cases() -> list[Case]:
    """Small networks of few-bit numbers, simplest first; the last have batches of two sizes."""
    rng = np.random.default_rng(11)
    return [_case(lambda shape: _few_bits(rng, shape), *spec) for spec in _SMALL]


def _few_bits(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Odd multiples of 1/8 in (-1.25, 1.25), never zero."""
    return ((2 * rng.integers(-5, 5, shape) + 1) / 8).astype(np.float32)


def random_cases(seed: int, count: int) -> list[Case]:
    """Networks of random depth, width and activation, kept off the kinks of their activations."""
    rng = np.random.default_rng(seed)
    found: list[Case] = []
    while len(found) < count:
        middle = rng.integers(1, 7, int(rng.integers(2, 6))).tolist()
        cut = int(rng.integers(1, len(middle)))
        widths = (tuple(middle[: cut + 1]), (*middle[cut:], 1))
        name = list(ACTIVATIONS)[len(found) % len(ACTIVATIONS)]
        sizes = [int(size) for size in rng.integers(1, 9, 2)]

        def draw(shape: tuple[int, ...]) -> Array:
            return rng.normal(0, 0.75, shape).astype(np.float32)

        made = _case(draw, *widths, name, *sizes)
        if clearance(made) > _CLEAR:
            found.append(made)
    return found


_CLEAR = 1e-3  # far above what rounding in float32 moves a pre-activation by


def _case(
    draw: Callable[[tuple[int, ...]], Array],
    of_g: Sequence[int],
    of_d: Sequence[int],
    activation: str,
    real: int,
    fake: int,
) -> Case:
    generator, discriminator = (
        [(draw((wide, narrow)), draw((wide,))) for narrow, wide in pairwise(widths)]
        for widths in (of_g, of_d)
    )
    batches = draw((real, of_d[0])), draw((fake, of_d[0])), draw((fake, of_g[0]))
    return Case(generator, discriminator, *batches, activation)


def clearance(case: Case) -> float:
    """How far the nearest hidden pre-activation of a piecewise linear network is from zero."""
    if case.activation not in ("relu", "leaky_relu"):
        return float("inf")
    made = logits(wide(case.generator), widened(case.latents), case.activation)
    runs = [
        *hidden(wide(case.generator), widened(case.latents), case.activation),
        *hidden(wide(case.discriminator), made, case.activation),
        *hidden(wide(case.discriminator), widened(case.x_real), case.activation),
        *hidden(wide(case.discriminator), widened(case.x_fake), case.activation),
    ]
    return min((float(z.abs().min()) for z in runs), default=float("inf"))


def widened(array: Array) -> Tensor:
    """The same numbers in float64, for torch."""
    return torch.from_numpy(array.astype(np.float64))


def wide(params: Network, *, tracked: bool = False) -> Tensors:
    """The same network in float64; autograd follows it where it is `tracked`."""
    return [
        (widened(w).requires_grad_(tracked), widened(b).requires_grad_(tracked)) for w, b in params
    ]


def hidden(params: Tensors, x: Tensor, activation: str) -> list[Tensor]:
    """Pre-activations of all layers but the last, (B, outputs) each."""
    return pre_activations(params, x, activation)[:-1]


def logits(params: Tensors, x: Tensor, activation: str) -> Tensor:
    """The last pre-activation, (B, outputs)."""
    return pre_activations(params, x, activation)[-1]


def pre_activations(params: Tensors, x: Tensor, activation: str) -> list[Tensor]:
    """What each layer returns before its activation, (B, outputs) each."""
    found: list[Tensor] = []
    for weight, bias in params:
        below = ACTIVATIONS[activation](found[-1]) if found else x
        found.append(F.linear(below, weight, bias))
    return found


def objective(z_real: Tensor, z_fake: Tensor) -> Tensor:
    """E log D(x) + E log(1 - D(G(z))), shape ()."""
    return F.logsigmoid(z_real).mean() + F.logsigmoid(-z_fake).mean()


def loss_of_generator(z_fake: Tensor, loss: str) -> Tensor:
    """E log(1 - D(G(z))), or -E log D(G(z)) where it does not saturate, shape ()."""
    return F.logsigmoid(-z_fake).mean() if loss == "saturating" else -F.logsigmoid(z_fake).mean()


def flat(params: Iterable[Sequence[Any]]) -> list[Any]:
    """W1, b1, W2, b2 and so on."""
    return [part for layer in params for part in layer]


def names_of(params: Sequence[Any]) -> list[str]:
    """Names of the flat parameters, counted from one as in formulas."""
    return [f"{kind}{layer}" for layer in range(1, len(params) + 1) for kind in ("W", "b")]


_NOTHING = "Your {} returned None. Does it end with a return?"


def layers_of(answer: Any, like: Network, function: str) -> list[Any]:
    """The tensors of an answer, in the order W1, b1, W2, b2, however they are nested.

    The error of a failed call stands in the place of every tensor.

    Raises:
        CheckFailure: there are not as many as the network has parameters.
    """
    if isinstance(answer, SubjectError):
        return [answer] * (2 * len(like))
    if answer is None:
        raise CheckFailure(_NOTHING.format(function))
    found = _leaves(answer)
    if len(found) != 2 * len(like):
        raise CheckFailure(
            f"Your {function} returned {len(found)} tensors for a network of {len(like)} layers, "
            f"which has {2 * len(like)} parameters."
        )
    return found


def _leaves(answer: Any) -> list[Any]:
    if isinstance(answer, dict):
        answer = list(answer.values())
    if isinstance(answer, list | tuple):
        return [leaf for part in answer for leaf in _leaves(part)]
    return [answer]


def parts_of(answer: Any, count: int, function: str, what: str) -> list[Any]:
    """An answer that is made of several things; the error of a failed call stands for each.

    Raises:
        CheckFailure: it is made of another number of things.
    """
    if isinstance(answer, SubjectError):
        return [answer] * count
    if answer is None:
        raise CheckFailure(_NOTHING.format(function))
    if not (isinstance(answer, tuple | list) and len(answer) == count):
        raise CheckFailure(f"Your {function} should return {what}.")
    return list(answer)


def shown(case: Case) -> dict[str, Any]:
    """A case by names, for counterexamples: parameters first, then batches."""
    both = ("discriminator", case.discriminator), ("generator", case.generator)
    parameters = {
        f"{name} of the {whose}": part
        for whose, params in both
        for name, part in zip(names_of(params), flat(params), strict=True)
    }
    return parameters | {"x_real": case.x_real, "x_fake": case.x_fake, "latents": case.latents}


def expected(
    values: Sequence[Tensor], sizes: Sequence[Array], says: Sequence[str]
) -> list[Expected]:
    """Gradients by autograd with their scales."""
    return [
        Expected(value.detach().numpy(), size, text)
        for value, size, text in zip(values, sizes, says, strict=True)
    ]
