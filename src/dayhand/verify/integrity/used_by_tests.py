"""What tests use although its path says source: files that a test runner loads, helpers, and data that only tests name.

They are exchanged together with the tests, so that emptying one of them hides nothing.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from posixpath import dirname, join, normpath

from dayhand.environment.ecosystems.base import Files
from dayhand.file_kinds import (
    TEST_CODE,
    belongs_to_tests,
    decides_set_up,
    is_check_configuration,
    is_mixed_configuration,
    is_source,
    is_test,
)
from dayhand.verify.integrity.configuration import check_settings
from dayhand.verify.scope.unmentioned import imported_words

MAX_SETTINGS = 200  # files; those nearest to the top are read
MAX_FILES = 3000  # that are searched for the name of a data file; with more, the file counts as source
# The settings and options with which test runners load a file before the tests.
LOADS = re.compile(
    r"\b(?:setupFiles\w*|setupTestFrameworkScriptFile|globalSetup|globalTeardown|testEnvironment|testRunner|testSequencer"
    r"|snapshot(?:Resolver|Serializers|Environment)|resolver|reporters?|require|file|bootstrap|pytest_plugins)\b[\"']?\s*[:=]\s*"
    r"(\[[^\]]{0,2000}|[^\n,}]{1,300})"
    r"|(?:^|[\s\"'=])(?:--(?:require|import|loader|experimental-loader|file|bootstrap|setup[\w-]*)[ =]+|-[rp] ?)([\w./@-]+)",
    re.MULTILINE,
)
WORD = re.compile(r"[\w.@/-]*[\w-]")
SUFFIX = re.compile(r"(?:/index|/__init__)?\.\w+$")
SCRIPTS = (".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".mts", ".cts")
# What only tests use of a language, by suffix.
_SCRIPT = re.compile(
    r"[\"'](?:vitest|@jest/globals|chai|node:test|bun:test|ava|tape|@playwright/test|@testing-library/[\w-]+)[\"']"
    r"|\bexpect\([^\n]*\)\s*\.\s*(?:not\.|resolves\.|rejects\.)?to\w+|\b(?:jest|vi)\.(?:mock|fn|spyOn)\("
)
_JAVA = re.compile(
    r"^import (?:static )?(?:org\.junit|org\.assertj|org\.hamcrest|io\.kotest|kotlin\.test)\b", re.MULTILINE
)
FRAMEWORK = {
    ".py": re.compile(
        r"^\s*(?:import|from)\s+(?:pytest|unittest(?!\.mock| import mock\s*$)|nose2?|hypothesis)\b",
        re.MULTILINE,
    ),
    **dict.fromkeys(SCRIPTS, _SCRIPT),
    ".go": re.compile(
        r"^\s*(?:import\s+)?(?:\w+ )?\"(?:testing|github\.com/stretchr/testify/\w+)\"", re.MULTILINE
    ),
    ".rb": re.compile(r"\bRSpec\b|\bMinitest\b|\brequire ['\"](?:rspec|minitest|test/unit)"),
    ".php": re.compile(r"\bPHPUnit\\Framework\b"),
    ".java": _JAVA,
    ".kt": _JAVA,
    ".cs": re.compile(r"^using (?:Xunit|NUnit)\b", re.MULTILINE),
}
# What sources have too: it is for tests if only they import it.
ASSERTS = {
    ".py": re.compile(r"^\s*def assert_\w+\(", re.MULTILINE),
    **dict.fromkeys(SCRIPTS, re.compile(r"\bfunction assert\w+\(|\bassert\w+\s*=\s*\(")),
}
# A package that needs one of these to run is a tool for tests itself.
FOR_TESTS = re.compile(r"(?:pytest|hypothesis|nose2?|vitest|jest|@jest/globals|chai|mocha|ava|tape)\b")
PROSE = re.compile(r"\.(md|rst|adoc|png|jpe?g|gif|svg|ico|pdf|lock|po)$|(^|/)(LICENSE|NOTICE|\.gitignore)$")


def find_used_by_tests(paths: tuple[str, ...], before: Files, after: Files) -> frozenset[str]:
    """Those of the changed ``paths`` that tests use, on either side. None of them is known for a test by its path."""
    code = [path for path in paths if TEST_CODE.search(path) and not belongs_to_tests(path)]
    loaded = _loaded_on_either_side(before, after) if code else frozenset[str]()
    found = {path for path in code if SUFFIX.sub("", path) in loaded}
    helpers = {path for path in code if _uses_framework(path, before) or _uses_framework(path, after)} - found
    if any(is_source(path) and path not in found | helpers for path in paths):
        found |= helpers  # otherwise they are what the change is about
    found |= {
        path
        for path in paths
        if _is_data(path) and any(_is_named_by_tests(path, each) for each in (before, after))
    }
    return frozenset(found)


def _loaded_on_either_side(before: Files, after: Files) -> frozenset[str]:
    """The paths, without suffix, that the settings of checks load. What both sides have is judged by its path once."""
    old, new = frozenset(before.paths()), frozenset(after.paths())
    settings = {path for path in old | new if is_check_configuration(path) or is_mixed_configuration(path)}
    return _loaded(before, settings & old) | _loaded(after, settings & new)


def _loaded(files: Files, settings: Iterable[str]) -> frozenset[str]:
    found = set[str]()
    for path in sorted(settings, key=lambda path: (path.count("/"), path))[:MAX_SETTINGS]:
        folder = dirname(path)
        for value in LOADS.finditer(_settings(path, files.read(path))):
            for word in WORD.findall(value[1] or value[2]):
                is_path = TEST_CODE.search(word) or "/" in word
                place = word.lstrip("/") if is_path else word.replace(".", "/")
                places = (normpath(join(folder, place)), normpath(place))
                found |= {*places, *(SUFFIX.sub("", each) for each in places)}
    return frozenset(found)


def _settings(path: str, text: str) -> str:
    if not is_mixed_configuration(path):
        return text
    settings = check_settings(path, text) or {}
    return "\n".join(
        f"{name} = {each if isinstance(each, str) else json.dumps(each, default=str)}"
        for name, each in settings.items()
    )


def _uses_framework(path: str, files: Files) -> bool:
    suffix, text = path[path.rfind(".") :], files.read(path)
    uses = suffix in FRAMEWORK and FRAMEWORK[suffix].search(text)
    asserts = suffix in ASSERTS and ASSERTS[suffix].search(text)
    is_helper = uses or (asserts and _is_imported_by_tests_alone(path, files))
    return bool(is_helper) and not _is_test_tool(path, files)


def _is_imported_by_tests_alone(path: str, files: Files) -> bool:
    stem = SUFFIX.sub("", path).rpartition("/")[2].lower()
    users = [each for each in _code(files) if each != path and stem in imported_words(files.read(each))]
    return bool(users) and all(map(belongs_to_tests, users))


def _code(files: Files) -> tuple[str, ...]:
    """The code files; none if there are too many to read."""
    code = tuple(path for path in files.paths() if TEST_CODE.search(path))
    return code if len(code) <= MAX_FILES else ()


def _is_test_tool(path: str, files: Files) -> bool:
    """Whether the package of a file is a tool for tests itself: its users' tests need what it imports."""
    folder = dirname(path)
    while True:
        for name in ("pyproject.toml", "setup.cfg", "package.json"):
            if any(map(FOR_TESTS.match, _needed(name, files.read(join(folder, name))))):
                return True
        if not folder:
            return False
        folder = dirname(folder)


