"""Additive alignment as students get it wrong, and as they get it right."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from reference.mistakes.attention_masks import (
    MASKS,
    WRONG,
    Mask,
    Normalise,
    logarithmic,
    renormalised,
    softmax,
)
from reference.mistakes.catalogue import Mistake, Variant


def _hidden(
    states: Tensor, annotations: Tensor, of_state: Tensor, of_annotation: Tensor
) -> tuple[Tensor, Tensor]:
    of_states = F.linear(states, of_state).unsqueeze(-2)  # (..., Q, 1, a)
    return of_states, F.linear(annotations, of_annotation).unsqueeze(-3)


def _scores(
    states: Tensor,
    annotations: Tensor,
    of_state: Tensor,
    of_annotation: Tensor,
    direction: Tensor,
    joined: Callable[[Tensor, Tensor], Tensor] = torch.add,
    squashed: Callable[[Tensor], Tensor] = torch.tanh,
) -> Tensor:
    hidden = _hidden(states, annotations, of_state, of_annotation)
    return squashed(joined(*hidden)) @ direction


def _linear(x: Tensor) -> Tensor:
    return x


def _squashed_last(
    states: Tensor, annotations: Tensor, of_state: Tensor, of_annotation: Tensor, direction: Tensor
) -> Tensor:
    return torch.tanh(
        _scores(states, annotations, of_state, of_annotation, direction, squashed=_linear)
    )


def _squashed_apart(of_state: Tensor, of_annotation: Tensor) -> Tensor:
    return torch.tanh(of_state) + torch.tanh(of_annotation)


def _annotation_for_each_state(
    states: Tensor, annotations: Tensor, of_state: Tensor, of_annotation: Tensor, direction: Tensor
) -> Tensor:
    return _scores(states, annotations, of_state, of_annotation, direction).mT


def _without_direction(
    states: Tensor, annotations: Tensor, of_state: Tensor, of_annotation: Tensor, direction: Tensor
) -> Tensor:
    return _scores(states, annotations, of_state, of_annotation, torch.ones_like(direction))


def _states_left_out(
    states: Tensor, annotations: Tensor, of_state: Tensor, of_annotation: Tensor, direction: Tensor
) -> Tensor:
    return _scores(torch.zeros_like(states), annotations, of_state, of_annotation, direction)


_ALIGNMENT: tuple[tuple[str, str, Callable[..., Tensor]], ...] = (
    (
        "tanh-missing",
        "Can your alignment prefer one annotation in one state and another in the next?",
        partial(_scores, squashed=_linear),
    ),
    (
        "sigmoid-for-tanh",
        "With everything at zero, what should the score be?",
        partial(_scores, squashed=torch.sigmoid),
    ),
    (
        "tanh-after-the-direction",
        "How large may a score become: is it squashed itself, or what it is made of?",
        _squashed_last,
    ),
    (
        "squashed-apart",
        "State and annotation have to meet before the nonlinearity; where do yours?",
        partial(_scores, joined=_squashed_apart, squashed=_linear),
    ),
    (
        "multiplied",
        "How does the additive alignment join the state and the annotation?",
        partial(_scores, joined=torch.mul),
    ),
    (
        "axes-exchanged",
        "Which index of your scores counts the states?",
        _annotation_for_each_state,
    ),
    (
        "direction-missing",
        "One of the parameters never reaches your answer.",
        _without_direction,
    ),
    (
        "state-left-out",
        "Change the state: do your scores notice?",
        _states_left_out,
    ),
)


def _context(
    scores: Tensor, annotations: Tensor, mask: Mask = None, normalise: Normalise = softmax
) -> Tensor:
    return normalise(scores, mask) @ annotations


def _spread(scores: Tensor, annotations: Tensor, mask: Mask = None) -> Tensor:
    return _context(scores / math.sqrt(annotations.shape[-1]), annotations, mask)


def _remasked(name: str) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]] | None:
    change = MASKS.get(name)
    if change is None:
        return None
    return lambda attend: (
        lambda scores, annotations, mask=None: attend(scores, annotations, change(mask))
    )


MISTAKES: tuple[Mistake, ...] = (
    *(
        Mistake(f"alignment/{name}", "additive_scores", says, code)
        for name, says, code in _ALIGNMENT
    ),
    *(
        Mistake(
            f"additive/{name}",
            "additive",
            says,
            partial(_context, normalise=normalise),
            around=_remasked(name),
        )
        for name, says, normalise in WRONG
    ),
    Mistake(
        "additive/scaled",
        "additive",
        "Your scores are scaled once more; which kind of alignment asks for that?",
        _spread,
        around=lambda attend: (
            lambda scores, annotations, mask=None: attend(
                scores / math.sqrt(annotations.shape[-1]), annotations, mask
            )
        ),
    ),
)


def _scores_in_a_loop(
    states: Tensor, annotations: Tensor, of_state: Tensor, of_annotation: Tensor, direction: Tensor
) -> Tensor:
    rows = [
        torch.tanh((of_state @ state.unsqueeze(-1)).mT + annotations @ of_annotation.T) @ direction
        for state in states.unbind(-2)
    ]
    return torch.stack(rows, dim=-2)


def _scores_of_pairs(
    states: Tensor, annotations: Tensor, of_state: Tensor, of_annotation: Tensor, direction: Tensor
) -> Tensor:
    grid = (*states.shape[:-1], annotations.shape[-2])
    pairs = torch.cat(
        [
            states.unsqueeze(-2).expand(*grid, -1),
            annotations.unsqueeze(-3).expand(*grid, -1),
        ],
        dim=-1,
    )
    hidden = torch.tanh(F.linear(pairs, torch.cat([of_state, of_annotation], dim=1)))
    return (hidden * direction).sum(-1)


VARIANTS: tuple[Variant, ...] = (
    Variant("alignment/broadcast", "additive_scores", _scores),
    Variant("alignment/loop", "additive_scores", _scores_in_a_loop),
    Variant("alignment/pairs", "additive_scores", _scores_of_pairs),
    Variant("additive/softmax", "additive", _context),
    Variant("additive/renormalised", "additive", partial(_context, normalise=renormalised)),
    Variant(
        "additive/einsum",
        "additive",
        lambda scores, annotations, mask=None: torch.einsum(
            "...qk,...km->...qm", logarithmic(scores, mask), annotations
        ),
    ),
)
