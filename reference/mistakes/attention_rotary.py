"""Rotary positions as students get them wrong, and as they get them right.

Turning the other way, counting positions from one or pairing feature i with i + D / 2 keeps norms
and relative positions alike: these are conventions, and none of them is listed as a mistake.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from reference.mistakes.catalogue import Mistake, Variant


def _angles(
    length: int,
    head_size: int,
    base: float,
    sign: float = -1.0,
    dtype: torch.dtype = torch.float64,
) -> Tensor:
    exponents = sign * torch.arange(0, head_size, 2, dtype=dtype) / head_size
    paces: Tensor = base**exponents
    return torch.outer(torch.arange(length, dtype=dtype), paces)


def _one_wavelength(length: int, head_size: int, base: float = 10000.0) -> Tensor:
    slowest = torch.full((head_size // 2,), base ** (2 / head_size - 1))
    return torch.outer(torch.arange(length).to(slowest), slowest)


def _pairs_for_features(length: int, head_size: int, base: float = 10000.0) -> Tensor:
    paces: Tensor = base ** (-torch.arange(head_size // 2) / head_size)
    return torch.outer(torch.arange(length).to(paces), paces)


def _turned(x: Tensor, cos: Tensor, sin: Tensor, sign: float = -1.0) -> Tensor:
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cos + sign * odd * sin, even * sin + odd * cos], -1).flatten(-2)


def _rotated(x: Tensor, angles: Tensor) -> Tensor:
    return _turned(x, angles.cos().to(x), angles.sin().to(x))


def _added(x: Tensor, angles: Tensor) -> Tensor:
    return x + torch.stack([angles.sin(), angles.cos()], -1).flatten(-2).to(x)


def _added_and_rescaled(x: Tensor, angles: Tensor) -> Tensor:
    added = _added(x, angles)
    rescaled: Tensor = added * x.norm(dim=-1, keepdim=True) / added.norm(dim=-1, keepdim=True)
    return rescaled


_ANGLES = (
    Mistake(
        "angles/rising-frequencies",
        "rotary_angles",
        "Do later pairs of features turn faster than the first, or more slowly?",
        lambda length, head_size, base=10000.0: _angles(length, head_size, base, sign=1.0),
        around=lambda angles: (
            lambda length, head_size, base=10000.0: angles(length, head_size, 1 / base)
        ),
    ),
    Mistake(
        "angles/pairs-counted-as-features",
        "rotary_angles",
        "Your slowest pair is faster than it should be: what does the exponent count?",
        _pairs_for_features,
    ),
    Mistake(
        "angles/one-wavelength",
        "rotary_angles",
        "Does every pair of features turn at its own pace?",
        _one_wavelength,
    ),
    Mistake(
        "angles/position-squared",
        "rotary_angles",
        "Move query and key along together: should their score change?",
        lambda length, head_size, base=10000.0: (
            _angles(length, head_size, base) * torch.arange(length).unsqueeze(-1)
        ),
        around=lambda angles: (
            lambda length, head_size, base=10000.0: (
                angles(length, head_size, base) * torch.arange(length).unsqueeze(-1)
            )
        ),
    ),
)

_TURN = (
    Mistake(
        "rotary/sign-lost",
        "apply_rotary",
        "A turn keeps lengths; does yours? Look at both rows of the matrix.",
        lambda x, angles: _turned(x, angles.cos().to(x), angles.sin().to(x), sign=1.0),
    ),
    Mistake(
        "rotary/cosine-only",
        "apply_rotary",
        "A turn keeps lengths; where has the rest of each pair gone?",
        lambda x, angles: _turned(x, angles.cos().to(x), 0 * angles.to(x)),
    ),
    Mistake(
        "rotary/one-angle-for-every-position",
        "apply_rotary",
        "Exchange two positions: does anything but their order change?",
        lambda x, angles: _rotated(x, angles[-1:].expand_as(angles)),
        around=lambda turn: lambda x, angles: turn(x, angles[-1:].expand_as(angles)),
    ),
    Mistake(
        "rotary/degrees",
        "apply_rotary",
        "In which units do the cosine and the sine want their angle?",
        lambda x, angles: _rotated(x, angles.deg2rad()),
        around=lambda turn: lambda x, angles: turn(x, angles.deg2rad()),
    ),
    Mistake(
        "rotary/added",
        "apply_rotary",
        "A turn keeps lengths; does yours? Feed it zeros.",
        _added,
    ),
    Mistake(
        "rotary/added-and-rescaled",
        "apply_rotary",
        "Lengths are kept, but move query and key along together: should their score change?",
        _added_and_rescaled,
    ),
)

MISTAKES: tuple[Mistake, ...] = _ANGLES + _TURN


def _as_complex(x: Tensor, angles: Tensor) -> Tensor:
    pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2).contiguous())
    turned = pairs * torch.polar(torch.ones_like(angles), angles)
    return torch.view_as_real(turned).flatten(-2)


def _by_matrices(x: Tensor, angles: Tensor) -> Tensor:
    cos, sin = angles.cos(), angles.sin()
    matrices = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)
    pairs = x.reshape(*x.shape[:-1], -1, 2, 1)
    return (matrices @ pairs).reshape(x.shape)


def _by_exponentials(length: int, head_size: int, base: float = 10000.0) -> Tensor:
    steps = torch.arange(0, head_size, 2).float() * (-math.log(base) / head_size)
    return torch.einsum("t,d->td", torch.arange(length).float(), torch.exp(steps))


def _halves(x: Tensor, angles: Tensor) -> Tensor:
    """Feature i turns with i + D / 2, as in many published models."""
    cos, sin = (torch.cat([part, part], dim=-1).to(x) for part in (angles.cos(), angles.sin()))
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-second, first], dim=-1) * sin


# Right by another convention than the reference's: norms and relative positions are kept.
CONVENTIONS: tuple[Variant, ...] = (
    Variant("rotary/halves", "apply_rotary", _halves),
    Variant("rotary/backwards", "apply_rotary", lambda x, angles: _rotated(x, -angles)),
    Variant(
        "angles/from-one",
        "rotary_angles",
        lambda length, head_size, base=10000.0: _angles(length + 1, head_size, base)[1:],
    ),
)

VARIANTS: tuple[Variant, ...] = (
    Variant(
        "angles/powers",
        "rotary_angles",
        lambda length, head_size, base=10000.0: _angles(
            length, head_size, base, dtype=torch.float32
        ),
    ),
    Variant("angles/exponentials", "rotary_angles", _by_exponentials),
    Variant(
        "angles/quotient",
        "rotary_angles",
        lambda length, head_size, base=10000.0: (
            torch.arange(length)[:, None]
            / torch.pow(torch.tensor(base), torch.arange(0, head_size, 2) / head_size)
        ),
    ),
    Variant("rotary/pairs", "apply_rotary", _rotated),
    Variant("rotary/complex", "apply_rotary", _as_complex),
    Variant("rotary/matrices", "apply_rotary", _by_matrices),
    *CONVENTIONS,
)
