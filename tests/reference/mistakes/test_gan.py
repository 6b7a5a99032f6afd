"""Each mistake about a GAN differs from the reference, and each honest way agrees with it."""

from __future__ import annotations

import inspect
from itertools import combinations, pairwise
from typing import Any

import pytest
import torch

from reference import gan as reference
from reference.mistakes import gan
from reference.mistakes.catalogue import Mistake, Variant
from reference.mistakes.gan_backward import added, scaled


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def network(sizes: tuple[int, ...], seed: int) -> reference.Perceptron:
    layers = tuple(
        reference.Layer(draw(outputs, inputs, seed=seed + index), draw(outputs, seed=seed + 40))
        for index, (inputs, outputs) in enumerate(pairwise(sizes))
    )
    return reference.Perceptron(layers, "softplus")


DISCRIMINATOR, GENERATOR = network((3, 3, 3, 1), 0), network((2, 4, 4, 3), 10)
LATENTS, REAL, FAKE = draw(4, 2, seed=20), draw(4, 3, seed=21), draw(4, 3, seed=22)
GRADIENTS = reference.discriminator_gradients(DISCRIMINATOR, REAL, FAKE)

GIVEN: dict[str, tuple[tuple[Any, ...], ...]] = {
    "discriminator_gradients": (
        (DISCRIMINATOR, REAL, FAKE),
        (DISCRIMINATOR, torch.cat([REAL, REAL + 1]), torch.cat([FAKE, FAKE - 1])),
    ),
    "generator_gradients": (
        (GENERATOR, DISCRIMINATOR, LATENTS, "saturating"),
        (GENERATOR, DISCRIMINATOR, LATENTS, "non-saturating"),
    ),
    "sgd_step": ((DISCRIMINATOR, GRADIENTS, 0.5),),
}


def flat(answer: Any) -> torch.Tensor:
    layers = answer.layers if isinstance(answer, reference.Perceptron) else answer
    return torch.cat([tensor.double().flatten() for layer in layers for tensor in layer])


def answers(code: Any, function: str) -> list[torch.Tensor]:
    return [flat(code(*given)) for given in GIVEN[function]]


def right(function: str) -> list[torch.Tensor]:
    return answers(getattr(reference, function), function)


def agree(one: list[torch.Tensor], other: list[torch.Tensor], share: float) -> bool:
    return all(
        bool((a - b).abs().max() <= share * b.abs().max()) for a, b in zip(one, other, strict=True)
    )


def in_float32(given: Any) -> Any:
    if isinstance(given, torch.Tensor):
        return given.float()
    if isinstance(given, reference.Perceptron):
        return given._replace(layers=in_float32(given.layers))
    if isinstance(given, tuple):
        return tuple(reference.Layer(w.float(), b.float()) for w, b in given)
    return given


@pytest.mark.parametrize("mistake", gan.MISTAKES, ids=lambda mistake: mistake.id)
def test_mistake_differs_from_the_reference(mistake: Mistake) -> None:
    assert not agree(answers(mistake.code, mistake.function), right(mistake.function), 1e-2)


@pytest.mark.parametrize("function", GIVEN)
def test_mistakes_about_one_function_differ_from_each_other(function: str) -> None:
    found = {
        mistake.id: answers(mistake.code, function)
        for mistake in gan.MISTAKES
        if mistake.function == function
    }
    alike = [
        (one, other)
        for one, other in combinations(found, 2)
        if agree(found[one], found[other], 1e-3)
    ]
    assert alike == []


@pytest.mark.parametrize("variant", gan.VARIANTS, ids=lambda variant: variant.id)
def test_variant_agrees_within_float32(variant: Variant) -> None:
    # Four chained products of four terms each: errors add up over the depth.
    single = [flat(variant.code(*map(in_float32, given))) for given in GIVEN[variant.function]]
    assert agree(single, right(variant.function), 4 * 32 * 2**-24)


def test_unequal_batches_are_fine_for_every_honest_way() -> None:
    given = (DISCRIMINATOR, REAL, torch.cat([FAKE, FAKE + 2]))
    expected = flat(reference.discriminator_gradients(*given))
    for variant in gan.VARIANTS:
        if variant.function == "discriminator_gradients":
            torch.testing.assert_close(flat(variant.code(*given)), expected)


def test_sums_and_multiples_of_gradients_are_taken_layer_by_layer() -> None:
    double = added(GRADIENTS, GRADIENTS)
    torch.testing.assert_close(flat(double), 2 * flat(GRADIENTS))
    torch.testing.assert_close(flat(scaled(GRADIENTS, 2.0)), 2 * flat(GRADIENTS))


def test_every_function_has_mistakes_and_three_honest_ways_with_unique_ids() -> None:
    for function in GIVEN:
        assert sum(mistake.function == function for mistake in gan.MISTAKES) >= 3
        assert sum(variant.function == function for variant in gan.VARIANTS) >= 3
    for entries in (gan.MISTAKES, gan.VARIANTS):
        assert len({entry.id for entry in entries}) == len(entries)
        assert {entry.function for entry in entries} == set(GIVEN)
    assert all(mistake.says[0].isupper() and mistake.says[-1] in ".?" for mistake in gan.MISTAKES)


@pytest.mark.parametrize("entry", (gan.MISTAKES + gan.VARIANTS), ids=lambda entry: entry.id)
def test_entry_takes_the_arguments_of_the_function_it_stands_for(entry: Mistake | Variant) -> None:
    code = getattr(reference, entry.function)
    asked = list(inspect.signature(code).parameters)
    taken = inspect.signature(entry.code).parameters
    assert list(taken)[: len(asked)] == asked
    assert all(
        taken[name].default is not inspect.Parameter.empty for name in taken if name not in asked
    )
