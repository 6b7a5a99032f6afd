from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from grader.checks import CheckFailure, expect_all_close, ladder
from grader.checks.ladder import Gaussian
from grader.checks.recording import Recorder, recording
from grader.checks.stacking import ONE_IN, judge_stacked, stacks
from grader.errors import SubjectError, SubjectFault
from tests.checks.test_rungs import kl, right

RUNGS = ladder.gaussians()
Function = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Asked:
    """A function of rows, and how many were given to each call of it."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.rows: list[int] = []

    def judge(self, inputs: Sequence[Gaussian]) -> None:
        answers = [self.function(*given) for given in inputs]
        self.rows += [len(given.mean) for given in inputs]
        expect_all_close(answers, list(map(right, inputs)), given=inputs, function="KLD")


def failure_of(function: Function) -> tuple[CheckFailure, CheckFailure]:
    """The failure over stacks, and that of asking for every rung."""
    with pytest.raises(CheckFailure) as stacked:
        judge_stacked(Asked(function).judge, RUNGS)
    with pytest.raises(CheckFailure) as alone:
        Asked(function).judge(RUNGS)
    return stacked.value, alone.value


def test_rows_of_one_width_are_one_input() -> None:
    rungs = [Gaussian(given.mean, given.log_std + 0) for given in RUNGS]
    made = stacks(rungs)
    assert [stack.mean.shape for stack in made] == [(96, 1), (192, 2), (192, 3)]
    assert all(type(stack) is Gaussian and stack.mean.dtype == np.float32 for stack in made)
    rows = np.concatenate([given.log_std for given in rungs if given.log_std.shape[-1] == 2])
    assert np.array_equal(made[1].log_std, rows)


def test_a_right_function_is_called_for_each_width_and_for_one_input_in_thirteen() -> None:
    asked = Asked(kl)
    with recording(Recorder()) as recorder:
        judge_stacked(asked.judge, RUNGS)
    assert len(asked.rows) == 20 + 3
    assert sum(asked.rows[20:]) == 480  # every row of the ladder
    assert recorder.facts["inputs_tried"] == 256


def test_inputs_alone_are_of_every_shape() -> None:
    shapes = {given.mean.shape for given in RUNGS}
    assert {given.mean.shape for given in RUNGS[::ONE_IN]} == shapes


@pytest.mark.parametrize(
    "wrong",
    [
        lambda mean, log_std: kl(mean, log_std) / 2,
        lambda mean, log_std: kl(mean, log_std) + (mean == -0.75).any(-1),  # of few rungs
        lambda mean, log_std: kl(mean, log_std).mean() + 0 * mean[:, 0],  # of the other rows
        lambda mean, log_std: kl(mean, log_std).squeeze(),  # no axis for a batch of one
        lambda mean, log_std: kl(mean, log_std) + (len(mean) == 3),
        lambda mean, log_std: kl(mean, log_std) + (mean.shape == (1, 2)),
    ],
)
def test_what_is_wrong_fails_as_it_does_input_by_input(wrong: Function) -> None:
    stacked, alone = failure_of(wrong)
    assert stacked.counterexample == alone.counterexample
    assert stacked.message == alone.message


@pytest.mark.parametrize("raised", [SubjectError("too many rows"), None])
def test_a_function_for_small_batches_passes(raised: SubjectError | None) -> None:
    def small(mean: np.ndarray, log_std: np.ndarray) -> np.ndarray:
        if len(mean) > 3 and raised is not None:
            raise raised
        return kl(mean, log_std)[:3]

    asked = Asked(small)
    judge_stacked(asked.judge, RUNGS)
    assert asked.rows[-256:] == [len(given.mean) for given in RUNGS]


@pytest.mark.parametrize("fault", ["timeout", "memory", "missing"])
def test_what_took_too_long_is_not_asked_for_again(fault: SubjectFault) -> None:
    asks = []

    def judge(inputs: Sequence[Gaussian]) -> None:
        asks.append(len(inputs))
        raise SubjectError("no answer", fault)

    with pytest.raises(SubjectError, match="no answer"):
        judge_stacked(judge, RUNGS)
    assert asks == [23]
