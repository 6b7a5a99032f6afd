"""What crosses to the student's side and back, and what does not."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from grader.checks.subject import Callback, Handle
from grader.errors import SubjectError
from tests.kernel.inside.dispatched import fails, student


def returned(answer: Any) -> Any:
    return student(f=lambda: answer).call("f")


# what arrives


def test_arrays_arrive_as_tensors_of_the_same_dtype_that_own_their_memory() -> None:
    given = np.ones(3, np.float32)
    seen = []

    def f(x: torch.Tensor, *, y: Any) -> None:
        seen.extend([x, y])
        x.zero_()

    student(f=f).call("f", given, y=[np.float64(2), (None, "text")])
    assert seen[0].dtype == torch.float32
    assert seen[1][0].dtype == torch.float64
    assert seen[1][1] == (None, "text")
    assert given.tolist() == [1, 1, 1]


def test_what_a_check_sends_may_be_read_only() -> None:
    given = np.ones(3)
    given.flags.writeable = False
    assert student(f=lambda x: x + 1).call("f", given).tolist() == [2, 2, 2]


# what comes back


class Pair(NamedTuple):
    mean: Any
    log_std: Any


class Array(np.ndarray):
    pass


def test_plain_values_come_back_as_they_are() -> None:
    for value in (None, True, 3, 2.5, "text", [1, (2, 3)], {"a": None}):
        assert returned(value) == value


@pytest.mark.parametrize(
    "value",
    [
        torch.tensor([1.0, 2.0]),
        torch.tensor([1.0, 2.0], requires_grad=True),
        torch.nn.Parameter(torch.tensor([1.0, 2.0])),
        torch.tensor([[1.0, 9.0], [2.0, 9.0]])[:, 0],
        torch.tensor([1.0, 2.0], dtype=torch.bfloat16),
        np.array([1.0, 2.0], ">f4"),
        np.array([1.0, 2.0], np.longdouble),
        np.array([1.0, 2.0]).view(Array),
        np.ma.masked_array([1.0, 2.0]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_numeric_answers_become_plain_arrays(value: Any) -> None:
    answer = returned(value)
    assert type(answer) is np.ndarray
    assert answer.dtype.isnative
    assert answer.dtype.itemsize <= 8
    assert answer.tolist() == [1.0, 2.0]


def test_numpy_scalars_and_empty_tensors_keep_dtype_and_shape() -> None:
    assert returned(np.int16(3)).dtype == np.int16
    assert returned(torch.zeros(0, 3)).shape == (0, 3)
    assert returned(torch.tensor(True)).dtype == np.bool_


def test_negated_views_are_resolved() -> None:
    imaginary = torch.tensor([1 + 2j]).conj().imag
    assert imaginary.is_neg()
    assert returned(imaginary).tolist() == [-2.0]


def test_subclasses_of_containers_become_plain_ones() -> None:
    answer = returned(Pair(torch.zeros(1), OrderedDict(x=1)))
    assert type(answer) is tuple
    assert type(answer[1]) is dict
    assert list(returned({1: 2})) == ["1"]


@pytest.mark.parametrize(
    "value",
    [
        torch.zeros(2, dtype=torch.complex64),
        torch.zeros(2).to_sparse(),
        torch.eye(2).to_sparse_coo(),
        torch.zeros(2, device="meta"),
        np.zeros(2, complex),
        np.array([None]),
        np.array(["text"]),
        np.zeros(1, [("a", float)]),
    ],
    ids=lambda value: f"{type(value).__name__}-{value.dtype}-{getattr(value, 'layout', '')}",
)
def test_values_that_are_no_numeric_answer_are_the_students_error(value: Any) -> None:
    assert "f raised TypeError" in str(fails(f=lambda: value))


@pytest.mark.parametrize("value", [2**63, "half \ud800", "x" * (2 << 20), {"\ud800": 1}])
def test_values_that_cannot_cross_are_refused_here_one_by_one(value: Any) -> None:
    bad, good = student(f=lambda which: value if which else 1).map("f", [[True], [False]])
    assert isinstance(bad, SubjectError)
    assert good == 1


def test_a_list_that_holds_itself_is_an_error() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert "RecursionError" in str(fails(f=lambda: endless))


def test_other_objects_stay_and_a_handle_comes_back() -> None:
    subject = student(make=lambda: [torch.distributions.Normal(0.0, 1.0)], use=lambda d: d.mean)
    (handle,) = subject.call("make")
    assert handle == Handle(0, "Normal")
    assert subject.call("use", handle) == 0.0


# the grader's functions


def test_a_callback_is_a_module_with_a_device_and_parameters() -> None:
    def f(decoder: torch.nn.Module, z: torch.Tensor) -> Any:
        assert isinstance(decoder, torch.nn.Module)
        decoder.eval().to(next(decoder.parameters()).device)
        with torch.no_grad():
            return decoder(z.to(decoder.device), flag=True) + 1

    def ours(z: Any, *, flag: bool) -> Any:
        assert type(z) is np.ndarray
        assert flag is True
        return 10 * z

    assert student(f=f).call("f", Callback(ours), np.arange(2.0)).tolist() == [1, 11]


def test_what_our_function_cannot_take_is_the_students_error() -> None:
    error = fails(Callback(lambda z: z.reshape(7)), f=lambda decoder: decoder(torch.zeros(2)))
    assert "the function that was passed in cannot take this: cannot reshape" in str(error)


def test_our_function_may_answer_with_what_can_cross_only() -> None:
    error = fails(Callback(lambda: torch.zeros(1)), f=lambda decoder: decoder())
    assert "a Tensor cannot cross" in str(error)


def test_a_shape_arrives_as_torch_has_it() -> None:
    subject = student(f=lambda shape: [shape[1:].numel(), len(shape)], g=lambda pair: sum(pair))
    assert subject.call("f", (3, 1, 4, 5)) == [20, 4]
    assert subject.call("g", (1.5, 2)) == 3.5
    assert subject.call("g", [1, 2]) == 3
