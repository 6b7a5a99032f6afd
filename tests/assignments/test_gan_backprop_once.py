"""A mistake in an early function is not marked down again in a later one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grader.checks.verdict import Outcome
from reference import gan
from reference.mistakes.gan import MISTAKES
from tests.assignments.gan_verdicts import REFERENCE, checks_of, judged
from tests.thinned import thinned


def players_with(deltas: Callable[..., Any], backward: Callable[..., Any]) -> dict[str, Any]:
    """Both players' gradients and training, as somebody writes them who builds on earlier work."""

    def discriminator(params: Any, x_real: Any, x_fake: Any, activation: str) -> Any:
        logits = (gan.forward(params, x, activation).output for x in (x_real, x_fake))
        pairs = zip((x_real, x_fake), deltas(*logits), strict=True)
        real, fake = (backward(params, x, delta, activation)[0] for x, delta in pairs)
        return [(a[0] + b[0], a[1] + b[1]) for a, b in zip(real, fake, strict=True)]

    def generator(own: Any, other: Any, latents: Any, activation: str, loss: str) -> Any:
        samples = gan.forward(own, latents, activation).output
        z = gan.forward(other, samples, activation).output
        delta = deltas(z, z)[1] if loss == "saturating" else -deltas(z, z)[0]
        _, of_samples = backward(other, samples, delta, activation)
        return backward(own, latents, of_samples, activation)[0]

    def train(own: Any, other: Any, real: Any, latents: Any, activation: str, rate: float) -> Any:
        for x, z in zip(real, latents, strict=True):
            fake = gan.forward(own, z, activation).output
            other = gan.sgd_step(other, discriminator(other, x, fake, activation), -rate)
            down = generator(own, other, z, activation, "non-saturating")
            own = gan.sgd_step(own, down, rate)
        return own, other

    return {
        "discriminator_gradients": discriminator,
        "generator_gradients": generator,
        "train": train,
    }


@pytest.mark.parametrize(
    "mistake",
    thinned(
        [
            "output/sign",
            "output/batch-mean-forgotten",
            "probability/inner-derivative-forgotten",
            "backward/prime-missing",
            "backward/bias-forgotten",
            "slope/after-activation",
        ],
        3,
    ),
)
def test_a_wrong_ingredient_costs_its_points_once(mistake: str) -> None:
    wrong = next(entry for entry in MISTAKES if entry.id == mistake)
    parts = {**REFERENCE, wrong.function: wrong.code}

    def deltas(z_real: Any, z_fake: Any) -> Any:
        if wrong.function != "probability_gradients":
            return parts["output_gradients"](z_real, z_fake)
        p = z_real.sigmoid(), z_fake.sigmoid()
        pairs = zip(parts["probability_gradients"](*p), p, strict=True)
        return tuple(slope * each * (1 - each) for slope, each in pairs)

    def backward(params: Any, x: Any, delta: Any, activation: str) -> Any:
        if wrong.function != "activation_derivative":
            return parts["back_propagate"](params, x, delta, activation)
        cache, found = gan.forward(params, x, activation), []
        for index in reversed(range(len(params))):
            found.insert(0, (delta.T @ cache.inputs[index], delta.sum(0)))
            delta = delta @ params[index][0]
            if index:
                delta = delta * wrong.code(cache.pre_activations[index - 1], activation)
        return found, delta

    built = players_with(deltas, backward)
    for function in built:
        for check in checks_of(function):
            verdict = judged(check, {**built, wrong.function: wrong.code})
            assert verdict.verdict is Outcome.PASSED, (check.name, verdict.message)
    assert Outcome.FAILED in {
        judged(check, {"discriminator_gradients": built["discriminator_gradients"]}).verdict
        for check in checks_of("discriminator_gradients")
    }


@pytest.mark.parametrize(
    "mistake", thinned(["step/bias-left", "discriminator/sign", "generator/batch-mean-twice"], 3)
)
def test_a_wrong_part_of_training_costs_its_points_once(mistake: str) -> None:
    wrong = next(entry for entry in MISTAKES if entry.id == mistake)
    parts = {**REFERENCE, wrong.function: wrong.code}

    def train(own: Any, other: Any, real: Any, latents: Any, activation: str, rate: float) -> Any:
        for x, z in zip(real, latents, strict=True):
            fake = gan.forward(own, z, activation).output
            up = parts["discriminator_gradients"](other, x, fake, activation)
            other = parts["sgd_step"](other, up, -rate)
            down = parts["generator_gradients"](own, other, z, activation, "non-saturating")
            own = parts["sgd_step"](own, down, rate)
        return own, other

    for check in checks_of("train"):
        own = {wrong.function: wrong.code, "train": train}
        assert judged(check, own).verdict is Outcome.PASSED, check.name
    alone = {judged(check, {"train": train}).verdict for check in checks_of("train")}
    assert Outcome.FAILED in alone
