"""What is asked in tensors: a formula, a sampler, a split evaluation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from grader.checks import (
    Subject,
    as_array,
    check,
    expect,
    expect_close,
    expect_shape,
    expect_standard_normal,
)
from grader.checks.exact_null import detects

COUNT, ALPHA = 512, 1e-9


@check("scale", points=2)
def twice_is_twice(subject: Subject) -> None:
    """The answer is twice the tensor, in its shape."""
    for shape in ((3,), (2, 3), (1,)):
        values = np.arange(1, 1 + np.prod(shape), dtype=np.float32).reshape(shape)
        expect_close(subject.call("scale", values=values), 2 * values, given={"values": values})


@check("noise", points=1, alpha=ALPHA, detects=detects((COUNT,), ALPHA, {}))
def noise_is_new_every_time(subject: Subject, seed: Callable[[str], int]) -> None:
    """Noise is standard normal and follows the seed."""
    first = as_array(subject.call("noise", COUNT, seed=seed("first")))
    again = as_array(subject.call("noise", COUNT, seed=seed("second")))
    expect_shape(first, (COUNT,))
    expect(not np.array_equal(first, again), "Two seeds give the same noise.")
    expect_standard_normal(first, alpha=ALPHA)


@check("apart", points=1)
def the_decoder_sees_its_code_alone(subject: Subject) -> None:
    """What was encoded elsewhere changes nothing in the decoder."""
    subject.call("encode", 1234.5)
    expect_close(subject.rebuilt().call("decode", 1.5), 3.0, given={"code": 1.5})
