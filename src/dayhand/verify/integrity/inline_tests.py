"""Expectations inside source files: Python's doctests, and Rust's tests and examples.

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
from dayhand.verify.reports.read import Results

NAME_CHARS = 100
EXAMPLE = re.compile(r"^[ \t]*>>> .*(?:\n(?![ \t]*$).+)*", re.MULTILINE)  # up to an empty line
RUST_DOC = re.compile(r"^[ \t]*//[/!] ?(.*)$", re.MULTILINE)
RUST_ASSERTION = re.compile(r"\b(?:debug_)?assert(?:_\w+)?!\s*\(")
MAX_ASSERTION = 2000  # characters


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
