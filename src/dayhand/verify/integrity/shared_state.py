"""Whether a Python test file may change what other test files see: pytest runs all of them in one process.

An added file that replaces a function of the product makes unchanged tests pass. So where one may do this, the old tests
run completely with the change, and not only those that differ.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

REPLACING_CALLS = frozenset(
    ["setattr", "delattr", "vars", "globals", "exec", "eval", "compile", "__import__"]
)
REPLACING_ATTRIBUTES = frozenset(
    [
        "__dict__",
        "__code__",
        "__globals__",
        "__setattr__",
        "__builtins__",
        "modules",
        "meta_path",
        "path_hooks",
        "path",
        "start",
        "reload",
        "settrace",
        "setprofile",
        "register",
    ]
)
REPLACING_MODULES = frozenset(["builtins", "gc", "ctypes", "importlib", "inspect", "_pytest"])


def may_change_others(text: str) -> bool:
    """Whether the code of a test file writes to something that it imports, or could do so."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True
    nodes = list(ast.walk(tree))
    imported = {name for node in nodes for name in _imports(node)}
    return not imported.isdisjoint(REPLACING_MODULES) or any(_replaces(node, imported) for node in nodes)


def _imports(node: ast.AST) -> Iterator[str]:
    """The names that an import binds, and the modules that it names."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        for name in node.names:
            yield (name.asname or name.name).partition(".")[0]
        if isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


def _replaces(node: ast.AST, imported: set[str]) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name)):
            return name in REPLACING_CALLS
        case ast.Attribute(ctx=ast.Load()):
            return node.attr in REPLACING_ATTRIBUTES and _root(node) in imported | {""}
        case ast.Attribute() | ast.Subscript(ctx=ast.Store() | ast.Del()):
            return _root(node) in imported | {""}
    return False


def _root(node: ast.expr) -> str:
    """The name at the beginning of ``a.b[c].d``; "" for what is reached by a call."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
