"""Public checks of normalisation: each decides by definition, so students may have them.

Nothing of the reference is used: norms are written out, Jacobians are taken by complex steps. The
checks of blocks and of depth stand in files of their own.
"""

from __future__ import annotations

import numpy as np

from assignments.transformer_norm.block_checks import (
    block_has_two_residual_branches,
    branch_of_pre_norm_ignores_shift_and_scale,
    each_pre_norm_block_adds_its_branch,
    each_res_post_norm_block_adds_its_branch,
    post_norm_stands_after_the_sum,
    pre_norm_stands_before_the_sublayer,
    res_post_norm_stands_inside_the_branch,
    silent_block_leaves_the_stream,
    silent_post_norm_is_the_norm,
    silent_pre_norm_is_the_identity,
    silent_res_post_norm_is_the_identity,
    stack_ends_with_its_norm,
)
from assignments.transformer_norm.definitions import (
    Given,
    cycled,
    expected_jacobian,
    expected_norm,
    expected_rms,
    gain,
    norm_inputs,
    shift,
    streams,
)
from assignments.transformer_norm.depth_checks import (
    gradients_are_those_of_the_stack,
    post_norm_multiplies_over_layers,
    pre_norm_multiplies_over_layers,
    res_post_norm_multiplies_over_layers,
)
from assignments.transformer_norm.layers import judge_norm
from grader.checks import (
    Array,
    Expected,
    Subject,
    as_array,
    check,
    expect_all_close,
    expect_close,
    expect_shape,
)

__all__ = [
    "block_has_two_residual_branches",
    "branch_of_pre_norm_ignores_shift_and_scale",
    "each_pre_norm_block_adds_its_branch",
    "each_res_post_norm_block_adds_its_branch",
    "gradients_are_those_of_the_stack",
    "post_norm_multiplies_over_layers",
    "post_norm_stands_after_the_sum",
    "pre_norm_multiplies_over_layers",
    "pre_norm_stands_before_the_sublayer",
    "res_post_norm_multiplies_over_layers",
    "res_post_norm_stands_inside_the_branch",
    "silent_block_leaves_the_stream",
    "silent_post_norm_is_the_norm",
    "silent_pre_norm_is_the_identity",
    "silent_res_post_norm_is_the_identity",
    "stack_ends_with_its_norm",
]

# 1.1 Layer norm


@check("layer-norm", points=2)
def features_get_mean_zero_and_variance_one(subject: Subject) -> None:
    """Each position's features get mean zero and variance one, then a gain and a shift."""
    judge_norm(subject, "layer_norm", norm_inputs(), expected_norm)


@check("layer-norm", points=0.5)
def positions_are_normed_on_their_own(subject: Subject) -> None:
    """A position is normed as if it were alone: no other one, and no other example, matters."""
    x = streams()[-1]
    size = x.shape[-1]
    whole = Given(x, gain(size), shift(size), 1e-5)
    judge_norm(subject, "layer_norm", [whole], expected_norm)
    alone = [whole._replace(x=x[i : i + 1, j : j + 1]) for i in range(3) for j in range(2)]
    judge_norm(subject, "layer_norm", alone, expected_norm)


# 1.2 Root-mean-square norm


@check("rms-norm", points=1)
def root_mean_square_becomes_one(subject: Subject) -> None:
    """Each position is divided by its root mean square, not centred, and multiplied by a gain."""
    judge_norm(subject, "rms_norm", norm_inputs(), expected_rms, takes_bias=False)


# 1.3 The Jacobian


def vectors() -> list[tuple[Array, Array, float]]:
    """Vectors with a gain and an epsilon, simplest first."""
    made = []
    for size in (2, 3, 4, 7):
        x = streams()[-1].ravel()[:size]
        ones = np.ones(size, np.float32)
        made += [(x, ones, 1e-5), (x, gain(size), 1e-5), (x + 2, gain(size), 0.25)]
    return made


@check("jacobian", points=1.5)
def jacobian_is_the_change_of_the_norm(subject: Subject) -> None:
    """Row i, column j is how much output i of layer norm changes with input j."""
    answers = subject.map("layer_norm_jacobian", vectors())
    expect_all_close(answers, [expected_jacobian(*v) for v in vectors()], given=vectors())


@check("jacobian", points=0.5)
def rows_are_orthogonal_to_ones_and_to_the_norm(subject: Subject) -> None:
    """Shifting or stretching x changes nothing: such directions meet a Jacobian that is zero."""
    x = cycled((3.0, -1.0, 0.5, 2.0, -2.5), (5,))
    ones, eps = np.ones(5, np.float32), 1e-12
    answer = as_array(subject.call("layer_norm_jacobian", x, ones, eps))
    expect_shape(answer, (5, 5))
    scale = expected_jacobian(x, ones, eps).scale
    assert scale is not None
    wide = answer.astype(np.float64)
    centred = x - x.mean(dtype=np.float64)
    for direction, what in ((ones.astype(np.float64), "all ones"), (centred, "x less its mean")):
        expect_close(
            (wide @ direction).astype(answer.dtype),
            Expected(np.zeros(5), scale @ np.abs(direction), "the change along it"),
            given={"x": x, "weight": ones},
            function=f"layer_norm_jacobian, times the direction of {what},",
        )
