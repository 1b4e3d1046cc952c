"""The tests of a Python file, by its syntax tree: what they assert, and which of them do not run."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping

from dayhand.verify.integrity.case_facts import CaseFacts

SKIPPING = re.compile(
    r"(^|\.)(skipif|skipIf|skipUnless|skipTest|SkipTest|xfail|expectedFailure|importorskip)$"
    r"|^((pytest|unittest|pytest\.mark|mark)\.)?skip$"
)
EXACT = re.compile(r"^assert(Equal|Is|Raises\w*|(?!Not)\w+Equals?|CountEqual|Regex)$")
CHECKING = re.compile(r"(^|\.)(assert\w*|fail|raises|warns|deprecated_call)$")
ANY_ERROR = frozenset(["", "AssertionError", "Exception", "BaseException"])
Function = ast.FunctionDef | ast.AsyncFunctionDef


def tests_in(text: str) -> Mapping[str, CaseFacts] | None:
    """The tests by their names within the file; None if it cannot be parsed.

    Code outside tests that skips (a fixture, ``setUp``) is returned as a group.
    """
    try:
        tree = ast.parse(text)
        return dict(_walk(tree, "", skips=_all_skip(tree.body)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def comments_in(text: str) -> Iterator[tuple[int, str]]:
    """The comments with their line numbers; text in strings is not a comment."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string
    except (tokenize.TokenError, SyntaxError):
        return


def _walk(node: ast.AST, path: str, *, skips: bool) -> Iterator[tuple[str, CaseFacts]]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.ClassDef():
                all_skip = skips or any(map(_skips, child.decorator_list)) or _all_skip(child.body)
                yield from _walk(child, f"{path}{child.name}.", skips=all_skip)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                if child.name.startswith("test"):
                    yield f"{path}{child.name}", _test(child, skips=skips)
                elif any(SKIPPING.search(called_name(inner)) for inner in ast.walk(child)):
                    yield f"{path}{child.name}", CaseFacts(child.lineno, True, 0, 0, "", group=True)
            case ast.If() | ast.Try() | ast.With():
                yield from _walk(child, path, skips=skips)


def _test(function: Function, *, skips: bool) -> CaseFacts:
    reached = list(_reached(function.body))
    calls = [node for node in reached if isinstance(node, ast.Call)]
    assertions = [node for node in reached if isinstance(node, ast.Assert) and not _always_true(node.test)]
    called = [call for call in calls if CHECKING.search(name_of(call.func))]
    exact = sum(_compares(node.test) for node in assertions) + sum(map(_is_exact, called))
    skips = (
        skips
        or any(map(_skips, function.decorator_list))
        or any(SKIPPING.search(name_of(call.func)) for call in calls)
        or any(isinstance(node, ast.Raise) and node.exc and _skips(node.exc) for node in reached)
    )
    return CaseFacts(
        function.lineno,
        skips,
        len(assertions) + len(called),
        exact,
        "\n".join(ast.dump(statement) for statement in function.body),
        cases=sum(map(_cases, function.decorator_list)),
    )


def _reached(statements: Iterable[ast.stmt]) -> Iterator[ast.AST]:
    """The nodes that can run and fail the test: none after a ``return``, under ``if False``, or where all errors are caught."""
    for statement in statements:
        match statement:
            case ast.If(test=ast.Constant(value=value)) if not value:
                yield from _reached(statement.orelse)
            case ast.Try() if any(map(_swallows, statement.handlers)):
                yield from _reached([*statement.orelse, *statement.finalbody])
            case ast.With() if any(_suppresses(item.context_expr) for item in statement.items):
                continue
            case (
                ast.If() | ast.For() | ast.While() | ast.With() | ast.AsyncWith() | ast.AsyncFor() | ast.Try()
            ):
                yield from _parts(statement)
            case _:
                yield from ast.walk(statement)
        if isinstance(statement, ast.Return):
            return


def _parts(statement: ast.AST) -> Iterator[ast.AST]:
    """The expressions of a compound statement, and what can be reached in its blocks."""
    for _, value in ast.iter_fields(statement):
        if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
            yield from _reached(value)
        elif isinstance(value, list):
            for part in value:
                yield from _parts(part) if isinstance(part, ast.ExceptHandler) else ast.walk(part)
        elif isinstance(value, ast.AST):
            yield from ast.walk(value)


def _swallows(handler: ast.ExceptHandler) -> bool:
    """Whether the handler hides a failed assertion."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    caught = any((name_of(kind) if kind else "") in ANY_ERROR for kind in kinds)
    inside = [node for statement in handler.body for node in ast.walk(statement)]
    fails = any(
        isinstance(node, ast.Raise | ast.Assert) or CHECKING.search(called_name(node)) for node in inside
    )
    return caught and not fails


def _suppresses(node: ast.expr) -> bool:
    named = name_of(node.func) if isinstance(node, ast.Call) else ""
    return named.rpartition(".")[2] == "suppress" and any(
        name_of(argument) in ANY_ERROR - {""} for argument in getattr(node, "args", [])
    )


def _compares(node: ast.expr) -> bool:
    """Whether one value only can pass: ``==`` and ``is``, but not ``in``, ``>``, ``!=`` or ``is not``."""
    if isinstance(node, ast.BoolOp):
        return any(map(_compares, node.values))
    return isinstance(node, ast.Compare) and any(isinstance(op, ast.Eq | ast.Is) for op in node.ops)


def _is_exact(call: ast.Call) -> bool:
    last = name_of(call.func).rpartition(".")[2]
    if last in ("raises", "warns", "assertRaises"):  # except for errors of any kind
        return not (call.args and name_of(call.args[0]) in ANY_ERROR)
    return bool(EXACT.match(last))


def _cases(decorator: ast.expr) -> int:
    """The number of rows in the table of a ``parametrize``, if the table is written there."""
    if not isinstance(decorator, ast.Call) or not name_of(decorator.func).endswith(".parametrize"):
        return 0
    values = [
        *decorator.args[1:2],
        *(keyword.value for keyword in decorator.keywords if keyword.arg == "argvalues"),
    ]
    return sum(len(table.elts) for table in values if isinstance(table, ast.List | ast.Tuple))


def _all_skip(body: list[ast.stmt]) -> bool:
    """``pytestmark = pytest.mark.skip``, ``pytest.skip(..., allow_module_level=True)``, ``__test__ = False``."""
    for node in body:
        if isinstance(node, ast.Assign):
            names = {name_of(target) for target in node.targets}
            marks = "pytestmark" in names and any(SKIPPING.search(name_of(inner)) for inner in ast.walk(node))
            hides = "__test__" in names and isinstance(node.value, ast.Constant) and not node.value.value
            if marks or hides:
                return True
        if isinstance(node, ast.Expr) and _skips(node.value):
            return True
        if isinstance(node, ast.Raise) and node.exc and _skips(node.exc):
            return True
    return False


def _skips(node: ast.expr) -> bool:
    """Whether an expression skips, even if only one row of a table."""
    return any(SKIPPING.search(name_of(inner)) for inner in ast.walk(node))


def _always_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and bool(node.value)


def called_name(node: ast.AST) -> str:
    """The dotted name of the called function; "" for anything but a call."""
    return name_of(node.func) if isinstance(node, ast.Call) else ""


def name_of(node: ast.AST) -> str:
    """The dotted name of a name or attribute; "" for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id if isinstance(node, ast.Name) else "", *reversed(parts)])
