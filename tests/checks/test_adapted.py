from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from grader.checks.adapted import Adapted
from grader.errors import AssignmentError, SubjectError
from grader.kernel.local import LocalSubject


@dataclass(frozen=True)
class Signature:
    name: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    function: Signature | None
    also: tuple[Signature, ...] = ()
    checked_as: Signature | None = None
    id: str = "kl"
    title: str = "KL"
    points: float = 1.0
    manual: bool = False
    requires: tuple[str, ...] = ()


OWN = Signature("KLD", ("mean", "log_std"))
MEAN = np.array([[0.5, -1.0], [0.0, 2.0]])
LOG_STD = np.array([[0.3, -0.7], [0.0, 1.1]])


def by_log_std(mean: Any, log_std: Any) -> Any:
    """KL to the unit Gaussian: Kingma and Welling 2014, appendix B."""
    return 0.5 * (mean**2 + torch.exp(2 * log_std) - 1 - 2 * log_std).sum(-1)


SPREADS: dict[str, Callable[[Any], Any]] = {
    "log_std": lambda spread: spread,
    "log_var": lambda spread: spread / 2,
    "std": torch.log,
    "var": lambda spread: torch.log(spread) / 2,
}
EXPECTED = 0.5 * (MEAN**2 + np.exp(2 * LOG_STD) - 1 - 2 * LOG_STD).sum(-1)


def adapted(*also: Signature, own: Signature = OWN, **namespace: Any) -> Adapted:
    return Adapted(LocalSubject(namespace), [Question(None), Question(own, also)])


def student(scale: str) -> Adapted:
    """KL by a student who gives the spread on this scale, and names the parameters otherwise."""
    also = Signature("kl_divergence", ("mean", scale))
    return adapted(also, kl_divergence=lambda m, s: by_log_std(m, SPREADS[scale](s)))


def in_dialect(*accepted: Signature, checked_as: Signature = OWN, **namespace: Any) -> Adapted:
    """A sheet on which the function goes by other names only."""
    question = Question(accepted[0], accepted[1:], checked_as)
    return Adapted(LocalSubject(namespace), [question])


@pytest.mark.parametrize("scale", SPREADS)
def test_the_value_is_the_same_on_every_scale(scale: str) -> None:
    subject = student(scale)
    assert np.allclose(subject.call("KLD", MEAN, LOG_STD), EXPECTED, rtol=1e-12)
    assert np.allclose(subject.call("KLD", log_std=LOG_STD, mean=MEAN), EXPECTED, rtol=1e-12)
    (answer,) = subject.map("KLD", [[MEAN, LOG_STD]])
    assert np.allclose(answer, EXPECTED, rtol=1e-12)


@pytest.mark.parametrize("scale", SPREADS)
@pytest.mark.parametrize("wrt", [[0, 1], ["mean", "log_std"]])
def test_gradients_follow_the_chain_rule_to_the_questions_own_scale(
    scale: str, wrt: list[int | str]
) -> None:
    weights = np.array([1.0, -2.0])
    value, (by_mean, by_spread) = student(scale).gradient(
        "KLD", MEAN, LOG_STD, wrt=wrt, cotangent=weights
    )
    assert np.allclose(value, EXPECTED, rtol=1e-12)
    # d KL / d mean = mean, d KL / d log_std = exp(2 log_std) - 1
    assert np.allclose(by_mean, weights[:, None] * MEAN, rtol=1e-12)
    assert np.allclose(by_spread, weights[:, None] * (np.exp(2 * LOG_STD) - 1), rtol=1e-9)


@pytest.mark.parametrize("own", SPREADS)
@pytest.mark.parametrize("other", SPREADS)
def test_any_scale_is_turned_into_any_other(own: str, other: str) -> None:
    from_log_std = {
        "log_std": LOG_STD,
        "log_var": 2 * LOG_STD,
        "std": np.exp(LOG_STD),
        "var": np.exp(2 * LOG_STD),
    }
    subject = adapted(
        Signature("other", (f"{other}_q",)), own=Signature("own", (f"{own}_q",)), other=lambda s: s
    )
    returned, (slope,) = subject.gradient("own", from_log_std[own], wrt=[0])
    assert np.allclose(returned, from_log_std[other], rtol=1e-12)
    h = 1e-6
    shifted = [subject.call("own", from_log_std[own] + d) for d in (h, -h)]
    assert np.allclose(slope, (shifted[0] - shifted[1]) / (2 * h), rtol=1e-6)


def test_dtypes_are_kept() -> None:
    mean, log_std = MEAN.astype(np.float32), LOG_STD.astype(np.float32)
    value, gradients = student("var").gradient("KLD", mean, log_std, wrt=[0, 1])
    assert value.dtype == np.float32
    assert [gradient.dtype for gradient in gradients] == [np.float32] * 2


def test_plain_numbers_stay_plain_numbers() -> None:
    subject = adapted(Signature("f", ("var",)), own=Signature("g", ("std",)), f=lambda var: var)
    assert subject.call("g", 3.0) == pytest.approx(9.0, rel=1e-12)
    assert type(subject.call("g", 3.0)) is float


