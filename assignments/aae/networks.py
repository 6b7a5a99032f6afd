"""Networks of the grader's own: linear ones, so that every gradient is a product of matrices.

Once as functions that the student's code may call, once as torch modules on the student's side,
which a gradient can pass through.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from assignments.aae.definitions import Logits, Losses, scale_of
from grader.checks import Array, Callback, CheckFailure, Expected, Handle, Subject, expect_close
from grader.checks.subject import Value
from grader.errors import SubjectError


class Layer(NamedTuple):
    """A linear map with a bias, in float32.

    Attributes:
        weight: shape (outputs, inputs).
        bias: shape (outputs,).
    """

    weight: Array
    bias: Array

    def __call__(self, x: Array) -> Array:
        """The map of a batch (B, ...) with all but the first axis taken as one, float64."""
        flat = x.reshape(len(x), -1).astype(np.float64)
        if flat.shape[1] != self.weight.shape[1]:
            raise ValueError(f"this network takes {self.weight.shape[1]} numbers for each example")
        return np.asarray(flat @ self.weight.astype(np.float64).T + self.bias)

    def slopes(self, x: Array, by_output: Array) -> tuple[Array, Array]:
        """Derivatives by weight and bias, from those by the output (B, outputs)."""
        return by_output.T @ x.reshape(len(x), -1), by_output.sum(axis=0)

    def absolute(self) -> Layer:
        """The map with which the sizes of rounding errors are bounded."""
        return Layer(np.abs(self.weight), np.abs(self.bias))


class Networks(NamedTuple):
    """Encoder from P numbers to D, decoder from D to P, discriminator from D to one logit."""

    encoder: Layer
    decoder: Layer
    discriminator: Layer

    def absolute(self) -> Networks:
        """Each of them as it bounds rounding errors."""
        return Networks(*(layer.absolute() for layer in self))

    def losses(self, x: Array, weight: float) -> Losses:
        """What the autoencoder's loss is to be computed from, in the precision of x."""
        latents = self.encoder(x)
        recon_x, logits = self.decoder(latents).reshape(x.shape), self.discriminator(latents)
        return Losses(x, recon_x.astype(x.dtype), logits.astype(x.dtype), weight)

    def logits(self, x: Array, prior: Array) -> Logits:
        """What the discriminator's loss is to be computed from, in the precision of x."""
        real, fake = self.discriminator(prior), self.discriminator(self.encoder(x))
        return Logits(real.astype(x.dtype), fake.astype(x.dtype))

    def callbacks(self, shape: Sequence[int]) -> dict[str, Callback]:
        """The three as functions in float32; reconstructions have the shape (B, *shape)."""

        def as_function(layer: Layer, wanted: Sequence[int]) -> Callback:
            return Callback(lambda x: layer(x).reshape(len(x), *wanted).astype(np.float32))

        return {
            "encoder": as_function(self.encoder, (-1,)),
            "decoder": as_function(self.decoder, shape),
            "discriminator": as_function(self.discriminator, (1,)),
        }

    def modules(self, subject: Subject) -> dict[str, Handle]:
        """The three as `torch.nn.Linear` on the student's side."""
        return {name: as_module(subject, layer) for name, layer in self._asdict().items()}


# Few bits each, so that what the networks return is the same number in every precision.
SMALL = Networks(
    Layer(
        np.asarray([[1, -0.5, 0.25, 0], [0.5, 1, 0, -0.75]], "f4"), np.asarray([0.25, -0.5], "f4")
    ),
    Layer(
        np.asarray([[0.5, -1], [0.25, 0.5], [-0.5, 0], [1, 0.75]], "f4"),
        np.asarray([0, 0.25, -0.25, 0.5], "f4"),
    ),
    Layer(np.asarray([[1.5, -1]], "f4"), np.asarray([0.125], "f4")),
)


class Recorded:
    """A discriminator that keeps every latent it is asked about."""

    def __init__(self, layer: Layer) -> None:
        self._layer = layer
        self._rows: set[tuple[float, ...]] = set()

    def __call__(self, z: Array) -> Array:
        """Logits (B, 1) of latents (B, D), float32."""
        self._rows |= set(map(tuple, z.tolist()))
        return self._layer(z).astype(np.float32)

    def has_seen(self, latents: Array) -> bool:
        """Whether every row is among them."""
        return set(map(tuple, latents.tolist())) <= self._rows


