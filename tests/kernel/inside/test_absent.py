from __future__ import annotations

import ast
import math
from typing import Any

import pytest
import torch
from torch import nn

from grader.kernel.inside.absent import AbsentError, Import, StandInImports, bind, stand_in


def bound(source: str) -> tuple[dict[str, Any], str]:
    namespace: dict[str, Any] = {"__package__": ""}
    (statement,) = ast.parse(source).body
    assert isinstance(statement, Import)
    said = bind(statement, namespace)
    for name in ("__builtins__", "__package__"):
        del namespace[name]
    return namespace, said


def ran_in_a_cell(source: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__package__": ""}
    tree = StandInImports().visit(ast.parse(source))
    exec(compile(tree, "<cell>", "exec"), namespace)
    return namespace


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import math, json as j", {"math", "j"}),
        ("from math import pi as p, tau", {"p", "tau"}),
        ("import os.path", {"os"}),
    ],
)
def test_what_is_installed_is_imported_as_it_is(source: str, names: set[str]) -> None:
    namespace, said = bound(source)
    assert set(namespace) == names
    assert said == ""


@pytest.mark.parametrize(
    ("source", "name", "path"),
    [
        ("import nowhere", "nowhere", "nowhere"),
        ("import nowhere.inside", "nowhere", "nowhere"),
        ("import nowhere.inside as n", "n", "nowhere.inside"),
        ("from nowhere import thing", "thing", "nowhere.thing"),
        ("from nowhere.inside import thing as t", "t", "nowhere.inside.thing"),
        ("from .beside import thing", "thing", "beside.thing"),
    ],
)
def test_what_is_not_installed_is_a_stand_in_that_says_so_when_used(
    source: str, name: str, path: str
) -> None:
    namespace, said = bound(source)
    assert "could not be imported" in said
    with pytest.raises(AbsentError, match=f"^{path} is needed here"):
        namespace[name](1, 2)
    with pytest.raises(AbsentError, match=f"{path}.deeper is needed here"):
        namespace[name].deeper()


def test_of_a_failed_import_the_names_that_exist_are_kept() -> None:
    namespace, said = bound("from math import pi, no_such_thing")
    assert namespace["pi"] == pytest.approx(3.1415926)
    assert said.startswith("math.no_such_thing could not be imported")


def test_a_part_of_a_package_that_is_missing_leaves_the_package_itself() -> None:
    namespace, _ = bound("import torch.no_such_part")
    assert namespace["torch"].zeros(2).shape == (2,)


def test_a_stand_in_serves_as_base_class_and_as_decorator() -> None:
    absent: Any = stand_in("nowhere.Thing", "it is not installed")

    class Inherits(absent):  # type: ignore[misc]
        def value(self) -> int:
            return 3

    class Both(nn.Module, absent):  # type: ignore[misc]
        pass

    @absent.decorator
    def function() -> int:
        return 4

    assert Inherits().value() == 3
    assert list(Both().parameters()) == []
    assert function() == 4


def test_a_stand_in_cannot_be_iterated() -> None:
    with pytest.raises(AbsentError):
        list(stand_in("nowhere", "it is not installed"))


def test_a_cell_goes_on_behind_an_import_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    namespace = ran_in_a_cell("import nowhere\nfrom math import pi\nx = 2 * pi")
    assert namespace["x"] == pytest.approx(6.2831853)
    assert "nowhere could not be imported" in capsys.readouterr().err


def test_an_import_with_an_answer_of_its_own_is_left_alone() -> None:
    namespace = ran_in_a_cell("try:\n    import nowhere\nexcept ImportError:\n    nowhere = None")
    assert namespace["nowhere"] is None


def test_a_cell_may_still_begin_with_future_imports() -> None:
    namespace = ran_in_a_cell(
        '"""Words."""\nfrom __future__ import annotations\ndef f(x: Unknown): return x'
    )
    assert namespace["f"](1) == 1


INNER = """
def drawn(images):
    import nowhere.logging as log
    from torchvision.utils import make_grid
    from math import pi
    return make_grid(images), pi, log


class Sampler:
    def sample(self):
        from nowhere import progress
        return progress(3)


def beside():
    from .utils import helper
    return helper()


def own_answer():
    try:
        from nowhere import fast
    except ImportError:
        fast = None
    return fast
"""


def test_an_import_inside_a_function_gets_stand_ins_when_it_runs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    namespace = ran_in_a_cell(INNER)
    grid, pi, log = namespace["drawn"](torch.zeros(4, 1, 8, 8))
    assert (grid.dim(), pi) == (3, math.pi)
    with pytest.raises(AbsentError, match=r"^nowhere.logging.info is needed here"):
        log.info("started")
    with pytest.raises(AbsentError, match=r"^nowhere.progress is needed here"):
        namespace["Sampler"]().sample()
    with pytest.raises(AbsentError, match=r"^utils.helper is needed here"):
        namespace["beside"]()
    assert "nowhere.progress could not be imported" in capsys.readouterr().err


def test_an_import_inside_try_keeps_its_own_answer() -> None:
    assert ran_in_a_cell(INNER)["own_answer"]() is None