def test_parameters_may_be_called_anything_since_calls_go_by_position() -> None:
    subject = adapted(KLD=lambda mu, s: by_log_std(mu, s))
    assert np.allclose(subject.call("KLD", log_std=LOG_STD, mean=MEAN), EXPECTED)


def test_the_questions_own_name_comes_first() -> None:
    subject = adapted(Signature("kl", ("mean", "log_std")), KLD=lambda m, s: 1, kl=lambda m, s: 2)
    assert subject.call("KLD", 0.0, 0.0) == 1
    assert subject.definition("KLD").parameters == ("m", "s")


def test_arguments_in_another_order_are_reordered() -> None:
    subject = adapted(Signature("kl", ("log_std", "mean")), kl=lambda s, m: [s, m])
    assert subject.call("KLD", 1.0, 2.0) == [2.0, 1.0]
    sloped = adapted(Signature("kl", ("log_std", "mean")), kl=lambda s, m: 3 * s + 5 * m)
    _, (by_mean, by_spread) = sloped.gradient("KLD", np.ones(1), np.ones(1), wrt=[0, 1])
    assert (by_mean, by_spread) == (5, 3)


def test_arguments_left_out_have_the_students_defaults() -> None:
    subject = adapted(Signature("kl", ("mean", "log_var")), kl=lambda mean, log_var=7: log_var)
    assert subject.call("KLD", 1.0) == 7


def test_a_call_beyond_the_signature_is_left_as_it_is() -> None:
    subject = adapted(KLD=lambda mean, log_std, reduce="sum": reduce)
    assert subject.call("KLD", 1.0, 2.0, reduce="mean") == "mean"
    assert subject.call("KLD", 1.0, 2.0, "none") == "none"


def test_an_argument_without_a_counterpart_is_the_authors_error() -> None:
    subject = adapted(Signature("kl", ("mean", "temperature")), kl=lambda m, t: 0)
    with pytest.raises(AssignmentError, match=r"'temperature' has no counterpart in KLD\(mean"):
        subject.call("KLD", 1.0, 2.0)
    other = adapted(Signature("kl", ("mean", "var_p")), kl=lambda m, t: 0)
    with pytest.raises(AssignmentError, match="'var_p' has no counterpart"):
        other.call("KLD", 1.0, 2.0)


def test_a_failed_call_keeps_its_error_beside_gradients() -> None:
    subject = student("var")
    with pytest.raises(SubjectError, match="kl_divergence raised"):
        subject.gradient("KLD", np.ones(3), np.ones(2), wrt=[0])


def test_nothing_defined_is_missing_under_the_questions_name() -> None:
    subject = adapted(Signature("kl", ("mean", "log_var")))
    assert subject.definition("KLD").kind == "missing"
    with pytest.raises(SubjectError, match="KLD is not defined"):
        subject.call("KLD", 1.0, 2.0)


def test_a_function_without_arguments_in_its_signature_is_passed_on() -> None:
    subject = adapted(own=Signature("f"), f=lambda x: x, g=lambda x: -x)
    assert subject.call("f", x=3) == 3
    assert subject.call("g", 3) == -3


def test_everything_else_is_passed_on() -> None:
    module = torch.nn.Linear(1, 1)
    inner = LocalSubject({"module": module, "x": 3}, dict)
    subject = Adapted(inner, [Question(OWN)])
    handle = subject.handle("module")
    state = subject.state(handle)
    subject.load_state(handle, {name: np.zeros_like(value) for name, value in state.items()})
    assert subject.call(handle, np.ones((1, 1), np.float32), method="forward") == 0
    assert subject.value("x") == 3
    assert subject.rebuilt().definition("KLD").kind == "missing"
    assert isinstance(subject.rebuilt(), Adapted)


def test_in_a_dialect_checks_go_on_calling_their_own_name() -> None:
    subject = in_dialect(
        Signature("kl_normal", ("mean", "var")),
        kl_normal=lambda m, v: by_log_std(m, torch.log(v) / 2),
        KLD=lambda *_: torch.zeros(2),
    )
    assert np.allclose(subject.call("KLD", MEAN, LOG_STD), EXPECTED, rtol=1e-12)
    assert subject.definition("KLD").parameters == ("m", "v")


def test_one_name_goes_with_the_convention_that_its_arguments_are_named_after() -> None:
    accepted = (OWN, Signature("KLD", ("mean", "log_var")))

    def in_variances(mean: Any, log_var: Any) -> Any:
        return by_log_std(mean, log_var / 2)

    for function in (by_log_std, in_variances):
        subject = in_dialect(*accepted, KLD=function)
        assert np.allclose(subject.call("KLD", MEAN, LOG_STD), EXPECTED, rtol=1e-12)


def test_what_takes_no_declared_arguments_is_renamed_and_nothing_else() -> None:
    subject = in_dialect(
        Signature("Diffusion"), checked_as=Signature("DDPM"), Diffusion=lambda x, y=0: x + y
    )
    assert subject.call("DDPM", np.ones(2), y=2) == pytest.approx(np.array([3.0, 3.0]))
    _, (slope,) = subject.gradient("DDPM", np.ones(2), wrt=(0,))
    assert slope == pytest.approx(np.ones(2))