def as_module(subject: Subject, layer: Layer) -> Handle:
    """The map as a `torch.nn.Linear` on the student's side."""
    outputs, inputs = layer.weight.shape
    made = subject.new(subject.handle("torch"), inputs, outputs, method="nn.Linear")
    subject.load_state(made, layer._asdict())
    return made


Gradients: TypeAlias = dict[str, tuple[Array, Array]]  # by weight and by bias


def gradients_after(
    subject: Subject, function: str, modules: dict[str, Handle], *given: Value
) -> Gradients:
    """Gradients that the backward pass of the total of a step's losses leaves in each module.

    Raises:
        CheckFailure: no gradient comes from the total.
    """
    losses = subject.new(function, *modules.values(), *given)
    return gradients_left(subject, losses, modules, function)


def gradients_left(
    subject: Subject, losses: Handle, modules: dict[str, Handle], function: str
) -> Gradients:
    """Gradients that the backward pass of the first of some losses leaves in each module.

    Raises:
        CheckFailure: no gradient comes from it.
    """
    try:
        total = subject.new(losses, 0, method="__getitem__")
        subject.call(total, method="backward")
    except SubjectError as error:
        if error.fault not in ("error", "missing"):
            raise
        raise CheckFailure(
            f"No gradient comes from the first number that your {function} returns: {error}."
        ) from error
    return {
        name: (gradient_of(subject, module, "weight"), gradient_of(subject, module, "bias"))
        for name, module in modules.items()
    }


def gradient_of(subject: Subject, module: Handle, name: str) -> Array:
    """What backward passes have left at a parameter; zero where nothing has reached it."""
    try:
        return np.asarray(subject.call(module, method=f"{name}.grad.clone"))
    except SubjectError as error:
        if error.fault != "missing":
            raise
        return np.asarray(0.0)


Slopes: TypeAlias = dict[str, tuple[Expected, Expected]]  # by weight and by bias
Chained: TypeAlias = dict[str, tuple[Array, Array]]


def autoencoder_gradients(
    networks: Networks, x: Array, by_recon: Expected, by_logits: Expected
) -> Slopes:
    """Gradients of encoder and decoder, from the loss's slopes by what the networks return."""

    def chain(nets: Networks, data: Array, recon: Array, logits: Array) -> Chained:
        latents, flat = nets.encoder(data), recon.reshape(len(data), -1)
        by_latents = flat @ nets.decoder.weight + logits @ nets.discriminator.weight
        return {
            "encoder": nets.encoder.slopes(data, by_latents),
            "decoder": nets.decoder.slopes(latents, flat),
        }

    return _with_scales(chain, networks, [x], [by_recon, by_logits])


def discriminator_gradients(
    networks: Networks, x: Array, prior: Array, by_real: Expected, by_fake: Expected
) -> Slopes:
    """Gradients of the discriminator, from the loss's slopes by both batches of logits."""

    def chain(nets: Networks, data: Array, drawn: Array, real: Array, fake: Array) -> Chained:
        batch = np.concatenate([drawn, nets.encoder(data)])
        slopes = nets.discriminator.slopes(batch, np.concatenate([real, fake]))
        return {"discriminator": slopes}

    return _with_scales(chain, networks, [x, prior], [by_real, by_fake])


def _with_scales(
    chain: Callable[..., Chained],
    networks: Networks,
    data: Sequence[Array],
    by: Sequence[Expected],
) -> Slopes:
    """Products of matrices, and those of absolute values for the sums of absolute terms."""
    values = chain(networks, *data, *(slope.value for slope in by))
    sizes = chain(networks.absolute(), *map(np.abs, data), *map(scale_of, by))
    return {
        name: (Expected(weight, sizes[name][0]), Expected(bias, sizes[name][1]))
        for name, (weight, bias) in values.items()
    }


def expect_gradients(found: Gradients, expected: Slopes, function: str) -> None:
    """Demands what the backward pass leaves in each of the networks that are to be trained.

    Raises:
        CheckFailure: nothing reaches one of them, or something else does.
    """
    for name, rights in expected.items():
        for kind, slope, right in zip(("weight", "bias"), found[name], rights, strict=True):
            if right.value.any() and not slope.any():
                raise CheckFailure(
                    f"After the backward pass of your {function} the {name} has no gradient."
                )
            expect_close(
                np.broadcast_to(slope, right.value.shape),
                right,
                function=f"{function}, the gradient that it leaves in the {name}'s {kind},",
            )
