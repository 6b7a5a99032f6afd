"""What is asked of every hand-in: plain numbers, so that no sandbox has to import torch."""

from __future__ import annotations

from grader.checks import Subject, check, expect_close


@check("double", points=1)
def twice_is_twice(subject: Subject) -> None:
    """The answer is twice the number."""
    for x in (0.5, 3.0, -2.25):
        expect_close(subject.call("double", x=x), 2 * x, given={"x": x})
