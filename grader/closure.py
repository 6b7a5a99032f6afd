"""Which files of ours a piece of code needs, and which packages of others: read, never run."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import packages_distributions, requires
from pathlib import Path

PACKAGE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Closure:
    """Everything that some files import, at any depth.

    Attributes:
        files: by their place below the folder that holds `grader`.
        packages: names of packages of others, as they are imported.
        imported: dotted names that were met, ours and others'.
    """

    files: dict[str, Path]
    packages: frozenset[str]
    imported: frozenset[str]


def closure(starts: Iterable[Path], own: dict[str, Path]) -> Closure:
    """Follows imports from some files.

    Args:
        starts: files to begin with.
        own: folders whose modules are followed, by dotted name: `{"grader": PACKAGE}`.
    """
    files: dict[str, Path] = {}
    imported: set[str] = set()
    open_files = list(starts)
    seen: set[Path] = set()
    while open_files:
        path = open_files.pop()
        if path in seen:
            continue
        seen.add(path)
        for name in _imports(path):
            imported.add(name)
            for place, found in _found(name, own):
                files[place] = found
                open_files.append(found)
    packages = {name.partition(".")[0] for name in imported} - set(sys.stdlib_module_names)
    packages -= {root.partition(".")[0] for root in own}
    return Closure(files, frozenset(packages), frozenset(imported))


def requirements(packages: Iterable[str]) -> list[str]:
    """Lines for a requirements file: distributions of packages, with grader's own bounds."""
    bounds = {}
    for line in requires("grader") or []:
        name = re.split(r"[^\w.-]", line, maxsplit=1)[0]
        bounds[_canonical(name)] = line.partition(";")[0].strip()
    known = packages_distributions()
    distributions = {_canonical(known.get(package, [package])[0]) for package in packages}
    return sorted(bounds.get(name, name) for name in distributions)


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _found(name: str, own: dict[str, Path]) -> Iterator[tuple[str, Path]]:
    """The module of a dotted name and the packages around it."""
    for root, folder in own.items():
        if name != root and not name.startswith(f"{root}."):
            continue
        parts = name.split(".")
        below = parts[root.count(".") + 1 :]
        for depth in range(len(below) + 1):
            path = folder.joinpath(*below[:depth])
            place = "/".join([*root.split("."), *below[:depth]])
            if (path / "__init__.py").is_file():
                yield f"{place}/__init__.py", path / "__init__.py"
            elif path.with_suffix(".py").is_file():
                yield f"{place}.py", path.with_suffix(".py")


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
