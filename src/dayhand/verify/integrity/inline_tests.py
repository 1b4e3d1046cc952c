"""Expectations inside source files: Python's doctests and test functions, Vitest's blocks, Rust's tests and examples.

They cannot be exchanged without the source, so no run shows what their old wording says of the change. One that changed or
is gone is for a person to confirm, like any changed expectation.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator

from dayhand.environment.ecosystems.base import Files
from dayhand.verification import Expectation
from dayhand.verify.break_code import test_blocks
from dayhand.verify.integrity.python_tests import name_of
from dayhand.verify.reports.read import Results

NAME_CHARS = 100
EXAMPLE = re.compile(r"^[ \t]*>>> .*(?:\n(?![ \t]*$).+)*", re.MULTILINE)  # up to an empty line
RUST_DOC = re.compile(r"^[ \t]*//[/!] ?(.*)$", re.MULTILINE)
RUST_ASSERTION = re.compile(r"\b(?:debug_)?assert(?:_\w+)?!\s*\(")
MAX_ASSERTION = 2000  # characters
VITEST = re.compile(r"\bimport\.meta\.vitest\b")  # https://vitest.dev/guide/in-source
VITEST_ASSERTION = re.compile(r"^[ \t]*(?:await )?expect\b[^;\n]*", re.MULTILINE)
PYTHON_ASSERTION = re.compile(r"(?:self|cls)\.assert\w+")


def examples(text: str) -> tuple[str, ...]:
    """The doctests of a text, each with what it expects, on single spaces."""
    return tuple(" ".join(found[0].split()) for found in EXAMPLE.finditer(text))


def changed_inline(
    before: Files, after: Files, paths: tuple[str, ...], *, results: Results | None
) -> tuple[Expectation, ...]:
    """What changed ``paths`` no longer expect as they did; of doctests only those that a run names."""
    names = [test.name for test in results.tests] if results else []
    old: list[tuple[str, str]] = []
    kept = Counter[str]()
    for path in paths:
        if path.endswith(".rs"):
            old += [(path, each) for each in _rust_assertions(before.read(path))]
            kept.update(_rust_assertions(after.read(path)))
        elif path.endswith(".py"):
            module = path.rpartition("/")[2].removesuffix(".py")
            ran = [
                each
                for name, docs in _docstrings(before.read(path))
                if _is_named(f"{module}.{name}", names) or (not name and _is_named(module, names))
                for each in examples(docs)
            ]
            old += [(path, each) for each in ran]
            kept.update(each for _, docs in _docstrings(after.read(path)) for each in examples(docs))
            old += [
                (path, each) for name, each in _python_assertions(before.read(path)) if _is_named(name, names)
            ]
            kept.update(each for _, each in _python_assertions(after.read(path)))
        elif VITEST.search(before.read(path)):
            old += [(path, each) for each in _vitest_assertions(before.read(path))]
            kept.update(_vitest_assertions(after.read(path)))
    return tuple(_gone(old, kept))


def _gone(old: list[tuple[str, str]], kept: Counter[str]) -> Iterator[Expectation]:
    for path, each in old:
        if kept[each]:
            kept[each] -= 1
        else:
            yield Expectation(each[:NAME_CHARS], path, f"-{each}")


def _is_named(name: str, names: list[str]) -> bool:
    return any(each == name or each.endswith((f".{name}", f":{name}", f"/{name}")) for each in names)


def _docstrings(text: str) -> list[tuple[str, str]]:
    """The docstrings with examples, by the dotted name of their function or class; "" is the module's."""
    if ">>> " not in text:
        return []
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found, waiting = list[tuple[str, str]](), list[tuple[str, ast.AST]]([("", tree)])
    while waiting:
        prefix, node = waiting.pop()
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found.append((prefix, ast.get_docstring(node) or ""))
        for child in ast.iter_child_nodes(node):
            name = getattr(child, "name", "") if isinstance(child, ast.stmt) else ""
            waiting.append((f"{prefix}.{name}".strip(".") if name else prefix, child))
    return [(name, docs) for name, docs in found if ">>> " in docs]


def _python_assertions(text: str) -> list[tuple[str, str]]:
    """The assertions of the test functions in a file, by the name of the function."""
    if "def test" not in text:
        return []
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return [
        (function.name, ast.unparse(node))
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and function.name.startswith("test")
        for node in ast.walk(function)
        if isinstance(node, ast.Assert)
        or (isinstance(node, ast.Call) and PYTHON_ASSERTION.fullmatch(name_of(node.func)))
    ]


def _vitest_assertions(text: str) -> list[str]:
    start = VITEST.search(text)
    return [" ".join(each.split()) for each in VITEST_ASSERTION.findall(text, start.end())] if start else []


def _rust_assertions(text: str) -> list[str]:
    """The assertions in tests and in the examples of documentation, on single spaces."""
    if "assert" not in text:
        return []
    parts = [text[start:end] for start, end in test_blocks(text)]
    parts.append("\n".join(RUST_DOC.findall(text)))
    return [" ".join(each.split()) for part in parts for each in _assertions(part)]


def _assertions(code: str) -> Iterator[str]:
    for found in RUST_ASSERTION.finditer(code):
        depth, end = 1, found.end()
        while depth and end < min(len(code), found.end() + MAX_ASSERTION):
            depth += {"(": 1, ")": -1}.get(code[end], 0)
            end += 1
        yield code[found.start() : end]
