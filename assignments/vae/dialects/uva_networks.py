"""Checks of the UvA encoder and decoder: what every such network has in common."""

from __future__ import annotations

import numpy as np

from assignments.vae.definitions import LEVELS
from assignments.vae.dialects.parts import made
from assignments.vae.dialects.uva_parts import LATENTS, SIDE, SIZES, images
from grader.checks import (
    Array,
    CheckFailure,
    Handle,
    Subject,
    as_array,
    check,
    expect,
    expect_shape,
)


@check("encoder", points=0.75)
def encoder_gives_two_numbers_for_each_latent(subject: Subject) -> None:
    """The encoder maps images to a mean and a log_std of every latent dimension."""
    for latents, count in ((LATENTS, 3), (2, 2)):
        mean, log_std = _encoded(subject, latents, count, seed=1)
        for name, part in (("mean", mean), ("log_std", log_std)):
            expect_shape(part, (count, latents), function=f"encoder's {name}")
            expect(np.isfinite(part), f"Your encoder's {name} is not finite.")
        expect(
            np.ptp(mean, axis=0) > 0,
            "Your encoder gives the same mean for different images.",
        )


@check("encoder", points=0.75)
def encoder_gives_a_logarithm(subject: Subject) -> None:
    """A log_std may have either sign: a spread below one has a negative logarithm."""
    spreads = [_encoded(subject, LATENTS, 4, seed)[1] for seed in range(4)]
    # Of an unbounded output one number in two is negative, so all of 80 latents never agree.
    expect(
        np.min(spreads) < 0,
        "The second output of your encoder is never negative, whatever its weights are: is it on "
        "the log scale?",
    )


def _encoded(subject: Subject, latents: int, count: int, seed: int) -> tuple[Array, Array]:
    model = _network(subject, "CNNEncoder", {"num_input_channels": 1, "z_dim": latents}, seed)
    answer = subject.call(model, images(count), method="forward")
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise CheckFailure("Your encoder should return two tensors, mean and log_std.")
    return as_array(answer[0], "encoder"), as_array(answer[1], "encoder")


def _network(subject: Subject, name: str, sizes: dict[str, int], seed: int) -> Handle:
    model = made(subject, name, {**SIZES, **sizes}, seed)
    subject.call(model, method="eval")
    return model


@check("decoder", points=0.75)
def decoder_gives_sixteen_logits_a_pixel(subject: Subject) -> None:
    """The decoder maps latents to one logit for each level of each pixel."""
    for latents, count in ((LATENTS, 3), (2, 2)):
        model = _network(subject, "CNNDecoder", {"num_input_channels": LEVELS, "z_dim": latents}, 1)
        logits = as_array(subject.call(model, _latents(count, latents), method="forward"))
        expect_shape(logits, (count, LEVELS, SIDE, SIDE), function="decoder's answer")
        expect(np.isfinite(logits), "Your decoder returns a logit that is not finite.")
        expect(
            np.ptp(logits, axis=0).max() > 0, "Your decoder ignores the latent that it is given."
        )


@check("decoder", points=0.75)
def decoder_gives_unbounded_logits(subject: Subject) -> None:
    """A logit is any number: nothing bounds what the decoder returns."""
    lowest, largest = np.inf, 0.0
    for seed in range(4):
        sizes = {"num_input_channels": LEVELS, "z_dim": LATENTS}
        model = _network(subject, "CNNDecoder", sizes, seed)
        given = _latents(4, LATENTS)
        lowest = min(lowest, as_array(subject.call(model, given, method="forward")).min())
        subject.load_state(model, _amplified(subject.state(model)))
        largest = max(largest, np.abs(as_array(subject.call(model, given, method="forward"))).max())
    expect(
        lowest < 0,
        "Your decoder's outputs are never negative, whatever its weights are: are these logits?",
    )
    expect(
        largest > 1.5,
        f"However large its weights are, your decoder's outputs stay below {largest:.3g}: does it "
        "end with a function that bounds them? A logit is not bounded.",
    )


def _amplified(state: dict[str, Array]) -> dict[str, Array]:
    """Weights and biases 32 times as large; what a normalisation has counted stays."""
    return {
        name: values * values.dtype.type(32)
        if values.dtype.kind == "f" and "running" not in name
        else values
        for name, values in state.items()
    }


def _latents(count: int, size: int) -> Array:
    return np.random.default_rng(5).normal(0, 3, (count, size)).astype(np.float32)
