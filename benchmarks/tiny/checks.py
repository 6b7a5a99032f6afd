"""What decides the two questions of the smallest sheet that is still one."""

import math

from grader.checks import Subject, check, expect_close


@check("norm", points=1)
def norm_is_the_length(subject: Subject) -> None:
    """The vector (3, 4) has length 5."""
    expect_close(subject.call("norm", [3.0, 4.0]), 5.0)


@check("softplus", points=2)
def softplus_is_smooth_at_zero(subject: Subject) -> None:
    """At 0 it is log 2."""
    expect_close(subject.call("softplus", 0.0), math.log(2))
