from __future__ import annotations

import ast
import colorsys  # noqa: F401  loaded before a file of its name is
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from grader.kernel.inside.absent import AbsentError
from grader.kernel.inside.modules import execute, install, load, stubs_of


def executed(source: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "handed_in"}
    execute(source, "handed_in.py", namespace)
    return namespace


class Shell:
    def __init__(self) -> None:
        self.user_ns: dict[str, Any] = {}
        self.magics: dict[str, Any] = {}

    def transform_ast(self, tree: ast.Module) -> ast.Module:
        """As a shell does that has no transformers."""
        return tree

    def register_magic_function(self, function: Any, kind: str) -> None:
        assert kind == "cell"
        self.magics[function.__name__] = function

    def module(self, name: str) -> None:
        self.magics["module"](name, Path(name).read_text("utf-8"))


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "path", ["", *sys.path])
        patch.setattr(sys, "meta_path", list(sys.meta_path))
        made = Shell()
        install(made)
        yield made
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_a_cell_says_which_of_its_imports_are_missing_and_goes_on(shell: Shell) -> None:
    tree = shell.transform_ast(ast.parse("import nowhere_to_be_found as nowhere\nx = 1"))
    namespace: dict[str, Any] = {}
    exec(compile(tree, "cell", "exec"), namespace)  # every node has its place in the source
    assert namespace["x"] == 1
    with pytest.raises(AbsentError):
        namespace["nowhere"].anything()


def test_what_follows_a_failure_is_defined_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    names = executed("x = 1 / 0\ndef f():\n    return 2\n")
    assert names["f"]() == 2
    assert "handed_in.py, line 1, raised ZeroDivisionError" in capsys.readouterr().err


def test_what_failed_says_why_when_it_is_called() -> None:
    names = executed("class Model(Missing):\n    pass\nloss = nothing.at.all\n")
    for name in ("Model", "loss"):
        with pytest.raises(RuntimeError, match=f"{name} could not be defined: .*NameError"):
            names[name](1)


def test_a_file_that_is_no_python_still_says_what_it_would_have_defined() -> None:
    names = executed("def f(x):\n    return x\n\nclass Model:\n  def g(self:\n")
    for name in ("f", "Model"):
        with pytest.raises(RuntimeError, match=r"handed_in.py raised SyntaxError"):
            names[name]()


def test_training_behind_the_main_guard_does_not_run() -> None:
    assert "trained" not in executed("if __name__ == '__main__':\n    trained = True\n")


def test_an_exit_in_the_middle_ends_nothing() -> None:
    names = executed("import sys\nsys.exit(3)\ndef f():\n    return 2\n")
    assert names["f"]() == 2


def test_annotations_stay_words_where_the_file_says_so() -> None:
    names = executed("from __future__ import annotations\ndef f(x: Unknown):\n    return x\n")
    assert names["f"](1) == 1


def test_an_interrupt_stops_a_file_but_keeps_what_it_defined() -> None:
    namespace: dict[str, Any] = {}
    with pytest.raises(KeyboardInterrupt):
        execute("def f():\n    return 2\nraise KeyboardInterrupt\ng = 1\n", "x.py", namespace)
    assert namespace["f"]() == 2
    assert "g" not in namespace


def test_of_two_files_the_earlier_one_wins_a_name(shell: Shell) -> None:
    Path("first.py").write_text("def f():\n    return 1\n")
    Path("second.py").write_text("def f():\n    return 2\ndef g():\n    return 2\n")
    shell.module("first.py")
    shell.module("second.py")
    assert (shell.user_ns["f"](), shell.user_ns["g"]()) == (1, 2)


def test_files_import_each_other_in_any_order(shell: Shell) -> None:
    Path("train.py").write_text("import nowhere\nfrom utils import *\ny = twice(3)\n")
    Path("utils.py").write_text("from nowhere import plot\ndef twice(x):\n    return 2 * x\n")
    shell.module("train.py")
    assert shell.user_ns["y"] == 6


def test_a_folder_that_was_left_out_is_looked_through(shell: Shell) -> None:
    Path("vae.py").write_text(
        "from codebase import utils as ut\nfrom codebase.utils import twice\n"
        "from .utils import twice as again\nfrom . import utils as beside\n"
        "from codebase.utils import *\n"
        "y = [ut.twice(3), twice(3), again(3), beside.twice(3), thrice(3)]\n"
    )
    Path("utils.py").write_text(
        "def twice(x):\n    return 2 * x\ndef thrice(x):\n    return 3 * x\n"
    )
    shell.module("vae.py")
    assert shell.user_ns["y"] == [6, 6, 6, 6, 9]


def test_a_file_in_a_folder_finds_those_beside_it(shell: Shell) -> None:
    Path("part1").mkdir()
    Path("part1/model.py").write_text("from helper import twice\ny = twice(4)\n")
    Path("part1/helper.py").write_text("def twice(x):\n    return 2 * x\n")
    shell.module("part1/model.py")
    assert shell.user_ns["y"] == 8


