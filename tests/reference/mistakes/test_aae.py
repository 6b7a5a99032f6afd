"""Each mistake about an adversarial autoencoder changes a loss or a gradient."""

from __future__ import annotations

import inspect
from itertools import combinations
from typing import Any

import pytest
import torch

from reference import aae as reference
from reference.mistakes import aae
from reference.mistakes.catalogue import Mistake, Variant

BATCH, PIXELS, LATENT = 4, 3, 2


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator).double()  # exact in float32


class Linear(torch.nn.Linear):
    """A map whose gradients are part of an answer."""

    def __init__(self, inputs: int, outputs: int, seed: int) -> None:
        super().__init__(inputs, outputs, bias=False, dtype=torch.float64)
        self.weight.data = draw(outputs, inputs, seed=seed)


ENCODER, DECODER = Linear(PIXELS, LATENT, 1), Linear(LATENT, PIXELS, 2)
DISCRIMINATOR = Linear(LATENT, 1, 3)
X, RECONSTRUCTED = draw(2, BATCH, PIXELS)
# Between 0 and 1/2 lies one logit of each batch, where a threshold in the wrong units shows.
REAL = torch.tensor([[1.5], [0.25], [-0.75], [2.0]], dtype=torch.float64)
FAKE = torch.tensor([[-1.25], [0.375], [0.125], [-2.0]], dtype=torch.float64)

GIVEN: dict[str, tuple[tuple[Any, ...], ...]] = {
    "reconstruction_loss": ((X, RECONSTRUCTED),),
    "generator_loss": ((FAKE,),),
    "autoencoder_loss": ((X, RECONSTRUCTED, FAKE, 0.75), (X, RECONSTRUCTED, FAKE, 0.25)),
    "discriminator_loss": ((REAL, FAKE), (REAL[:2], FAKE[1:])),
    "autoencoder_step_loss": (
        (ENCODER, DECODER, DISCRIMINATOR, X, 0.75),
        (ENCODER, DECODER, DISCRIMINATOR, X, 0.25),
    ),
    "discriminator_step_loss": ((ENCODER, DISCRIMINATOR, X, draw(BATCH, LATENT, seed=4)),),
}


def gradients(total: torch.Tensor, given: tuple[Any, ...]) -> list[torch.Tensor]:
    weights = [each.weight for each in given if isinstance(each, Linear)]
    if not weights:
        return []
    found = torch.autograd.grad(total, weights, allow_unused=True)
    pairs = zip(found, weights, strict=True)
    return [(torch.zeros_like(w) if g is None else g).double() for g, w in pairs]


def parts(code: Any, given: tuple[Any, ...]) -> list[torch.Tensor]:
    torch.manual_seed(7)  # for the mistake that draws on its own
    answer = code(*given)
    answers = answer if isinstance(answer, tuple) else (answer,)
    return [part.detach().double() for part in answers] + gradients(answers[0], given)


def answers(code: Any, function: str) -> list[torch.Tensor]:
    return [part for given in GIVEN[function] for part in parts(code, given)]


def right(function: str) -> list[torch.Tensor]:
    return answers(getattr(reference, function), function)


def finite(part: torch.Tensor) -> torch.Tensor:
    return part.double().nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)


def agree(one: list[torch.Tensor], other: list[torch.Tensor], share: float) -> bool:
    return all(
        a.shape == b.shape
        and torch.equal(a.isfinite(), b.isfinite())
        and bool((finite(a) - finite(b)).abs().max() <= share * finite(b).abs().max())
        for a, b in zip(one, other, strict=True)
    )


def in_float32(given: Any) -> Any:
    if isinstance(given, Linear):
        single = Linear(given.in_features, given.out_features, 0)
        single.weight.data = given.weight.data.float()
        return single
    return given.float() if isinstance(given, torch.Tensor) else given


@pytest.mark.parametrize("mistake", aae.MISTAKES, ids=lambda mistake: mistake.id)
def test_mistake_differs_from_the_reference(mistake: Mistake) -> None:
    assert not agree(answers(mistake.code, mistake.function), right(mistake.function), 1e-2)


@pytest.mark.parametrize("function", GIVEN)
def test_mistakes_about_one_function_differ_from_each_other(function: str) -> None:
    found = {
        mistake.id: answers(mistake.code, function)
        for mistake in aae.MISTAKES
        if mistake.function == function
    }
    alike = [
        (one, other)
        for one, other in combinations(found, 2)
        if agree(found[one], found[other], 1e-3)
    ]
    assert alike == []


@pytest.mark.parametrize(
    "mistake", [mistake for mistake in aae.MISTAKES if mistake.around], ids=lambda entry: entry.id
)
def test_mistake_on_top_of_the_reference_is_the_mistake_itself(mistake: Mistake) -> None:
    assert mistake.around is not None
    on_top = mistake.around(getattr(reference, mistake.function))
    assert agree(answers(on_top, mistake.function), answers(mistake.code, mistake.function), 1e-9)


@pytest.mark.parametrize("variant", aae.VARIANTS, ids=lambda variant: variant.id)
def test_variant_agrees_within_float32(variant: Variant) -> None:
    single = [
        part
        for given in GIVEN[variant.function]
        for part in parts(variant.code, tuple(map(in_float32, given)))
    ]
    # Through probabilities the logarithm of 1 - p amplifies rounding by 1 / (1 - p) = 1 + e^logit;
    # logits reach 2 where they are given, and sums of at most six products where they are computed.
    logits = torch.cat([REAL, FAKE, DISCRIMINATOR(ENCODER(X)).detach()])
    condition = 1 + logits.abs().max().exp().item()
    assert agree(single, right(variant.function), 32 * 2**-24 * condition)


def test_answers_of_variants_are_in_float32() -> None:
    for variant in aae.VARIANTS:
        answer = variant.code(*map(in_float32, GIVEN[variant.function][0]))
        first = answer[0] if isinstance(answer, tuple) else answer
        assert first.dtype == torch.float32


def test_missing_detach_changes_no_loss_but_reaches_the_encoder() -> None:
    (mistake,) = (
        entry for entry in aae.MISTAKES if entry.id == "discriminator-step/detach-missing"
    )
    given = GIVEN[mistake.function][0]
    wrong, honest = parts(mistake.code, given), parts(reference.discriminator_step_loss, given)
    assert agree(wrong[:4], honest[:4], 1e-12)
    assert honest[4].abs().max() == 0
    assert wrong[4].abs().max() > 0.01


def test_every_function_has_mistakes_and_three_honest_ways_with_unique_ids() -> None:
    for function in GIVEN:
        assert sum(mistake.function == function for mistake in aae.MISTAKES) >= 3
        assert sum(variant.function == function for variant in aae.VARIANTS) >= 3
    for entries in (aae.MISTAKES, aae.VARIANTS):
        assert len({entry.id for entry in entries}) == len(entries)
        assert {entry.function for entry in entries} == set(GIVEN)
    assert all(mistake.says[0].isupper() and mistake.says[-1] in ".?" for mistake in aae.MISTAKES)


@pytest.mark.parametrize("entry", (aae.MISTAKES + aae.VARIANTS), ids=lambda entry: entry.id)
def test_entry_takes_the_arguments_of_the_function_it_stands_for(entry: Mistake | Variant) -> None:
    asked = list(inspect.signature(getattr(reference, entry.function)).parameters)
    taken = inspect.signature(entry.code).parameters
    assert list(taken)[: len(asked)] == asked
    assert all(
        taken[name].default is not inspect.Parameter.empty for name in taken if name not in asked
    )
