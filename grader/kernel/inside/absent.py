"""Stand-ins for what a student imports and this machine does not have.

A course's code imports packages that grading does not need: a progress bar, a logger, a trainer.
An import that fails at the top of a module or cell binds stand-ins instead, so that everything
which does not touch them can still be graded; whatever does touch them raises and says why.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from pathlib import Path
from types import FunctionType
from typing import Any

from grader.kernel.inside.lookalikes import lookalike

Import = ast.Import | ast.ImportFrom


class AbsentError(ImportError):
    """Something was used that could not be imported."""


class _Absent(type):
    """The type of every stand-in: a class, so that others may inherit from it."""

    _path: str
    _reason: str

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return stand_in(f"{cls._path}.{name}", cls._reason)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if "_path" not in vars(cls):
            return super().__call__(*args, **kwargs)  # a class of the student's that inherits
        if len(args) == 1 and not kwargs and isinstance(args[0], FunctionType | type):
            return args[0]  # used as a decorator
        raise AbsentError(f"{cls._path} is needed here, and {cls._reason}")

    def __iter__(cls) -> Any:
        raise AbsentError(f"{cls._path} is needed here, and {cls._reason}")


def stand_in(path: str, reason: str) -> Any:
    """What stands for `path`, such as `torchvision.utils.make_grid`."""
    known = lookalike(path)
    if known is not None:
        return known
    return _Absent(path.rpartition(".")[2], (), {"_path": path, "_reason": reason})


def bind(statement: Import, namespace: dict[str, Any]) -> str:
    """Carries out an import at the top of a module, with stand-ins for what is not there.

    Returns:
        What could not be imported, in one sentence; "" where everything was.
    """
    lone = ast.fix_missing_locations(ast.Module([statement], type_ignores=[]))
    try:
        exec(compile(lone, "<import>", "exec"), namespace)  # noqa: S102  the student's own import
    except ImportError as error:
        reason = " ".join(str(error).split())[:200] or "it cannot be imported"
        return _bind_others(statement, namespace, reason)
    return ""


def _bind_others(statement: Import, namespace: dict[str, Any], reason: str) -> str:
    missing = []
    package = "" if isinstance(statement, ast.Import) else statement.module or ""
    for alias in statement.names:
        if alias.name == "*":
            missing.append(_bind_all(package, namespace))
            continue
        path = f"{package}.{alias.name}".lstrip(".")
        found = _found(path, package, alias.name)
        if found is None:
            missing.append(path)
            found = stand_in(path, reason)
        name = alias.asname or alias.name
        if isinstance(statement, ast.Import) and not alias.asname:
            # `import a.b` binds a.
            name, _, rest = name.partition(".")
            found = sys.modules.get(name) or (stand_in(name, reason) if rest else found)
        namespace[name] = found
    names = ", ".join(filter(None, missing))
    return f"{names} could not be imported ({reason}): a stand-in takes its place" if names else ""


def _found(path: str, package: str, name: str) -> Any:
    """One name of a failed import by itself: another one may have failed, or a folder is gone.

    Where `from codebase.utils import kl` finds no folder `codebase`, a file `utils.py` that was
    handed in serves, and so does `kl.py` for `from codebase import kl`.
    """
    for loaded in (_imported(package), _beside(package.rpartition(".")[2])):
        if hasattr(loaded, name):
            return getattr(loaded, name)
    return _imported(path) or _beside(name)


def _bind_all(package: str, namespace: dict[str, Any]) -> str:
    loaded = _beside(package.rpartition(".")[2])
    if loaded is None:
        return f"{package}.*"
    public = getattr(loaded, "__all__", [n for n in vars(loaded) if not n.startswith("_")])
    namespace.update({name: getattr(loaded, name) for name in public if hasattr(loaded, name)})
    return ""


def _beside(name: str) -> Any:
    """A module that was handed in, whether or not it has been loaded yet."""
    loaded = sys.modules.get(name)
    try:
        spec = importlib.util.find_spec(name) if name and loaded is None else None
    except (ImportError, ValueError):
        return None
    place = getattr(loaded, "__file__", None) if spec is None else spec.origin
    return _imported(name) if place and Path(place).is_relative_to(Path.cwd()) else None


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name) if name else None
    except Exception:  # noqa: BLE001  the module is the student's and may raise anything
        return None


class InnerImports(ast.NodeTransformer):
    """Has an import inside a function, which runs when that is called, fall back on stand-ins."""

    def visit(self, node: ast.AST) -> Any:
        """Statements only: no expression has an import in it."""
        return node if isinstance(node, ast.expr) else super().visit(node)

    def visit_Try(self, node: ast.Try) -> ast.Try:
        """Left alone: an import inside `try` has an answer of its own."""
        return node

    def visit_Import(self, node: ast.Import) -> ast.stmt:
        """As `_guarded`."""
        return self._guarded(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt:
        """As `_guarded`."""
        return self._guarded(node)

    def _guarded(self, statement: Import) -> ast.stmt:
        source = ast.unparse(statement)
        names = [alias.asname or alias.name.partition(".")[0] for alias in statement.names]
        if "*" in names:
            return statement
        lines = (
            f"{name} = __import__({__name__!r}, fromlist=['_']).bound({source!r})[{name!r}]"
            for name in names
        )
        return _caught(statement, ast.parse("\n".join(lines)).body)


def bound(source: str) -> dict[str, Any]:
    """What an import that has just failed binds, with stand-ins for what is not there."""
    namespace: dict[str, Any] = {"__package__": ""}  # a relative import fails as an import does
    bind_again(source, namespace)
    return namespace


class StandInImports(ast.NodeTransformer):
    """Has the imports of a notebook's cell go through `bind`."""

    def visit_Module(self, node: ast.Module) -> ast.Module:
        """Imports at the top, and those inside of functions."""
        node.body = [self._guarded(statement) for statement in node.body]
        return node

    def _guarded(self, statement: ast.stmt) -> ast.stmt:
        if not isinstance(statement, Import):
            return with_stand_ins(statement)
        if _is_future(statement):
            return statement
        call = ast.parse(
            f"__import__({__name__!r}, fromlist=['_']).bind_again({ast.unparse(statement)!r}, "
            "globals())"
        ).body
        return _caught(statement, call)


def with_stand_ins(statement: ast.stmt) -> ast.stmt:
    """A statement in which imports inside of functions fall back on stand-ins."""
    transformed: ast.stmt = InnerImports().visit(statement)
    return transformed


def _caught(statement: Import, fallback: list[ast.stmt]) -> ast.Try:
    handler = ast.ExceptHandler(ast.Name("ImportError", ast.Load()), None, fallback)
    guarded = ast.Try(body=[statement], handlers=[handler], orelse=[], finalbody=[])
    for node in ast.walk(guarded):
        ast.copy_location(node, statement)
    return guarded


def bind_again(source: str, namespace: dict[str, Any]) -> None:
    """`bind` for an import that has just failed in a cell; says what is missing."""
    (statement,) = ast.parse(source).body
    assert isinstance(statement, Import)
    if missing := bind(statement, namespace):
        print(missing, file=sys.stderr)


def _is_future(statement: Import) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
