"""Which test files a check is narrowed to: those nearest to a change, or those whose wording changed.

The nearest tests run first, so that a failure goes back to the model early; they decide no verdict. The rule: test
files that changed, that are named like a changed file, or that import one. If these are more than a third of all tests,
or the command cannot run single test files, everything runs at once.

The changed tests run once more than the others, with old tests or on old source (``four_runs.py``).
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import replace

from dayhand.environment.ecosystems.base import Check, Files
from dayhand.environment.ecosystems.make import MAKEFILES
from dayhand.file_kinds import TEST_CODE, belongs_to_tests, is_source, is_test
from dayhand.startup.records import dataclass
from dayhand.startup.regex import regex
from dayhand.verify.integrity.shared_state import may_change_others
from dayhand.verify.runner import PYTEST
from dayhand.verify.scope.unmentioned import are_related, imported_words

MIN_TESTS = 8  # files: with fewer, all run at once
MAX_TESTS = 1000  # files: more are not read
SHARE = 3  # the nearest tests are at most a third of all tests
SHELL_SYNTAX = regex(r"[;|&<>$`*?()\n\\]")
NPM_RUN = regex(r"npm run ([\w:.-]+)")
# Scripts that accept test files as further arguments: https://docs.npmjs.com/cli/commands/npm-run-script
TAKES_FILES = regex(r"(?:node --test|jest|vitest run|ava)(?: --?[\w-]+(?:=[\w./-]+)?)*")
# Runners that search for tests by a pattern of names: https://docs.python.org/3/library/unittest.html#test-discovery
UNITTEST = regex(
    r"((?:\w+=[\w./:-]+ )*\S*python[\d.]* -m unittest)(?: discover)?"
    r"((?: -[vqb]| --(?:verbose|quiet|buffer)| (?:-[st]|--(?:start|top-level)-directory)[= ][\w./-]+)*)"
)
DJANGO = regex(
    r"(?:\w+=[\w./:-]+ )*\S*python[\d.]* (?:[\w.-]+/)*manage\.py test(?: (?!-p|--pattern)[\w./=-]+)*"
)
CARGO_TEST = regex(
    r"cargo test(?: (?!--test|--lib|--bin|--doc|--all-targets|-- )--?[\w-]+(?:[= ][\w,./]+)?)*"
)
MAKE_TARGET = regex(r"make(?: -\w)? ([\w-]+)")
GO_TEST = regex(r"(go test(?: -[\w=.,]+)*) \./\.\.\.((?: -[\w=.,]+)*)")
SCRIPT_SUFFIX = regex(r"\.[cm]?[jt]sx?$")
PYTHON_SUFFIX = regex(r"\.py$")
DISCOVERED = regex(r"(^|/)test[^/]*\.py$")  # the usual pattern of unittest and Django
PLAIN_PATH = regex(r"[\w./-]+")
RUST_SUFFIX = regex(r"(^|/)tests/[^/]+\.rs$")
GO_SUFFIX = regex(r"\.go$")
RUNS_ALONE = regex(
    r"(^|/)(test_[^/]*|[^/]*_tests?|tests?)\.py$|\.(test|spec)\.[cm]?[jt]sx?$|_test\.go$|(^|/)tests/[^/]+\.rs$"
)
CommandFor = Callable[[tuple[str, ...]], str]  # from paths of tests, relative to the check's folder


@dataclass(frozen=True, slots=True)
class NarrowedCheck:
    """A check on some test files only. None: it has nothing to run there."""

    on_head: Check | None
    on_base: Check | None  # on the test files of the base
    is_derived: bool = False  # another command than the whole check's: it has to be tried first


def narrow_to_nearest(
    check: Check, before: Files, after: Files, *, paths: tuple[str, ...]
) -> NarrowedCheck | None:
    """Narrow a check to the tests nearest to ``paths``; None if that saves little or the command does not allow it."""
    command_for = _command_for_tests(check, after)
    if check.kind != "test" or command_for is None or _is_derived(check):
        return None
    nearest = _nearest_tests(check, after, paths)
    if not nearest:
        return None
    on_base = frozenset(before.paths())
    return NarrowedCheck(
        _narrowed(check, command_for, nearest),
        _narrowed(check, command_for, tuple(path for path in nearest if path in on_base)),
    )


def narrow_to_changed(
    check: Check,
    before: Files,
    after: Files,
    *,
    wording: tuple[str, ...],
    named: frozenset[str] = frozenset(),
) -> NarrowedCheck | None:
    """Narrow a check to the test files that changed, or that use a changed helper, on either side.

    A command that cannot run single test files runs completely, or not at all where no Python test differs; but if the tests
    that its report names (``named``) are pytest's, a variable narrows it. None if any test may differ (data, settings, a
    helper that no test imports, a file that changes what others see).
    """
    python = tuple(path for path in wording if PYTHON_SUFFIX.search(path))
    if any(may_change_others(files.read(path)) for files in (before, after) for path in python):
        return None
    sides = []
    for files in (before, after):
        command_for, tests = _command_for_tests(check, files), _test_files(check, files)
        command_for = command_for or _by_variable(check, python, named)
        if len(tests) > MAX_TESTS or (command_for is None and python != wording):
            return None
        using = _using(wording, tests, files)
        if using is None:
            return None
        sides.append(_narrowed(check, command_for, using))
    if check in sides and None not in sides:
        return None
    is_derived = _is_derived(check) or _command_for_tests(check, after) is None
    return NarrowedCheck(on_head=sides[1], on_base=sides[0], is_derived=is_derived)


def _by_variable(check: Check, python: tuple[str, ...], named: frozenset[str]) -> CommandFor | None:
    """Any command that starts pytest, as the report shows, with a choice of files by name; None if it shows no such start.

    https://docs.pytest.org/en/stable/how-to/usage.html#specifying-which-tests-to-run
    """
    modules = {part for name in named if "::" in name for part in name.partition("::")[0].split(".")}
    if not any(_stem(path) in modules for path in python) or not all(map(PLAIN_PATH.fullmatch, python)):
        return None

    def command_for(tests: tuple[str, ...]) -> str:
        names = dict.fromkeys(test.rpartition("/")[2] for test in tests if PLAIN_PATH.fullmatch(test))
        chosen = " or ".join(names)
        return f"export PYTEST_ADDOPTS=\"$PYTEST_ADDOPTS -k '{chosen}'\"; {check.command}"

    return command_for


def _is_derived(check: Check) -> bool:
    """Whether the narrowed command is another one, which may behave differently."""
    command = _own_command(check)
    return any(pattern.fullmatch(command) for pattern in (UNITTEST, DJANGO, CARGO_TEST, MAKE_TARGET))


def _using(wording: tuple[str, ...], tests: tuple[str, ...], files: Files) -> tuple[str, ...] | None:
    """The test files among ``wording``, and those that use one of them, directly or through others; None if unknown.

    A file that only the other side has may be what a test here finds instead of another one.
    """
    found = {path for path in tests if path in wording and RUNS_ALONE.search(path)}
    packages = {
        _folder(path) for path in wording if GO_SUFFIX.search(path)
    }  # one program for all their tests
    found |= {path for path in tests if GO_SUFFIX.search(path) and _folder(path) in packages}
    paths = frozenset(files.paths())
    others = [path for path in wording if not RUNS_ALONE.search(path)]
    conftests = tuple(path for path in paths if path.endswith("conftest.py"))
    texts = {path: files.read(path) for path in (*tests, *conftests)}
    imports = {path: imported_words(text) for path, text in texts.items()}
    queue = [*found, *others]
    for path in queue:  # grows while it is read
        if TEST_CODE.search(path):
            users = {user for user in texts if user != path and _stem(path) in imports[user]}
        else:
            users = {user for user in texts if any(word in texts[user] for word in _names_of_data(path))}
        if (path in others and path in paths and not users) or users.intersection(conftests):
            return None
        queue += sorted(users - found)
        found |= users
    return tuple(path for path in tests if path in found)


def _names_of_data(path: str) -> list[str]:
    """The words by which tests can name a file of data: its own name, and those of its folders below the tests'."""
    *folders, name = path.split("/")
    return [name, *(folder for folder in folders if not belongs_to_tests(f"{folder}/"))]


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _stem(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0].lower()