def test_what_is_installed_is_never_hidden_by_a_file(shell: Shell) -> None:
    for name in ("torch", "json", "scipy"):
        Path(f"{name}.py").write_text("hidden = True\n")
    Path("model.py").write_text("import torch, json, scipy.special\nx = scipy.special.ndtri(0.5)\n")
    shell.module("model.py")
    assert not hasattr(shell.user_ns["torch"], "hidden")
    assert shell.user_ns["x"] == 0


def test_a_file_that_the_notebook_has_imported_is_not_run_again(shell: Shell) -> None:
    Path("counted.py").write_text("import builtins\nruns = [1]\n")
    import importlib

    first = importlib.import_module("counted")
    first.runs.append(2)
    shell.module("counted.py")
    assert shell.user_ns["runs"] == [1, 2]


def test_a_name_that_is_no_identifier_is_loaded(shell: Shell) -> None:
    Path("my solution-2.py").write_text("def f():\n    return 5\n")
    shell.module("my solution-2.py")
    assert shell.user_ns["f"]() == 5


def test_the_notebooks_own_names_are_kept(shell: Shell) -> None:
    shell.user_ns["f"] = "the notebook's"
    Path("late.py").write_text("def f():\n    return 5\n")
    shell.module("late.py")
    assert shell.user_ns["f"] == "the notebook's"


def test_a_file_named_as_an_installed_module_is_graded_by_its_own_definitions(shell: Shell) -> None:
    for name in ("colorsys", "torch"):
        Path(f"{name}.py").write_text("def f():\n    return 5\n")
        assert load(f"{name}.py", Path(f"{name}.py").read_text("utf-8")).f() == 5
    import torch

    assert not hasattr(torch, "f")


def test_a_package_of_files_is_seen_from_inside_of_it(shell: Shell) -> None:
    for folder in ("hw2/codebase/models", "hw2/codebase"):
        Path(folder).mkdir(parents=True, exist_ok=True)
    Path("hw2/codebase/utils.py").write_text("import nowhere\ndef twice(x):\n    return 2 * x\n")
    Path("hw2/codebase/models/vae.py").write_text(
        "from codebase import utils as ut\nfrom codebase.utils import twice\n"
        "y = [ut.twice(3), twice(4)]\n"
    )
    shell.module("hw2/codebase/models/vae.py")
    assert shell.user_ns["y"] == [6, 8]


SKELETON = "class VAE:\n    def forward(self, x):\n        raise NotImplementedError\n"


def test_a_skeleton_left_beside_the_work_does_not_hide_it(shell: Shell) -> None:
    Path("train_pl.py").write_text(SKELETON + "def f():\n    raise NotImplementedError()\n")
    Path("train_torch.py").write_text("class VAE:\n    x = 3\ndef f():\n    return 1\n")
    Path("more.py").write_text("class VAE:\n    x = 4\n" + "def g():\n    return 1\n")
    for name in ("train_pl.py", "train_torch.py", "more.py"):
        shell.module(name)
    assert (shell.user_ns["VAE"].x, shell.user_ns["f"]()) == (3, 1)


def test_a_skeleton_alone_is_what_there_is(shell: Shell) -> None:
    Path("train_pl.py").write_text(SKELETON)
    shell.module("train_pl.py")
    with pytest.raises(NotImplementedError):
        shell.user_ns["VAE"]().forward(1)


@pytest.mark.parametrize(
    ("source", "stub"),
    [
        ("def f():\n    raise NotImplementedError()\n", True),
        ("def f(x):\n    if x:\n        raise NotImplementedError('no')\n    return 1", False),
        ("def f():\n    raise ValueError", False),
        ("def f(:", False),
        ("f = 1", False),
    ],
)
def test_a_stub_is_what_raises_and_says_no_more(source: str, stub: bool) -> None:
    assert ("f" in stubs_of(source)) == stub


def test_a_file_that_was_loaded_before_serves_for_its_package(shell: Shell) -> None:
    Path("utils.py").write_text("def twice(x):\n    return 2 * x\n")
    Path("vae.py").write_text("from codebase import utils as ut\ny = ut.twice(3)\n")
    Path("gmvae.py").write_text("from submission.utils import twice\ny = twice(4)\n")
    for name in ("utils.py", "vae.py"):
        shell.module(name)
    assert shell.user_ns["y"] == 6
    assert load("gmvae.py", Path("gmvae.py").read_text("utf-8")).y == 8


def test_a_function_may_import_what_is_not_installed() -> None:
    found = executed(
        "def grid(images):\n"
        "    from torchvision.utils import make_grid\n"
        "    return make_grid(images)\n"
    )
    assert found["grid"](torch.zeros(4, 1, 8, 8)).shape[0] == 3
