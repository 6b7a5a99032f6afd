"""Networks with weights, on the student's side: does the loss teach them?

A function of ours has no weights that a backward pass could reach, so torch's own modules stand in.
"""

from __future__ import annotations

from grader.checks import CheckFailure, Handle, Subject, as_array, expect
from grader.checks.subject import Value
from grader.errors import SubjectError


def of_whole_times(subject: Subject, loss: Handle, axes: int) -> Handle:
    """A network of one weight and one bias, for images with this many axes and one channel.

    The second argument of a transposed convolution is the size of its answer. Timesteps pass for
    it: a batch of as many examples as a batch has axes, whose last `axes` times are the sizes of
    an image, gets back what it asks for.

    Raises:
        SubjectError: the loss is no tensor.
    """
    return subject.new(_torch(subject, loss), 1, 1, 1, method=f"nn.ConvTranspose{axes}d", seed=1)


def of_scaled_times(subject: Subject, loss: Handle, entries: int) -> Handle:
    """A network for data (B, entries) and times (B, 1) that need not be whole.

    Raises:
        SubjectError: the loss is no tensor.
    """
    sizes = (entries, 1, entries)
    return subject.new(_torch(subject, loss), *sizes, method="nn.Bilinear", seed=1)


def _torch(subject: Subject, loss: Handle) -> Handle:
    """The library that a tensor comes from: a student may import it by any name."""
    return subject.new(loss, "torch", method="backward.__globals__.__getitem__")


def expect_learning(
    subject: Subject,
    network: Handle,
    target: str | Handle,
    *given: Value,
    method: str | None = None,
    seed: int | None = None,
) -> bool:
    """Demands that the backward pass of a loss reaches the network; the loss is asked for here.

    Returns:
        Whether the loss could be asked for: a network like this takes no time of another shape.

    Raises:
        CheckFailure: nothing reaches it.
    """
    try:
        loss = subject.new(target, *given, method=method, seed=seed)
    except SubjectError:
        return False
    try:
        subject.call(subject.new(loss, method="sum"), method="backward")
        slope = as_array(subject.call(network, method="bias.grad.clone"))
    except SubjectError as error:
        if error.fault not in ("error", "missing"):
            raise
        raise CheckFailure(
            "A backward pass from your loss leaves the network without a gradient: it cannot learn."
        ) from error
    expect(slope.any(), "The gradient that your loss leaves in the network is zero.")
    return True