def _needed(name: str, manifest: str) -> Iterator[str]:
    """What a package needs to run."""
    if "pytest11" in manifest:
        yield "pytest"
    try:
        if name == "package.json":
            package = json.loads(manifest or "{}")
            yield from (*package.get("dependencies", ()), *package.get("peerDependencies", ()))
        elif name == "pyproject.toml":
            yield from tomllib.loads(manifest).get("project", {}).get("dependencies", ())
    except (ValueError, AttributeError, TypeError, RecursionError):
        return


def _is_data(path: str) -> bool:
    is_other = is_check_configuration(path) or is_mixed_configuration(path) or decides_set_up(path)
    return not (TEST_CODE.search(path) or belongs_to_tests(path) or is_other or PROSE.search(path))


def _is_named_by_tests(path: str, files: Files) -> bool:
    """Whether tests name a file, and no source names it, its stem or a folder of it."""
    *folders, name = path.split("/")
    words = [
        name,
        *folders,
        *(f"{quote}{name.partition('.')[0]}{quote}" for quote in "\"'" if not name.startswith(".")),
    ]
    code = _code(files)
    tests = [each for each in code if belongs_to_tests(each)]
    if not any(name in files.read(each) for each in tests if is_test(each) or each.endswith("conftest.py")):
        return False
    return not any(word in files.read(each) for each in code if not belongs_to_tests(each) for word in words)
