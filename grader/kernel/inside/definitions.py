"""The definitions of a notebook without its work: imports, functions, classes, plain settings.

Used where a second sandbox must hold the student's classes but nothing that the first one has
learnt: a model is rebuilt here and its trained state is loaded into it.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import socket
from collections.abc import Iterable, Iterator
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager

from grader.kernel.inside.absent import Import, bind
from grader.kernel.inside.modules import find_handed_in
from grader.kernel.inside.serve import serve
from grader.wire.channel import Channel
from grader.wire.codec import decode, encode

READY = "ready"


def run_definitions(stream: socket.socket) -> None:
    """Reads the cells from the channel, executes their definitions and serves them."""
    channel = Channel(stream)
    cells = decode(*channel.receive())
    find_handed_in()
    namespace = define(cells)
    channel.send(*encode(READY))
    serve(namespace, channel)


def define(cells: Iterable[str]) -> dict[str, Any]:
    """A namespace with everything that the cells define.

    A statement that fails is passed over: what depends on it is then missing, and says so when
    it is asked for.
    """
    namespace: dict[str, Any] = {"__name__": "__main__", "__builtins__": builtins}
    for cell in cells:
        for statement in _parsed(cell):
            if _defines(statement, namespace):
                with contextlib.suppress(BaseException):
                    _carry_out(statement, namespace)
    return namespace


def _carry_out(statement: ast.stmt, namespace: dict[str, Any]) -> None:
    if isinstance(statement, Import):
        bind(statement, namespace)
        return
    module = ast.fix_missing_locations(ast.Module([statement], type_ignores=[]))
    exec(compile(module, "<cell>", "exec"), namespace)  # noqa: S102  its purpose


def _parsed(cell: str) -> Iterator[ast.stmt]:
    # Behind a cell magic such as %%time stands Python like any other; line magics and shell
    # commands become calls, which define nothing.
    lines = cell.split("\n")
    plain = "\n".join("" if line.startswith("%%") else line for line in lines)
    with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        yield from ast.parse(TransformerManager().transform_cell(plain)).body


def _defines(statement: ast.stmt, namespace: dict[str, Any]) -> bool:
    match statement:
        case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.ClassDef() | ast.Pass():
            return True
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
            return _is_plain(statement, namespace)
        case ast.If(test=test, body=body, orelse=orelse):
            inner = [*body, *orelse]
            return _is_plain(test, namespace) and all(_defines(s, namespace) for s in inner)
        case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=finalbody):
            handled = [s for handler in handlers for s in handler.body]
            return all(_defines(s, namespace) for s in [*body, *handled, *orelse, *finalbody])
        case _:
            return False


def _is_plain(node: ast.AST, namespace: dict[str, Any]) -> bool:
    """Whether evaluating the node runs nothing of the student's own."""
    # The body of a lambda is not run here.
    if isinstance(node, ast.Lambda):
        return all(_is_plain(default, namespace) for default in node.args.defaults)
    inner = ast.iter_child_nodes(node)
    return not _works(node, namespace) and all(_is_plain(child, namespace) for child in inner)


def _works(node: ast.AST, namespace: dict[str, Any]) -> bool:
    """Whether the node is a call that may run the student's own code, such as training."""
    if not isinstance(node, ast.Call):
        return False
    root: ast.expr = node.func
    while isinstance(root, ast.Attribute):
        root = root.value
    if not isinstance(root, ast.Name):
        return True
    known = namespace.get(root.id, getattr(builtins, root.id, None))
    return known is None or getattr(known, "__module__", None) == "__main__"
