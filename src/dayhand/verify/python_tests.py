"""What a Python test file holds, by its syntax tree: the tests, what they assert, which of them do not run."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

SKIPPING = re.compile(
    r"(^|\.)(skip|skipif|skipIf|skipUnless|skipTest|SkipTest|xfail|expectedFailure|importorskip)$"
)
EXACT = re.compile(r"^assert(Equal|Is|Raises\w*|\w+Equal|CountEqual|In|Regex)$")
CHECKING = re.compile(r"(^|\.)(assert\w*|fail|raises|warns|deprecated_call)$")


@dataclass(frozen=True, slots=True)
class OneTest:
    """One test function."""

    line: int
    skips: bool
    asserts: int
    exact: int  # of these, how many compare with something: ``==``, ``assertEqual``, ``raises``
    body: str  # to know it again under another name


def tests_in(text: str) -> Mapping[str, OneTest] | None:
    """The tests by their names within the file; None where it is no Python that we can read."""
    try:
        tree = ast.parse(text)
        return dict(_walk(tree, "", skips=_module_skips(tree)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def comments_in(text: str) -> Iterator[tuple[int, str]]:
    """The comments with their lines: what stands in a string is none."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string
    except (tokenize.TokenError, SyntaxError):
        return


def _walk(node: ast.AST, path: str, *, skips: bool) -> Iterator[tuple[str, OneTest]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            inner = skips or any(map(_skips, child.decorator_list))
            yield from _walk(child, f"{path}{child.name}.", skips=inner)
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and child.name.startswith("test"):
            yield f"{path}{child.name}", _test(child, skips=skips)
        elif isinstance(child, ast.If | ast.Try | ast.With):
            yield from _walk(child, path, skips=skips)


def _test(function: ast.FunctionDef | ast.AsyncFunctionDef, *, skips: bool) -> OneTest:
    nodes = [node for statement in function.body for node in ast.walk(statement)]
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    plain = [node for node in nodes if isinstance(node, ast.Assert) and not _always_true(node.test)]
    called = [call for call in calls if CHECKING.search(_name(call.func))]
    exact = sum(isinstance(node.test, ast.Compare) for node in plain) + sum(map(_is_exact, called))
    skips = (
        skips
        or any(map(_skips, function.decorator_list))
        or any(SKIPPING.search(_name(c.func)) for c in calls)
    )
    body = "\n".join(ast.dump(statement) for statement in function.body)
    return OneTest(function.lineno, skips, len(plain) + len(called), exact, body)


def _is_exact(call: ast.Call) -> bool:
    last = _name(call.func).rpartition(".")[2]
    return bool(EXACT.match(last)) or last in ("raises", "warns")


def _module_skips(tree: ast.Module) -> bool:
    """``pytestmark = pytest.mark.skip`` and ``pytest.skip(..., allow_module_level=True)``."""
    for node in tree.body:
        marks = isinstance(node, ast.Assign) and any(_name(t) == "pytestmark" for t in node.targets)
        if marks and any(SKIPPING.search(_name(inner)) for inner in ast.walk(node)):
            return True
        if isinstance(node, ast.Expr) and _skips(node.value):
            return True
    return False


def _skips(node: ast.expr) -> bool:
    return bool(SKIPPING.search(_name(node.func if isinstance(node, ast.Call) else node)))


def _always_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and bool(node.value)


def _name(node: ast.AST) -> str:
    """The dotted name; "" for anything else."""
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""
