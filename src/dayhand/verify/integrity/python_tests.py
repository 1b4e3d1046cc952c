"""What a Python test file holds, by its syntax tree: the tests, what they assert, which of them do not run."""

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
    """The tests by their names within the file; None where it is no Python that we can read.

    What skips outside of tests, a fixture or ``setUp``, is told as a group.
    """
    try:
        tree = ast.parse(text)
        return dict(_walk(tree, "", skips=_all_skip(tree.body)))
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


def _walk(node: ast.AST, path: str, *, skips: bool) -> Iterator[tuple[str, CaseFacts]]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.ClassDef():
                inner = skips or any(map(_skips, child.decorator_list)) or _all_skip(child.body)
                yield from _walk(child, f"{path}{child.name}.", skips=inner)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                if child.name.startswith("test"):
                    yield f"{path}{child.name}", _test(child, skips=skips)
                elif any(SKIPPING.search(called_name(one)) for one in ast.walk(child)):
                    yield f"{path}{child.name}", CaseFacts(child.lineno, True, 0, 0, "", group=True)
            case ast.If() | ast.Try() | ast.With():
                yield from _walk(child, path, skips=skips)


def _test(function: Function, *, skips: bool) -> CaseFacts:
    reached = list(_reached(function.body))
    calls = [node for node in reached if isinstance(node, ast.Call)]
    plain = [node for node in reached if isinstance(node, ast.Assert) and not _always_true(node.test)]
    called = [call for call in calls if CHECKING.search(name_of(call.func))]
    exact = sum(_compares(node.test) for node in plain) + sum(map(_is_exact, called))
    skips = (
        skips
        or any(map(_skips, function.decorator_list))
        or any(SKIPPING.search(name_of(call.func)) for call in calls)
        or any(isinstance(node, ast.Raise) and node.exc and _skips(node.exc) for node in reached)
    )
    return CaseFacts(
        function.lineno,
        skips,
        len(plain) + len(called),
        exact,
        "\n".join(ast.dump(statement) for statement in function.body),
        cases=sum(map(_cases, function.decorator_list)),
    )


def _reached(statements: Iterable[ast.stmt]) -> Iterator[ast.AST]:
    """What can run and can fail the test: nothing after a ``return``, under ``if False``, or where every error is caught."""
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
    """A compound statement: its own expressions, and what is reached in its blocks."""
    for _, value in ast.iter_fields(statement):
        if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
            yield from _reached(value)
        elif isinstance(value, list):
            for one in value:
                yield from _parts(one) if isinstance(one, ast.ExceptHandler) else ast.walk(one)
        elif isinstance(value, ast.AST):
            yield from ast.walk(value)


def _swallows(handler: ast.ExceptHandler) -> bool:
    """Whether a failed assertion ends here unheard."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    caught = any((name_of(kind) if kind else "") in ANY_ERROR for kind in kinds)
    inside = [node for statement in handler.body for node in ast.walk(statement)]
    heard = any(
        isinstance(node, ast.Raise | ast.Assert) or CHECKING.search(called_name(node)) for node in inside
    )
    return caught and not heard


def _suppresses(node: ast.expr) -> bool:
    named = name_of(node.func) if isinstance(node, ast.Call) else ""
    return named.rpartition(".")[2] == "suppress" and any(
        name_of(one) in ANY_ERROR - {""} for one in getattr(node, "args", [])
    )


def _compares(node: ast.expr) -> bool:
    """``==`` and ``is`` hold to one value; ``in``, ``>``, ``!=`` and ``is not`` to many."""
    if isinstance(node, ast.BoolOp):
        return any(map(_compares, node.values))
    return isinstance(node, ast.Compare) and any(isinstance(op, ast.Eq | ast.Is) for op in node.ops)


def _is_exact(call: ast.Call) -> bool:
    last = name_of(call.func).rpartition(".")[2]
    if last in ("raises", "warns", "assertRaises"):  # of any error at all
        return not (call.args and name_of(call.args[0]) in ANY_ERROR)
    return bool(EXACT.match(last))


def _cases(decorator: ast.expr) -> int:
    """How many rows a table of ``parametrize`` has, where it stands there."""
    if not isinstance(decorator, ast.Call) or not name_of(decorator.func).endswith(".parametrize"):
        return 0
    values = [*decorator.args[1:2], *(one.value for one in decorator.keywords if one.arg == "argvalues")]
    return sum(len(one.elts) for one in values if isinstance(one, ast.List | ast.Tuple))


def _all_skip(body: list[ast.stmt]) -> bool:
    """``pytestmark = pytest.mark.skip``, ``pytest.skip(..., allow_module_level=True)``, ``__test__ = False``."""
    for node in body:
        if isinstance(node, ast.Assign):
            names = {name_of(target) for target in node.targets}
            marks = "pytestmark" in names and any(SKIPPING.search(name_of(one)) for one in ast.walk(node))
            hides = "__test__" in names and isinstance(node.value, ast.Constant) and not node.value.value
            if marks or hides:
                return True
        if isinstance(node, ast.Expr) and _skips(node.value):
            return True
        if isinstance(node, ast.Raise) and node.exc and _skips(node.exc):
            return True
    return False


def _skips(node: ast.expr) -> bool:
    """Also one row of a table that is marked so."""
    return any(SKIPPING.search(name_of(one)) for one in ast.walk(node))


def _always_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and bool(node.value)


def called_name(node: ast.AST) -> str:
    """The dotted name of what is called; "" where nothing is."""
    return name_of(node.func) if isinstance(node, ast.Call) else ""


def name_of(node: ast.AST) -> str:
    """The dotted name; "" for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id if isinstance(node, ast.Name) else "", *reversed(parts)])