def _narrowed(check: Check, command_for: CommandFor | None, tests: tuple[str, ...]) -> Check | None:
    prefix = len(check.folder) + 1 if check.folder else 0
    if not tests:
        return None
    if command_for is None:
        return check
    return replace(check, command=command_for(tuple(test[prefix:] for test in tests)))


def _test_files(check: Check, files: Files) -> tuple[str, ...]:
    """The test files of the check's language and folder."""
    folder, suffix = f"{check.folder}/" if check.folder else "", _suffix(check, files)
    return tuple(
        path
        for path in files.paths()
        if is_test(path)
        and path.startswith(folder)
        and suffix.search(path)
        and not path.endswith("conftest.py")
    )


def _suffix(check: Check, files: Files) -> re.Pattern[str]:
    command = _recipe(check, files) or _own_command(check)
    if NPM_RUN.search(command):
        return SCRIPT_SUFFIX
    if UNITTEST.fullmatch(command) or DJANGO.fullmatch(command):
        return DISCOVERED
    if CARGO_TEST.fullmatch(command):
        return RUST_SUFFIX
    return GO_SUFFIX if GO_TEST.search(command) else PYTHON_SUFFIX


def _nearest_tests(check: Check, after: Files, paths: tuple[str, ...]) -> tuple[str, ...]:
    """The nearest test files of the check's language and folder; none if there are few tests, or most are near."""
    tests, suffix = _test_files(check, after), _suffix(check, after)
    if not MIN_TESTS <= len(tests) <= MAX_TESTS:
        return ()
    changed = [path for path in paths if is_source(path) and suffix.search(path)]
    imports = {path: imported_words(after.read(path)) for path in [*tests, *changed]}
    nearest = [
        test for test in tests if test in paths or any(are_related(test, path, imports) for path in changed)
    ]
    return tuple(nearest) if len(nearest) * SHARE <= len(tests) else ()


