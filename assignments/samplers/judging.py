"""How the checks of samplers ask and judge, whatever precision and form an answer has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from assignments.samplers.definitions import expected_run, integrals
from assignments.samplers.known_data import GaussianData, KnownData
from grader.checks import (
    Array,
    Callback,
    CheckFailure,
    Expected,
    Subject,
    as_array,
    evidence,
    expect,
    expect_close,
    expect_shape,
    judge_by_any,
)
from grader.errors import SubjectError

RUN = ("x", "sigmas")


def asked(subject: Subject, name: str, inputs: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Answers in float32; in float64 where the code takes nothing else."""
    return _in_either_precision(inputs, lambda given: subject.map(name, given))


def repeated(
    subject: Subject, name: str, given: tuple[Any, ...], seeds: Sequence[int] = (1, 2)
) -> list[Any]:
    """Answers to the same call under these seeds of every global generator."""
    return _in_either_precision([given], lambda calls: subject.repeat(name, *calls[0], seeds=seeds))


def _in_either_precision(
    inputs: Sequence[tuple[Any, ...]], ask: Callable[[list[tuple[Any, ...]]], list[Any]]
) -> list[Any]:
    answers = ask(list(inputs))
    raised = [answer for answer in answers if isinstance(answer, SubjectError)]
    if not raised or raised[0].fault != "error":
        return answers
    wide = ask([tuple(map(_widened, given)) for given in inputs])
    return answers if any(isinstance(answer, SubjectError) for answer in wide) else wide


def _widened(value: Any) -> Any:
    is_float = isinstance(value, np.ndarray) and value.dtype == np.float32
    return value.astype(np.float64) if is_float else value


def numbers(answer: Any) -> Any:
    """A list of numbers as the array that it could be; anything else as it is."""
    if isinstance(answer, list | tuple) and answer:
        try:
            return np.asarray([as_array(part).reshape(()) for part in answer])
        except (SubjectError, ValueError):
            return answer
    return answer


def scalar(answer: Any) -> Any:
    """A tensor that holds one number as that number; anything else as it is."""
    return answer.reshape(()) if isinstance(answer, np.ndarray) and answer.size == 1 else answer


def pairs(answers: Sequence[Any], function: str) -> tuple[list[Any], list[Any]]:
    """First and second parts of answers that are two numbers each.

    Raises:
        CheckFailure: an answer is no pair.
    """
    firsts, seconds = [], []
    for answer in answers:
        two = (answer, answer) if isinstance(answer, SubjectError) else answer
        if not (isinstance(two, tuple | list | np.ndarray) and np.shape(two)[:1] == (2,)):
            raise CheckFailure(f"Your {function} should return two numbers: down and up.")
        firsts.append(scalar(two[0]))
        seconds.append(scalar(two[1]))
    return firsts, seconds


def judge_by_either(right: Callable[[], None], own: Callable[[], None]) -> None:
    """Makes the right demand, and where that fails what follows from an earlier answer.

    Raises:
        CheckFailure: neither explains the answers; it tells of the right one.
    """
    judge_by_any(lambda demand: demand(), right, [lambda: own])


def expect_repeatable(subject: Subject, name: str, model: Callable[..., Any], *given: Any) -> None:
    """Demands the same answer under two seeds.

    Raises:
        CheckFailure: the answers differ, or are no numbers.
    """
    first, second = repeated(subject, name, (Callback(model), *given))
    start = as_array(first)
    expect_shape(start, given[0].shape)
    expect_close(
        second,
        Expected(start, says="its answer to the same call under another seed"),
        given={"x": given[0]},
    )


STEPS = (8, 16, 32)
FLOW = GaussianData(1.0, 0.5)
FIRST, LAST = 2.0, 0.5


def flow_start() -> Array:
    """Data noised to the first level, float32."""
    return np.asarray([[4.0, -3.0], [-2.0, 6.0]], np.float32)


def flow_levels(steps: int) -> Array:
    """Levels at equal ratios, none of them zero, float32."""
    return np.geomspace(FIRST, LAST, steps + 1).astype(np.float32)


def expect_order(subject: Subject, name: str, order: int, *more: Any) -> None:
    """Demands that the error falls with the power of the step length that the method is known for.

    Orders are whole numbers, so what lies less than half below the right one is taken for it.

    Raises:
        CheckFailure: it falls more slowly.
    """
    x, end = flow_start(), FLOW.flow(flow_start().astype(np.float64), FIRST, LAST)
    given = [(Callback(FLOW), x, flow_levels(steps), *more) for steps in STEPS]
    errors = []
    for answer in asked(subject, name, given):
        found = as_array(answer)
        expect_shape(found, x.shape)
        errors.append(float(np.sqrt(np.mean((found.astype(np.float64) - end) ** 2))))
    doublings = np.log2(STEPS[-1] / STEPS[0])
    with np.errstate(all="ignore"):
        observed = float(np.log2(errors[0] / errors[-1]) / doublings)
    evidence(errors=errors, observed_order=observed)
    shown = ", ".join(f"{e:.2g} with {n}" for e, n in zip(errors, STEPS, strict=True))
    expect(
        observed > order - 0.5,
        f"On Gaussian data the exact end of every trajectory is known. Your {name} misses it by "
        f"{shown} steps; a method of order {order} divides its error by about {2**order} each "
        "time.",
    )


def own_weights(
    subject: Subject, sigmas: Array, order: int
) -> Callable[[Array, int, int], Expected] | None:
    """The student's multistep weights for every step over these levels; None where all are right.

    Raises:
        ValueError: an answer holds no such weights.
        SubjectError: an answer is no numbers at all.
    """
    given = [(sigmas, step, min(order, step + 1)) for step in range(len(sigmas) - 1)]
    answers = asked(subject, "linear_multistep_coefficients", given)
    weights = [as_array(numbers(answer)).astype(np.float64) for answer in answers]
    differ = False
    for weight, expected in zip(weights, (integrals(*each) for each in given), strict=True):
        if weight.shape != expected.value.shape:
            raise ValueError(f"{weight.shape} weights for {expected.value.shape} slopes")
        error = np.abs(weight - expected.value)
        differ = differ or not np.all(error <= expected.tolerance(np.dtype(np.float32)))
    return (lambda _, step, __: Expected(weights[step])) if differ else None


def run_at(data: KnownData, method: Any, x: Array, sigmas: Array, says: str = "") -> Expected:
    """A method's run over these levels, on data of this denoiser."""
    return expected_run(
        method, lambda at, step: data.denoised(at, np.float64(sigmas[step])), x, sigmas, says
    )
