from __future__ import annotations

import pytest

from grader.errors import SubjectError
from grader.kernel.local import LocalSubject, as_error, as_state
from grader.wire.messages import Failure


def test_definitions_are_rebuilt_in_a_namespace_of_their_own() -> None:
    made: list[dict[str, object]] = []

    def rebuild() -> dict[str, object]:
        made.append({"x": len(made)})
        return made[-1]

    subject = LocalSubject({"x": "trained"}, rebuild)
    assert subject.rebuilt().value("x") == 0
    assert subject.rebuilt().rebuilt().value("x") == 2


def test_without_a_source_nothing_is_rebuilt() -> None:
    with pytest.raises(SubjectError, match="cannot be executed a second time"):
        LocalSubject({}).rebuilt()


def test_files_that_cannot_be_looked_for_say_why() -> None:
    with pytest.raises(SubjectError, match="files raised NotImplementedError: Non-relative"):
        LocalSubject({}).files(["/tmp/*.csv"])


@pytest.mark.parametrize("fault", ["error", "missing", "timeout", "memory"])
def test_a_failure_keeps_its_fault(fault: str) -> None:
    assert as_error(Failure("no", fault)).fault == fault


def test_an_unknown_fault_is_an_error() -> None:
    assert as_error(Failure("no", "passed")).fault == "error"


@pytest.mark.parametrize("state", [None, [], {"weight": 1}])
def test_a_state_is_named_arrays(state: object) -> None:
    with pytest.raises(SubjectError, match="named tensors"):
        as_state(state)
