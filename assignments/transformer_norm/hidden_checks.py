"""Hidden checks of normalisation: against the reference, on streams of realistic width."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from assignments.transformer_norm.definitions import (
    Given,
    expected_jacobian,
    expected_norm,
    expected_rms,
)
from assignments.transformer_norm.layers import judge_norm
from grader.checks import Array, Expected, Subject, check, expect, expect_all_close
from grader.checks.figures import decode_png, expect_drawn, pngs_of
from reference.norm import layer_norm, layer_norm_jacobian, rms_norm


def wide_inputs(seed: int) -> list[Given]:
    """Streams of up to 256 features, far from zero and of any scale, float32."""
    rng = np.random.default_rng(seed)
    made = []
    for size, spread, centre in ((16, 1.0, 0.0), (64, 30.0, 5.0), (256, 1e-2, 0.0)):
        x = rng.normal(centre, spread, (3, 4, size)).astype(np.float32)
        weight, bias = rng.normal(0, 1, (2, size)).astype(np.float32)
        made.append(Given(x, weight, bias, 1e-5))
    return made


def _wide(*arrays: Array) -> list[torch.Tensor]:
    return [torch.from_numpy(array.astype(np.float64)) for array in arrays]


def _layer_norm(given: Given) -> Expected:
    x, weight, bias = _wide(*given[:3])
    value = layer_norm(x, weight, bias, given.eps).numpy()
    return Expected(value, expected_norm(given).scale)


def _rms_norm(given: Given) -> Expected:
    x, weight = _wide(given.x, given.weight)
    value = rms_norm(x, weight, given.eps).numpy()
    return Expected(value, expected_rms(given).scale)


@check("layer-norm", points=0.5)
def layer_norm_agrees_on_wide_streams(subject: Subject, seed: Callable[[str], int]) -> None:
    """Layer norm is right for many features, far from zero and close together."""
    judge_norm(subject, "layer_norm", wide_inputs(seed("inputs")), _layer_norm)


@check("rms-norm", points=0.5)
def rms_norm_agrees_on_wide_streams(subject: Subject, seed: Callable[[str], int]) -> None:
    """The root-mean-square norm is right for many features, of any scale."""
    inputs = wide_inputs(seed("inputs"))
    judge_norm(subject, "rms_norm", inputs, _rms_norm, takes_bias=False)


@check("jacobian", points=0.5)
def jacobian_agrees_for_wide_vectors(subject: Subject, seed: Callable[[str], int]) -> None:
    """The Jacobian is right for vectors of many features."""
    inputs, expected = [], []
    for given in wide_inputs(seed("inputs"))[:2]:
        row = given.x[0, 0]
        x, weight = _wide(row, given.weight)
        value = layer_norm_jacobian(x, weight, given.eps).numpy()
        inputs.append((row, given.weight, given.eps))
        expected.append(Expected(value, expected_jacobian(*inputs[-1]).scale))
    expect_all_close(subject.map("layer_norm_jacobian", inputs), expected, given=inputs)


@check("curves", points=0.5)
def curves_are_shown(outputs: Sequence[Mapping[str, Any]], question: Any) -> None:
    """The notebook shows the curves that it recorded while it trained."""
    pictures = [decode_png(png) for png in pngs_of(outputs, question.figure.after)]
    expect(
        len(pictures) > 0,
        f"There is no figure in the output of the cell {question.figure.after!r}, nor of those "
        "added to it.",
    )
    expect_drawn(pictures[-1])
