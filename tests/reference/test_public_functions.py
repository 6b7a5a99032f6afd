"""Every public name of a reference module is called or constructed by a test beside this one."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "reference"
MODULES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")


def used_names(module: str) -> set[str]:
    """What the tests of its own file read of the module, as its attributes or imported from it."""
    nodes = list(ast.walk(ast.parse(Path(__file__).with_name(f"test_{module}.py").read_text())))
    attributes = {
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == module
    }
    imported = {
        alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module == f"reference.{module}"
        for alias in node.names
    }
    read = {node.id for node in nodes if isinstance(node, ast.Name)}
    return attributes | (imported & read)


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_is_exercised(name: str) -> None:
    module = importlib.import_module(f"reference.{name}")
    assert module.__all__ == sorted(module.__all__)
    returned = {"AutoencoderLoss", "Cache", "DiscriminatorLoss"}  # seen through what returns them
    assert set(module.__all__) - returned <= used_names(name)


@pytest.mark.parametrize("name", MODULES)
def test_every_public_function_is_listed_and_says_its_source(name: str) -> None:
    module = importlib.import_module(f"reference.{name}")
    tree = ast.parse(Path(str(module.__file__)).read_text("utf-8"))
    public = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    ]
    assert {node.name for node in public} == set(module.__all__)
    functions = [node for node in public if isinstance(node, ast.FunctionDef)]
    silent = {node.name for node in functions if "Source:" not in (ast.get_docstring(node) or "")}
    # One picks entries, the other tells conventions apart: there is no formula to have a source.
    assert silent <= {"at_timestep", "to_log_var"}
