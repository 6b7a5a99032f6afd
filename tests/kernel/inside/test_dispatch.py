"""Through `LocalSubject`, which hands every request to the dispatcher as it is."""

from __future__ import annotations

import random
from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from grader.checks.subject import Call, Callback, Definition, Handle, Request
from grader.errors import SubjectError
from grader.kernel.inside.dispatch import one_line
from grader.kernel.local import LocalSubject


class Encoder(torch.nn.Module):
    def __init__(self, width: int = 2, scale: float = 1.0) -> None:
        super().__init__()
        self.net = torch.nn.Linear(width, 1)
        self.scale = scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x) * self.scale

    @property
    def broken(self) -> Any:
        raise KeyError


def student(**namespace: Any) -> LocalSubject:
    return LocalSubject(namespace)


def returned(answer: Any) -> Any:
    return student(f=lambda: answer).call("f")


def fails(*args: Any, **namespace: Any) -> SubjectError:
    with pytest.raises(SubjectError) as caught:
        student(**namespace).call("f", *args)
    return caught.value


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


# errors


class MuteError(Exception):
    def __str__(self) -> str:
        raise SystemExit


class ChattyError(Exception):
    def __str__(self) -> str:
        return "two\nlines \x1b[31mred\x00 \ud800" + "x" * 100_000


class Lying(type):
    @property
    def __name__(cls) -> str:
        raise RuntimeError


class NamelessError(Exception, metaclass=Lying):
    pass


def raising(error: BaseException) -> Any:
    def f() -> None:
        raise error

    return f


@pytest.mark.parametrize(
    "error", [MuteError(), ChattyError(), NamelessError("x")], ids=["mute", "chatty", "name"]
)
def test_hostile_exceptions_are_described_in_one_bounded_printable_line(error: Exception) -> None:
    message = str(fails(f=raising(error)))
    assert message.startswith("f raised ")
    assert message.isprintable()
    assert len(message) < 500
    message.encode()


def test_an_exception_without_text_has_a_name() -> None:
    assert str(fails(f=raising(StopIteration()))) == "f raised StopIteration"


def test_exit_is_the_students_error() -> None:
    assert str(fails(f=raising(SystemExit(0)))) == "f raised SystemExit: 0"


def test_running_out_of_memory_is_told_apart() -> None:
    assert fails(f=raising(MemoryError())).fault == "memory"


def test_running_out_of_gpu_memory_is_told_apart() -> None:
    failure = fails(f=raising(torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to")))
    assert (failure.fault, str(failure)) == ("memory", "f ran out of GPU memory")
    assert fails(f=raising(RuntimeError("CUDA error"))).fault == "error"


def test_an_interrupt_ends_the_whole_request() -> None:
    asked = []

    def f(x: int) -> int:
        asked.append(x)
        if x == 1:
            raise KeyboardInterrupt
        return x

    answers = student(f=f).map("f", [[0], [1], [2], [3]])
    assert asked == [0, 1]
    assert answers[0] == 0
    assert [answer.fault for answer in answers[1:]] == ["timeout"] * 3


def test_an_empty_request_has_no_answers() -> None:
    assert student(f=len)._request(Request("f", ())) == []
    assert (
        student(f=len)
        ._request(
            Request(
                "f",
                (
                    Call(
                        (),
                    ),
                ),
            )
        )[0]
        .fault
        == "error"
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\n\tb  c", "a b c"),
        ("\x1b[0m", "\N{REPLACEMENT CHARACTER}[0m"),
        ("\u202egnp", "\N{REPLACEMENT CHARACTER}gnp"),
        ("x" * 20, "x" * 10),
    ],
)
def test_one_line_is_printable_and_bounded(text: str, line: str) -> None:
    assert one_line(text, 10) == line


def test_a_stub_that_was_handed_out_is_not_attempted() -> None:
    def stub() -> Any:
        raise NotImplementedError

    def refuses() -> Any:
        raise NotImplementedError("for a batch of one")

    error = fails(f=stub)
    assert (error.fault, str(error)) == (
        "missing",
        "not attempted: f is still as it was handed out",
    )
    assert fails(f=refuses).fault == "error"


def test_a_shape_arrives_as_torch_has_it() -> None:
    subject = student(f=lambda shape: [shape[1:].numel(), len(shape)], g=lambda pair: sum(pair))
    assert subject.call("f", (3, 1, 4, 5)) == [20, 4]
    assert subject.call("g", (1.5, 2)) == 3.5
    assert subject.call("g", [1, 2]) == 3


@pytest.mark.parametrize("several", [tuple, list])
def test_of_several_answers_the_first_is_differentiated(several: Any) -> None:
    subject = student(f=lambda x: several([3 * x, x.detach()]))
    _, (slope,) = subject.gradient("f", np.ones(2), wrt=(0,))
    assert slope.tolist() == [3, 3]


def test_a_function_of_the_students_in_the_place_of_all_changes_no_input() -> None:
    def f(pair: tuple[float, float]) -> float:
        return sum(pair)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builtins.all", lambda _values: True)
        assert student(f=f).call("f", (1.5, 2.5)) == 4.0