def _own_command(check: Check) -> str:
    """The command without the change to its folder."""
    return (
        check.command.removeprefix(f"cd {shlex.quote(check.folder)} && ") if check.folder else check.command
    )


def _command_for_tests(check: Check, files: Files) -> CommandFor | None:
    """How to build the command that runs only some test files; None if that is not known."""
    command = _own_command(check)
    change_folder = check.command.removesuffix(command)
    command = _recipe(check, files) or command
    if SHELL_SYNTAX.search(command):
        return None
    if npm_run := NPM_RUN.fullmatch(command):
        package = f"{check.folder}/package.json" if check.folder else "package.json"
        if not TAKES_FILES.fullmatch(_package_script(files.read(package), npm_run[1])):
            return None
        return lambda tests: f"{change_folder}{command} -- {shlex.join(tests)}"
    if go_test := GO_TEST.fullmatch(command):
        return lambda tests: f"{change_folder}{go_test[1]} {_go_packages(tests)}{go_test[2]}"
    if unittest := UNITTEST.fullmatch(command):
        return lambda tests: change_folder + _by_pattern(f"{unittest[1]} discover{unittest[2]}", tests)
    if DJANGO.fullmatch(command):
        return lambda tests: change_folder + _by_pattern(command, tests)
    if CARGO_TEST.fullmatch(command):
        return lambda tests: " ".join([change_folder + command, *(f"--test {_stem(test)}" for test in tests)])
    pytest = PYTEST.match(command)
    if not pytest:
        return None
    paths = frozenset(files.paths())
    options = [
        word for word in shlex.split(command[pytest.end() :]) if not _names_path(word, check.folder, paths)
    ]
    return lambda tests: f"{change_folder}{pytest[0]} {shlex.join([*options, *tests])}"


def _by_pattern(command: str, tests: tuple[str, ...]) -> str:
    """One run for each file name: a runner takes one pattern."""
    names = shlex.join(dict.fromkeys(test.rpartition("/")[2] for test in tests))
    return f'failed=; for name in {names}; do {command} -p "$name" || failed=1; done; test -z "$failed"'


def _recipe(check: Check, files: Files) -> str:
    """The one command that a Makefile's target without prerequisites runs; "" where it is not so simple."""
    target = MAKE_TARGET.fullmatch(_own_command(check))
    folder = f"{check.folder}/" if check.folder else ""
    makefile = next((text for name in MAKEFILES if target and (text := files.read(f"{folder}{name}"))), "")
    if not (target and makefile):
        return ""
    rules = re.findall(rf"^{target[1]}:[ \t]*\n((?:\t.*(?:\n|\Z))+)", makefile, re.MULTILINE)
    lines = rules[0].splitlines() if len(rules) == 1 else []
    if len(lines) != 1:
        return ""
    values = dict(re.findall(r"^(\w+)[ \t]*[?:]?=[ \t]*([^$#\n]*?)[ \t]*$", makefile, re.MULTILINE))
    recipe = re.sub(
        r"\$[({](\w+)[)}]", lambda each: str(values.get(each[1], each[0])), lines[0].strip().lstrip("@-")
    )
    return " ".join(recipe.split())


def _go_packages(tests: tuple[str, ...]) -> str:
    folders = dict.fromkeys(test.rpartition("/")[0] for test in tests)
    return shlex.join(f"./{folder}" if folder else "." for folder in folders)


def _package_script(package: str, name: str) -> str:
    """A script of a ``package.json``; "" if there is none."""
    try:
        return str(json.loads(package)["scripts"][name])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def _names_path(word: str, folder: str, paths: frozenset[str]) -> bool:
    """Whether a word of the command names a file or folder of the tree."""
    path = "/".join(part for part in (folder, word.removeprefix("./").rstrip("/")) if part and part != ".")
    return not word.startswith("-") and (
        path in paths or any(other.startswith(f"{path}/") for other in paths)
    )
