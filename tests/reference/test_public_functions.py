"""Every public name of a reference module is called or constructed by a test beside this one."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

MODULES = (
    "aae",
    "attention",
    "ddpm",
    "ddpm_bound",
    "ddpm_reverse",
    "decoder_block",
    "denoisers",
    "gan",
    "norm",
    "samplers",
    "vdm",
)


def used_names(module: str) -> set[str]:
    """Attributes of the module that the tests of its own file read."""
    tree = ast.parse(Path(__file__).with_name(f"test_{module}.py").read_text("utf-8"))
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == module
    }


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
    assert silent <= {"at_timestep"}  # it picks entries and computes nothing
