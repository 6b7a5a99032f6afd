"""What every catalogue of mistakes and honest ways claims, whichever topic it is about."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from operator import attrgetter
from types import ModuleType
from typing import Any

import pytest
import torch

from reference.mistakes.catalogue import Mistake, Variant

# 32 units in the last place of float32, of the scale that a test states.
FLOAT32_TOLERANCE = 32 * 2**-24


@dataclass(frozen=True)
class Topic:
    """A catalogue and the reference that it is held against.

    Attributes:
        mistakes: what must differ from the reference.
        variants: what must agree with it.
        references: the modules in which the right functions are.
        given: arguments for each function of the topic.
        answers: tensors that some code answers with, where a function of that name is asked.
    """

    mistakes: Sequence[Mistake]
    variants: Sequence[Variant]
    references: tuple[ModuleType, ...]
    given: Mapping[str, tuple[Any, ...]]
    answers: Callable[[Any, str], list[torch.Tensor]]

    @property
    def added_mistakes(self) -> list[Mistake]:
        """Mistakes that can be made on top of other code."""
        return [mistake for mistake in self.mistakes if mistake.around]

    @property
    def entries(self) -> list[Mistake | Variant]:
        return [*self.mistakes, *self.variants]

    def right_code(self, function: str) -> Any:
        return next(
            getattr(module, function) for module in self.references if hasattr(module, function)
        )

    def right(self, function: str) -> list[torch.Tensor]:
        return self.answers(self.right_code(function), function)


def each(name: str, entries: Iterable[Mistake | Variant]) -> pytest.MarkDecorator:
    """Runs a test once for each entry, under the id of the entry."""
    return pytest.mark.parametrize(name, list(entries), ids=attrgetter("id"))


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    """Draws normal numbers in float64 that float32 holds exactly."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator).double()


def draw_float64(*shape: int, seed: int = 0) -> torch.Tensor:
    """Draws normal numbers that float32 has to round."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def tensors(answer: Any) -> list[torch.Tensor]:
    return list(answer) if isinstance(answer, tuple) else [answer]


def in_float32(given: Any) -> Any:
    """Casts every floating tensor, also inside tuples and named tuples."""
    if isinstance(given, torch.Tensor):
        return given.float() if given.is_floating_point() else given
    if isinstance(given, tuple):
        parts = map(in_float32, given)
        return type(given)(*parts) if hasattr(given, "_fields") else tuple(parts)
    return given


def finite(part: torch.Tensor) -> torch.Tensor:
    return part.double().nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)


def agree(one: list[torch.Tensor], other: list[torch.Tensor], share: float) -> bool:
    """Whether answers are the same but for a share of the largest number of the other."""
    return all(
        a.shape == b.shape
        and (a.dtype == torch.bool) == (b.dtype == torch.bool)
        and torch.equal(a.isfinite(), b.isfinite())
        and bool((finite(a) - finite(b)).abs().max() <= share * finite(b).abs().max())
        for a, b in zip(one, other, strict=True)
    )


def largest(expected: list[torch.Tensor], condition: float = 1.0) -> list[float]:
    """Scale of each answer: its largest number, times the condition of its formula."""
    return [condition * float(part.abs().max()) for part in expected]


def claim_within_float32(
    answers: list[torch.Tensor],
    expected: list[torch.Tensor],
    scales: Iterable[float | torch.Tensor],
) -> None:
    """Answers in float32 keep to their tolerance, and yes-or-no answers stay such."""
    for answer, right, scale in zip(answers, expected, scales, strict=True):
        assert answer.dtype == (torch.bool if right.dtype == torch.bool else torch.float32)
        assert answer.shape == right.shape
        error = (answer.double() - right.double()).abs()
        assert (error <= FLOAT32_TOLERANCE * scale).all(), f"off by {error.max().item():.3g}"


def claim_differs(topic: Topic, mistake: Mistake) -> None:
    wrong = topic.answers(mistake.code, mistake.function)
    assert not agree(wrong, topic.right(mistake.function), 1e-2)


def claim_mistakes_differ_from_each_other(topic: Topic, function: str) -> None:
    found = {
        mistake.id: topic.answers(mistake.code, function)
        for mistake in topic.mistakes
        if mistake.function == function
    }
    alike = [pair for pair in combinations(found, 2) if agree(*map(found.get, pair), 1e-3)]
    assert alike == [], f"these look alike: {alike}"


def claim_on_top_is_itself(topic: Topic, mistake: Mistake) -> None:
    """A mistake made on top of the reference is the mistake's own code."""
    assert mistake.around is not None
    on_top = mistake.around(topic.right_code(mistake.function))
    alone = topic.answers(mistake.code, mistake.function)
    assert agree(topic.answers(on_top, mistake.function), alone, 1e-9)


def claim_three_of_each(topic: Topic, function: str) -> None:
    for entries in (topic.mistakes, topic.variants):
        count = sum(entry.function == function for entry in entries)
        assert count >= 3, f"{function} has {count} of {type(entries[0]).__name__}"


def claim_ids_and_sentences(topic: Topic) -> None:
    for entries in (topic.mistakes, topic.variants):
        assert len({entry.id for entry in entries}) == len(entries)
        assert {entry.function for entry in entries} == set(topic.given)
    for mistake in topic.mistakes:
        assert mistake.says[0].isupper(), mistake.says
        assert mistake.says[-1] in ".?", mistake.says


def claim_complete(topic: Topic) -> None:
    for function in topic.given:
        claim_three_of_each(topic, function)
    claim_ids_and_sentences(topic)


def claim_same_parameters(
    topic: Topic, entry: Mistake | Variant, optional: frozenset[str] = frozenset()
) -> None:
    """An entry takes what the reference takes, but for the optional; the rest has defaults."""
    asked = list(inspect.signature(topic.right_code(entry.function)).parameters)
    needed = [name for name in asked if name not in optional]
    taken = inspect.signature(entry.code).parameters
    assert list(taken)[: len(needed)] == needed, f"{list(taken)} for {needed}"
    for name in taken.keys() - set(asked):
        assert taken[name].default is not inspect.Parameter.empty, name
