"""What can make a test run report success without testing: found where it is cheap to see, listed for a person.

Code under test runs in the same process as its test runner, so this finds the plain forms only; docs/verdict.md says
what it does not find. Only lines that are new are listed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from dayhand.file_kinds import TEST_CODE, belongs_to_tests
from dayhand.startup.regex import regex
from dayhand.verify.integrity.languages import language_of
from dayhand.verify.integrity.python_tests import name_of
from dayhand.verify.reports.collect import REPORT_FOLDER, REPORT_OPTIONS

RUNNER, REPORT = "touches the test runner", "touches the test report"
EXIT, EQUAL = "ends the test run", "equal to everything"
ASKS = "asks whether tests run"
Found = tuple[str, int, str]  # the kind, the line and its text

# Names of the runner's own parts. What pytest exports as well is imported from there only for annotations.
PYTHON_RUNNER = regex(
    r"(?:.*\.)?_pytest(?:\..*)?|(?:.*\.)?pytest_(?:runtest|pyfunc|sessionfinish|report_teststatus|exception|collectreport|unconfigure)\w*"
    r"|(?:.*\.)?(?:TestReport|CollectReport|CallInfo|TestResult|TextTestResult|testsfailed|exitstatus|addFailure|addError)"
)
EXPORTED = frozenset(
    [
        "Cache", "CaptureFixture", "Config", "ExceptionInfo", "FixtureRequest", "LogCaptureFixture", "Mark", "MarkDecorator",
        "MonkeyPatch", "ParameterSet", "Parser", "Pytester", "TempPathFactory", "WarningsRecorder",
    ]
)  # fmt: skip
ASSERTING = regex(r"(?:.*\.)?TestCase(?:\.(?:run|fail|assert\w+))?|pytest(?:\.\w+)?")  # patched or replaced
PATCHING = regex(r"(?:.*\.)?(?:setattr|patch\.object)")
RUNNER_NAMES = regex(
    r"jest-(?:circus|runner|jasmine2|worker)\b|@jest/(?:reporters|test-result|core|environment)\b|@?vitest/runners?\b"
    r"|\bmocha/lib/|\bRunner\.prototype\b|\bglobal(?:This)?\.(?:expect|test|it|describe|assert)\s*=(?!=)"
    r"|\bassert['\"()\]]{0,3}(?:\.\w+)?\s*=(?![=>])\s*(?:\(|function|async|\w+\s*=>)"  # JavaScript and TypeScript
    r"|\.(?:(?:not)?[sS]trictEqual|deepEqual|deepStrictEqual|toBe|toEqual|toStrictEqual)\s*=(?![=>])\s*(?:\(|function|async|\w+\s*=>)"
    r"|\bexpect\.(?:addEqualityTesters\(|extend\(\s*\{[\s\S]{0,400}?(?<![.\w])(?:toBe|toEqual|toStrictEqual|toThrow)\s*[:(])"
    r"|\bAssertion\.overwrite(?:Method|Property|ChainableMethod)\("
    r"|\bmacro_rules!\s*(?:debug_)?assert(?:_eq|_ne)?\b|\bdef assert(?:_equal|_same|_nil|_raises|_includes|_in_delta)?\b(?!\w)"
    r"|\bRSpec::Core::|\bMinitest::(?:Runnable|Reporter|Result|Assertions)\b"
    r"|\borg\.junit\.platform\.(?:launcher|engine)\b|\borg\.junit\.runner\.notification\b|\bTestExecutionListener\b"
    r"|\bXunit\.(?:Sdk|Runners?)\b|\bPHPUnit\\(?:Runner|Framework\\TestResult|TextUI)\b|\btesting\.MainStart\b"
)
EXITS = regex(
    r"\bprocess\.(?:exit\(\s*(?:0\s*)?\)|reallyExit\b|exitCode\s*=\s*0)|\bDeno\.exit\(\s*(?:0\s*)?\)"
    r"|\bos\.Exit\(0\)|\bsyscall\.Exit\(0\)|\bprocess::exit\(0\)|\bSystem\.exit\(0\)|\bexitProcess\(0\)|\.halt\(0\)"
    r"|\bEnvironment\.Exit\(0\)|(?<![\w.>:$-])exit!|(?<![\w.>:$-])(?:exit|die)\s*(?:\(\s*0?\s*\))?;|^\s*exit(?:\s+true|\(0\)|\s+0)?$"
)
# In Java, Kotlin, C#, Ruby, Rust, JavaScript.
ALWAYS_EQUAL = regex(
    r"\b(?:equals|Equals|asymmetricMatch|isEqual)\s*\([^()\n]{0,120}\)[^{;=\n]{0,40}(?:\{\s*return true\b|=>?\s*true\b)"
    r"|\bdef ==\s*\(?\w+\)?\s*(?:;|=|\n)\s*true\b|\bfn eq\([^()\n]{0,120}\) -> bool \{\s*true\b"
)
ALWAYS_EQUAL_METHODS = frozenset(["__eq__", "__ne__"])
# The variables of test runners, and what else tells source that it runs in one of them.
RUNNER_VARIABLES = (
    "PYTEST_(?:CURRENT_TEST|VERSION|XDIST_WORKER)|JEST_WORKER_ID|VITEST(?:_\\w+)?|NODE_TEST_CONTEXT|MOCHA_COLORS|AVA_PATH"
    "|PHPUNIT_COMPOSER_INSTALL|__PHPUNIT_\\w+|NEXTEST(?:_\\w+)?|CARGO_TARGET_TMPDIR|RUST_TEST_THREADS"
)
ASKS_IN_PYTHON = regex(RUNNER_VARIABLES)
PYTHON_RUNNERS = frozenset(["pytest", "_pytest", "unittest", "py.test", "nose"])
ASKS_FOR_TESTS = regex(
    rf"\b(?:{RUNNER_VARIABLES})\b|\btypeof\s+(?:jest|vi|expect|describe|it)\b|\bglobal(?:This)?\.(?:jest|expect|describe|it)\b(?!\s*=[^=])"
    r"|\bflag\.Lookup\(\"test\.|\btesting\.Testing\(\)|\bos\.Args\[0\],\s*\"[^\"\n]*\.test\b|\bcfg!\((?:not\()?test\b|#\[cfg\(not\(test\)\)\]"
    r"|\bdefined\?\s*\(?\s*(?:::)?(?:RSpec|Minitest|Test::Unit)\b|\b(?:const_defined\?|Object\.const_get)\(?\s*[:\"'](?:RSpec|Minitest)\b"
    r"|\bclass_exists\(\s*(?:['\"]\\{0,2}PHPUnit|\\?PHPUnit)|\bClass\.forName\(\s*\"org\.junit|\"org\.junit[\w.]*\"|\brunningUnitTests\(\)"
)
OPTIONS = regex(
    rf"{re.escape(REPORT_FOLDER.rpartition('/')[2])}|\b(?:{'|'.join(name for name, variable in REPORT_OPTIONS.items() if variable.own)})\b"
    r"|\b(?:surefire|failsafe)-reports\b|\bbuild/test-results\b"
)


def find_forged_results(path: str, old: str, new: str) -> Iterator[Found]:
    """The new lines of a code file that reach for its test runner, its report or the end of its run."""
    if not TEST_CODE.search(path):
        return
    old_lines = {line.strip() for line in old.splitlines()}
    found = _in_python(new, path) if path.endswith(".py") else _in_text(new, path)
    lines = new.splitlines()
    seen: set[tuple[str, int]] = set()
    for kind, number in found:
        text = lines[number - 1].strip() if 0 < number <= len(lines) else ""
        if text not in old_lines and (kind, number) not in seen:
            seen.add((kind, number))
            yield kind, number, text


def _in_text(text: str, path: str) -> Iterator[tuple[str, int]]:
    code = re.sub(language_of(path).comment, _blank, text, flags=re.MULTILINE | re.DOTALL)
    rules = [(RUNNER, RUNNER_NAMES), (EQUAL, ALWAYS_EQUAL)]
    rules += [(EXIT, EXITS), (REPORT, OPTIONS)] if belongs_to_tests(path) else [(ASKS, ASKS_FOR_TESTS)]
    for kind, rule in rules:
        for match in re.finditer(rule.pattern, code, re.MULTILINE):
            yield kind, code.count("\n", 0, match.start()) + 1


def _blank(comment: re.Match[str]) -> str:
    return "\n" * comment.group().count("\n")


def _in_python(text: str, path: str) -> Iterator[tuple[str, int]]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    is_test = belongs_to_tests(path)
    excused = set(_excused(tree))
    for node in ast.walk(tree):
        number = getattr(node, "lineno", 0)
        if _is_runner(node):
            yield RUNNER, number
        if _is_always_equal(node):
            yield EQUAL, number
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _names_report(node.value):
            yield REPORT, number
        if is_test and node not in excused and _ends_the_run(node):
            yield EXIT, number
        if not is_test and _asks_for_tests(node):
            yield ASKS, number


def _names_report(text: str) -> bool:
    """Whether a string is the name or the path of a report or of its option, and not a sentence about it."""
    return bool(OPTIONS.search(text)) and (" " not in text.strip() or REPORT_FOLDER in text)


def _is_runner(node: ast.AST) -> bool:
    match node:
        case ast.Import():
            return any(PYTHON_RUNNER.fullmatch(alias.name) for alias in node.names)
        case ast.ImportFrom():
            if (node.module or "").partition(".")[0] == "_pytest":
                return not EXPORTED.issuperset(alias.name for alias in node.names)
            return any(PYTHON_RUNNER.fullmatch(alias.name) for alias in node.names)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            bases = node.bases if isinstance(node, ast.ClassDef) else []
            return bool(PYTHON_RUNNER.fullmatch(node.name)) or any(map(_names_runner, bases))
        case ast.Attribute() | ast.Name():
            return _names_runner(node)
        case ast.Constant(value=str(text)):
            return text.isprintable() and " " not in text and bool(PYTHON_RUNNER.fullmatch(text))
        case ast.Assign() | ast.AugAssign():
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            return any(isinstance(target, ast.Attribute) and _is_asserting(target) for target in targets)
        case ast.Call() if PATCHING.fullmatch(name_of(node.func)) and node.args:
            return _is_asserting(node.args[0])
    return False


def _names_runner(node: ast.AST) -> bool:
    return bool(PYTHON_RUNNER.fullmatch(name_of(node)))


def _is_asserting(node: ast.AST) -> bool:
    return bool(ASSERTING.fullmatch(name_of(node)))


def _asks_for_tests(node: ast.AST) -> bool:
    """Whether source looks for its test runner: among the loaded modules, the arguments, or the variables."""
    match node:
        case ast.Compare(ast.Constant(str(text)), [ast.In() | ast.NotIn()], [where]):
            where = where.value if isinstance(where, ast.Subscript) else where
            return text in PYTHON_RUNNERS and name_of(where).rpartition(".")[2] in ("modules", "argv")
        case ast.Constant(value=str(text)):
            return bool(ASKS_IN_PYTHON.fullmatch(text))
        case ast.Call(func=func, args=[ast.Constant(value=str(text)), *_]):
            return name_of(func).endswith("modules.get") and text in PYTHON_RUNNERS
    return False


def _is_always_equal(node: ast.AST) -> bool:
    match node:
        case ast.FunctionDef(name=name) if name in ALWAYS_EQUAL_METHODS:
            *_, last = node.body
            others = [
                one
                for one in node.body
                if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
            ]
            return len(others) == 1 and isinstance(last, ast.Return) and isinstance(last.value, ast.Constant)
        case ast.Assign(value=ast.Lambda(body=ast.Constant())):
            return any(name_of(target).rpartition(".")[2] in ALWAYS_EQUAL_METHODS for target in node.targets)
        case ast.Dict():
            return any(
                isinstance(key, ast.Constant)
                and key.value in ALWAYS_EQUAL_METHODS
                and isinstance(value, ast.Lambda)
                and isinstance(value.body, ast.Constant)
                for key, value in zip(node.keys, node.values, strict=True)
            )
    return False


def _ends_the_run(node: ast.AST) -> bool:
    """Whether a statement ends the process as a success, or without the runner."""
    match node:
        case ast.Attribute(attr="_exit") if name_of(node) == "os._exit":
            return True
        case ast.Call():
            name = name_of(node.func)
            arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
            if name == "pytest.exit":
                return True
            return name in ("sys.exit", "exit", "quit", "SystemExit") and _is_success(arguments)
        case ast.Raise(exc=ast.Name(id="SystemExit")):
            return True
        case ast.ImportFrom(module="os"):
            return any(alias.name == "_exit" for alias in node.names)
    return False


def _is_success(arguments: list[ast.expr]) -> bool:
    return not arguments or (isinstance(arguments[0], ast.Constant) and not arguments[0].value)


def _excused(tree: ast.Module) -> Iterator[ast.AST]:
    """The nodes that run only as a program of their own, and those whose exit is expected."""
    for node in ast.walk(tree):
        match node:
            case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
                yield from ast.walk(node)
            case ast.With() if any(
                "raises" in name_of(getattr(item.context_expr, "func", node)).lower() for item in node.items
            ):
                yield from ast.walk(node)
