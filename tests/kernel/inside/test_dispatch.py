"""Calls, seeds, gradients, states and names, asked of the dispatcher."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch

from grader.checks.subject import Call, Definition, Request
from grader.errors import SubjectError
from tests.kernel.inside.dispatched import Encoder, student

# calls


def test_one_failed_call_does_not_stop_the_others() -> None:
    answers = student(f=lambda x: 1 / x).map("f", [[1], [0], {"x": 2}])
    assert answers[0] == 1
    assert answers[2] == 0.5
    assert str(answers[1]) == "f raised ZeroDivisionError: division by zero"


def test_methods_are_found_along_dots() -> None:
    subject = student(Encoder=Encoder)
    model = subject.new("Encoder", width=3, scale=0.0)
    assert subject.call(model, np.ones((2, 3), np.float32)).tolist() == [[0.0], [0.0]]
    assert subject.call(model, method="net.weight.size") == (1, 3)
    (answer,) = subject.map(model, [[np.ones((1, 3), np.float32)]], method="forward")
    assert answer.tolist() == [[0.0]]


@pytest.mark.parametrize(
    ("target", "method", "says"),
    [
        ("absent", None, "absent is not defined"),
        ("number", None, "number is a int, not a function"),
        ("model", "decode", "Encoder has no decode"),
        ("model", "net.absent", "Linear has no absent"),
        ("model", "scale", "scale is a float, not a function"),
    ],
)
def test_what_is_not_there_to_be_called_is_missing(target: str, method: Any, says: str) -> None:
    subject = student(number=3, model=Encoder())
    with pytest.raises(SubjectError, match=says) as caught:
        subject.call(target, method=method)
    assert caught.value.fault == "missing"


def test_a_property_that_raises_is_the_students_error_even_a_key_error() -> None:
    with pytest.raises(SubjectError, match=r"broken\.call raised KeyError") as caught:
        student(model=Encoder()).call("model", method="broken.call")
    assert caught.value.fault == "error"


def test_new_keeps_whatever_was_made() -> None:
    subject = student(f=lambda: 3)
    handle = subject.new("f")
    assert handle.type_name == "int"
    with pytest.raises(SubjectError, match="int is a int, not a function"):
        subject.call(handle)


def test_a_result_that_was_kept_can_be_taken_apart_and_stays_differentiable() -> None:
    subject = student(f=lambda model, x: (model(x).sum(), 0.0), model=Encoder(width=3))
    model = subject.handle("model")
    total = subject.new(
        subject.new("f", model, np.ones((2, 3), np.float32)), 0, method="__getitem__"
    )
    subject.call(total, method="backward")
    assert subject.call(model, method="net.weight.grad.clone").tolist() == [[2.0, 2.0, 2.0]]


# seeds


def draws() -> tuple[Any, ...]:
    return torch.randn(3), np.random.rand(3), random.random()  # noqa: NPY002  as students do


def test_the_same_seed_gives_the_same_draws_of_every_generator() -> None:
    subject = student(f=draws)
    one, again, other = subject.repeat("f", seeds=[2**62 + 1, 2**62 + 1, 5])
    for index in range(3):
        assert np.array_equal(one[index], again[index])
        assert not np.array_equal(one[index], other[index])


def test_without_a_seed_nothing_is_seeded() -> None:
    subject = student(f=draws)
    assert subject.call("f")[2] != subject.call("f")[2]


# gradients


def test_gradients_are_vector_jacobian_products() -> None:
    x, weights = np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.0, -2.0])
    answer, (gradient,) = student(f=lambda x: x**2).gradient("f", x, wrt=[0], cotangent=weights)
    assert answer.tolist() == [1, 4, 9]
    assert gradient.tolist() == (2 * x * weights).tolist()


def test_many_gradients_come_in_one_message() -> None:
    subject = student(half_square=lambda x: (x**2).sum() / 2, fails=lambda x: x.nothing)
    inputs = [np.full(size, size, np.float32) for size in (1, 2, 3)]
    found = subject.gradients("half_square", [(x,) for x in inputs], wrt=(0,))
    assert [float(answer) for answer, _ in found] == [0.5, 4.0, 13.5]
    assert all(np.array_equal(slope, x) for (_, [slope]), x in zip(found, inputs, strict=True))
    with pytest.raises(SubjectError, match="fails raised AttributeError"):
        subject.gradients("fails", [(inputs[0],)], wrt=(0,))


def test_gradients_by_name_of_a_method_and_of_the_first_of_several_outputs() -> None:
    subject = student(model=Encoder(scale=2.0))
    model = subject.handle("model")
    _, (by_x,) = subject.gradient(model, x=np.ones((1, 2), np.float32), wrt=["x"], method="forward")
    weight = subject.state(model)["net.weight"]
    assert np.allclose(by_x, 2 * weight)
    _, (first,) = student(f=lambda x: (3 * x, x)).gradient("f", np.float64(1), wrt=[0])
    assert first == 3
    _, (first,) = student(f=lambda x: [2 * x, x]).gradient("f", np.float64(1), wrt=[0])
    assert first == 2


def test_detached_answers_and_unused_inputs_have_the_gradient_zero_in_their_own_dtype() -> None:
    subject = student(f=lambda x, y: x.detach(), g=lambda x, y: 2 * x)
    x, y = np.ones(2), np.ones((1, 2), np.float32)
    _, (by_x, by_y) = subject.gradient("f", x, y, wrt=[0, 1])
    assert by_x.tolist() == [0, 0]
    assert (by_y.shape, by_y.dtype) == ((1, 2), np.float32)
    _, (by_x, by_y) = subject.gradient("g", x, y, wrt=[0, 1])
    assert by_x.tolist() == [2, 2]
    assert by_y.tolist() == [[0, 0]]


@pytest.mark.parametrize("answer", ["text", 3.0, None, [], ["text"]])
def test_an_answer_without_gradient_is_the_students_error(answer: Any) -> None:
    with pytest.raises(SubjectError, match="where a tensor is needed for a gradient"):
        student(f=lambda x: answer).gradient("f", np.ones(1), wrt=[0])


# state


def test_state_goes_out_and_in_strictly() -> None:
    subject = student(Encoder=Encoder)
    one, two = subject.new("Encoder", seed=1), subject.new("Encoder", seed=2)
    x = np.ones((1, 2), np.float32)
    assert subject.call(one, x) != subject.call(two, x)
    subject.load_state(two, subject.state(one))
    assert subject.call(one, x) == subject.call(two, x)
    with pytest.raises(SubjectError, match="Missing key"):
        subject.load_state(two, {"net.weight": np.zeros((1, 2), np.float32)})
    with pytest.raises(SubjectError, match="size mismatch"):
        subject.load_state(two, {"net.weight": np.zeros((9, 9)), "net.bias": np.zeros(1)})


def test_state_of_what_is_no_module_is_the_students_error() -> None:
    subject = student(number=3, odd=type("Odd", (), {"state_dict": lambda self: 3})())
    with pytest.raises(SubjectError, match="state_dict raised AttributeError"):
        subject.state(subject.handle("number"))
    with pytest.raises(SubjectError, match="state_dict raised AttributeError"):
        subject.state(subject.handle("odd"))


# names


def test_definitions_tell_functions_classes_values_and_nothing() -> None:
    subject = student(f=lambda a, *, b=1: a, Encoder=Encoder, number=3, builtin=dict.fromkeys)
    assert subject.definition("f") == Definition("function", ("a", "b"))
    assert subject.definition("Encoder") == Definition("class", ("width", "scale"))
    assert subject.definition("number") == Definition("value")
    assert subject.definition("absent") == Definition("missing")


def test_a_signature_that_raises_is_no_signature() -> None:
    class Hostile:
        def __call__(self) -> None: ...

        @property
        def __signature__(self) -> Any:
            raise RuntimeError

    assert student(f=Hostile()).definition("f") == Definition("function")


def test_variables_are_copied_out_or_left_where_they_are() -> None:
    losses = [torch.tensor(1.0)]
    subject = student(losses=losses, bad=torch.zeros(1, dtype=torch.cfloat))
    assert subject.value("losses")[0] == 1.0
    assert subject.handle("losses").type_name == "list"
    for ask in (subject.value, subject.handle):
        with pytest.raises(SubjectError, match="absent is not defined") as caught:
            ask("absent")
        assert caught.value.fault == "missing"
    with pytest.raises(SubjectError, match="bad raised TypeError"):
        subject.value("bad")


def test_an_empty_request_has_no_answers() -> None:
    assert student(f=len)._request(Request("f", ())) == []
    (alone,) = student(f=len)._request(Request("f", (Call(),)))
    assert alone.fault == "error"


@pytest.mark.parametrize("several", [tuple, list])
def test_of_several_answers_the_first_is_differentiated(several: Any) -> None:
    subject = student(f=lambda x: several([3 * x, x.detach()]))
    _, (slope,) = subject.gradient("f", np.ones(2), wrt=(0,))
    assert slope.tolist() == [3, 3]
