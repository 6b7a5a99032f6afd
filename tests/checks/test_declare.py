from __future__ import annotations

import pytest

from grader.checks import Detectable, Subject, check
from grader.checks.declare import collecting
from grader.errors import AssignmentError

SEES = Detectable(n=4096, deviations={"std": 0.13})


def test_the_title_is_the_first_line_of_the_docstring() -> None:
    @check("kl", points=2)
    def kl_is_never_negative(subject: Subject, seed: object) -> None:
        """KL is at least zero.

        And more.
        """

    assert kl_is_never_negative.title == "KL is at least zero."
    assert kl_is_never_negative.name == "kl_is_never_negative"
    assert kl_is_never_negative.needs == ("subject", "seed")
    assert not kl_is_never_negative.hidden


def test_a_name_can_be_given() -> None:
    @check("kl", points=1, name="sign")
    def any_function(subject: Subject) -> None:
        """Something."""

    assert any_function.name == "sign"


def test_namesakes_are_both_collected() -> None:
    with collecting() as found:
        for _ in range(2):

            @check("kl", points=1)
            def same(subject: Subject) -> None:
                """Something."""

    assert [entry.name for entry in found] == ["same", "same"]


def test_a_check_without_docstring_is_refused() -> None:
    with pytest.raises(AssignmentError, match="no docstring"):

        @check("kl", points=1)
        def silent(subject: Subject) -> None:
            pass


def test_an_unknown_parameter_is_refused_with_the_known_ones() -> None:
    with pytest.raises(AssignmentError, match=r"'solution' is not one of .*held_out.*subject"):

        @check("kl", points=1)
        def curious(subject: Subject, solution: object) -> None:
            """Something."""


@pytest.mark.parametrize(
    ("alpha", "detects", "said"),
    [(1e-9, None, "go together"), (0.0, SEES, "go together"), (0.05, SEES, "must lie in")],
)
def test_a_statistical_check_states_alpha_and_power(
    alpha: float, detects: Detectable | None, said: str
) -> None:
    with pytest.raises(AssignmentError, match=said):

        @check("kl", points=1, alpha=alpha, detects=detects)
        def loose(subject: Subject) -> None:
            """Something."""


@pytest.mark.parametrize(
    ("mistakes", "said"),
    [
        ({"reparam/wide": ("std", 0.05)}, "below the 0.13 that n = 4096 detects"),
        ({"reparam/odd": ("skewness", 9.0)}, "'skewness', which is not tested"),
        ({"reparam/nan": ("std", float("nan"))}, "below"),
    ],
)
def test_a_check_too_weak_for_its_mistakes_is_refused(
    mistakes: dict[str, tuple[str, float]], said: str
) -> None:
    with pytest.raises(AssignmentError, match=said):

        @check("kl", points=1, alpha=1e-9, detects=Detectable(4096, {"std": 0.13}, mistakes))
        def weak(subject: Subject) -> None:
            """Something."""


def test_the_detectable_deviation_is_told_in_words() -> None:
    assert str(SEES) == "std off by 0.13 (n = 4096)"
