"""Python files that were handed in, loaded as far as they go.

A statement that fails is passed over. What it would have defined is then something that raises
the reason when it is called, so every other function of the file can be graded.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from grader.kernel.inside.absent import Import, StandInImports, bind, with_stand_ins
from grader.kernel.inside.dispatch import describe

_DEFINED = re.compile(r"^(?:async[ \t]+)?(?:def|class)[ \t]+([A-Za-z_]\w*)", re.MULTILINE)


class Broken:
    """Stands where a definition failed; raises the reason when it is used."""

    def __init__(self, name: str, reason: str) -> None:
        self._says = f"{name} could not be defined: {reason}"

    def __call__(self, *_args: Any, **_kwargs: Any) -> Any:
        """Raises.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError(self._says)


def install(shell: Any) -> None:
    """Makes a notebook forgiving: `%%module`, imports of handed-in files, absent packages."""
    find_handed_in()
    transform = shell.transform_ast
    # Not among the shell's own transformers: where there is one, it visits every node once more.
    shell.transform_ast = lambda tree: transform(StandInImports().visit(tree))
    unfinished: set[str] = set()

    def module(line: str, cell: str) -> None:
        stubs = stubs_of(cell)
        for name, value in vars(load(line.strip(), cell)).items():
            free = name not in shell.user_ns or (name in unfinished and name not in stubs)
            if free and not name.startswith("__"):
                shell.user_ns[name] = value
                (unfinished.add if name in stubs else unfinished.discard)(name)

    shell.register_magic_function(module, "cell")


def find_handed_in() -> None:
    """Has `import` find the files of the work folder, and load them as far as they go."""
    work = Path.cwd().resolve()
    sys.meta_path.insert(0, _HandedIn(work))
    sys.path.append(str(work))


def stubs_of(source: str) -> frozenset[str]:
    """Functions and classes that still hold a stub as it was handed out.

    A skeleton that was left beside the work must not hide it: whoever defines the name, too, wins.
    """
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    defined = (s for s in body if isinstance(s, ast.FunctionDef | ast.ClassDef))
    return frozenset(s.name for s in defined if any(map(_is_stub, ast.walk(s))))


def _is_stub(node: ast.AST) -> bool:
    """Whether this is `raise NotImplementedError`, called with nothing that says more."""
    if not isinstance(node, ast.Raise) or node.exc is None:
        return False
    raised = node.exc
    if isinstance(raised, ast.Call) and not raised.args:
        raised = raised.func
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"


def load(name: str, source: str) -> ModuleType:
    """A handed-in file as a module; one that has been imported already is left as it is.

    Args:
        name: relative to the work folder.
        source: its text.
    """
    path = Path.cwd() / name
    # Its own folder first, then those around it: `codebase.utils` may be seen from any of them.
    around = [str(folder) for folder in path.parents if folder.is_relative_to(Path.cwd())]
    sys.path[:0] = [folder for folder in around if folder not in sys.path]
    stem = re.sub(r"\W", "_", path.stem)
    module = sys.modules.get(stem)
    if module is not None and getattr(module, "__file__", None) == str(path):
        return module
    if module is not None:
        stem = f"{stem}_handed_in"  # `torch.py` must not take the place of torch
    module = ModuleType(stem)
    module.__file__ = str(path)
    module.__package__ = ""
    sys.modules[stem] = module
    execute(source, name, vars(module))
    return module


def execute(source: str, filename: str, namespace: dict[str, Any]) -> None:
    """Executes a file statement by statement; says on standard error what was passed over."""
    try:
        body = ast.parse(source, filename).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        _pass_over(_DEFINED.findall(source), describe(filename, error), namespace)
        return
    flags = _future_flags(body)
    for statement in body:
        if isinstance(statement, Import):
            if missing := bind(statement, namespace):
                print(f"{filename}, line {statement.lineno}: {missing}", file=sys.stderr)
            continue
        lone = ast.Module([with_stand_ins(statement)], type_ignores=[])
        try:
            exec(compile(lone, filename, "exec", flags, dont_inherit=True), namespace)  # noqa: S102
        except KeyboardInterrupt:
            raise  # the deadline of this cell
        except BaseException as error:  # noqa: BLE001  the student's code may raise anything
            where = describe(f"{filename}, line {statement.lineno},", error)
            _pass_over(list(_names(statement)), where, namespace)


def _pass_over(names: Sequence[str], reason: str, namespace: dict[str, Any]) -> None:
    print(reason, file=sys.stderr)
    for name in names:
        namespace[name] = Broken(name, reason)


def _future_flags(body: Sequence[ast.stmt]) -> int:
    import __future__

    named = [
        alias.name
        for statement in body
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
        for alias in statement.names
    ]
    flags = 0
    for name in named:
        flags |= getattr(getattr(__future__, name, None), "compiler_flag", 0)
    return flags


def _names(statement: ast.stmt) -> Iterator[str]:
    """What a statement would have bound."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        yield from (target.id for target in targets if isinstance(target, ast.Name))


class _HandedIn(MetaPathFinder):
    """Finds modules below the work folder; what is installed is never hidden by them."""

    def __init__(self, work: Path) -> None:
        self._work = work

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        places = [place or str(self._work) for place in (sys.path if path is None else path)]
        ours = [place for place in places if Path(place).resolve().is_relative_to(self._work)]
        others = [place for place in places if place not in ours]
        installed = PathFinder.find_spec(fullname, others, target) if ours and others else None
        if installed is not None or fullname in sys.builtin_module_names:
            return installed
        for place in ours:
            file = Path(place) / f"{fullname.rpartition('.')[2]}.py"
            if file.is_file():
                loader = _Forgiving(fullname, str(file))
                return importlib.util.spec_from_file_location(fullname, file, loader=loader)
        return None


class _Forgiving(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        source = Path(self.path).read_text("utf-8", "replace")
        execute(source, Path(self.path).name, vars(module))
