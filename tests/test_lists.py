"""Each list is written once: no other module names its members."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache

import pytest

from dayhand import exit_codes, file_kinds, untrusted_text
from dayhand.checkout.policy import executed_files
from dayhand.environment.ecosystems.all_ecosystems import ECOSYSTEMS
from dayhand.hub.permissions import PERMISSIONS
from dayhand.task import STAGE_TITLES
from tests.test_architecture import MODULES, SOURCE

TITLES = frozenset(STAGE_TITLES.values())


@dataclass(frozen=True)
class SingleList:
    """A list, the module that owns it, and the modules that may name single members of it."""

    name: str
    owner: str  # a module, or a folder with "/" at the end
    members: Collection[str] | Collection[int]
    readers: tuple[str, ...] = ()  # modules, or folders with "/" at the end


ENVIRONMENT = "environment/"  # it reads the files that declare an environment
IN_THE_BOX = "sandbox/egress/relay_in_bubblewrap.py"  # a program of its own, which imports nothing of ours
LISTS = (
    SingleList(
        "exit codes of commands that did not start",
        "exit_codes.py",
        exit_codes.NOT_STARTED,
        readers=(IN_THE_BOX,),
    ),
    SingleList("check settings", "file_kinds.py", file_kinds.CHECK_SETTINGS, readers=(ENVIRONMENT,)),
    SingleList(
        "files that CI or developers' machines execute",
        "checkout/policy/executed_files.py",
        {name for kind in executed_files.KINDS for name in kind.names | kind.folders | kind.paths},
        readers=(
            ENVIRONMENT,
            "file_kinds.py",
            "instructions/",  # what each of those that coding agents follow governs
            "sandbox/bubblewrap/mounts.py",  # the box hides the machine's own
            "localhub/git_http.py",  # it knows GitHub's rules, and shares nothing with ours
        ),
    ),
    SingleList(
        "modules that Python imports first",
        "file_kinds.py",
        file_kinds.SHADOWING_MODULES,
        readers=("verify/reports/collect.py",),  # ours is one of them
    ),
    SingleList(
        "scripts that installers run",
        "file_kinds.py",
        file_kinds.INSTALL_SCRIPTS,
        readers=(ENVIRONMENT, "verify/integrity/side_effects.py"),
    ),
    SingleList("submodules", "file_kinds.py", {file_kinds.SUBMODULES}),
    SingleList(
        "lock files",
        "environment/ecosystems/",  # each in its ecosystem's module
        file_kinds.ecosystem_files(ECOSYSTEMS).locks,
        readers=(ENVIRONMENT,),
    ),
    SingleList(
        "shapes of credentials",
        "untrusted_text.py",
        {prefix for shape in untrusted_text.CREDENTIALS for prefix in shape.prefixes},
        readers=("localhub/",),  # it makes tokens as GitHub does
    ),
    SingleList(
        "permissions of the App",
        "hub/permissions.py",
        {"pull_requests"} & PERMISSIONS.keys(),
        # It knows GitHub's permissions, and shares nothing with ours; a check suite has a field of the same name.
        readers=("localhub/", "intake/events.py"),
    ),
    SingleList("titles of the stages", "task.py", STAGE_TITLES.values()),
)


def literals(source: str) -> Iterator[tuple[int, str | int]]:
    """The strings and numbers of a module with their lines; sentences, sums and ranges are left out."""
    tree = ast.parse(source)
    quantities = {
        side
        for node in ast.walk(tree)
        for side in (
            (node.left, node.right)
            if isinstance(node, ast.BinOp)
            else (node.left, *node.comparators)
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE)
            else ()
        )
    }
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if (
                text in TITLES or " " not in text or re.search(r"\bexit \d", text)
            ):
                yield node.lineno, text.replace("\\", "")
            case ast.Constant(value=int(number)) if node not in quantities:
                yield node.lineno, number


@cache
def literals_of(module: str) -> tuple[tuple[int, str | int], ...]:
    return tuple(literals((SOURCE / module).read_text(encoding="utf-8")))


def pattern(members: Collection[str] | Collection[int]) -> re.Pattern[str]:
    """Finds a member as a whole word: in a path, a pattern or a shell command."""
    words = [f"exit {member}" if isinstance(member, int) else re.escape(member) for member in members]
    return re.compile(rf"(?<![\w.-])({'|'.join(words)})(?![\w.-])", re.IGNORECASE)


def mentions(single: SingleList, module: str) -> list[tuple[int, str | int]]:
    """The lines of a module that name a member."""
    rule = pattern(single.members)
    return [
        (line, literal)
        for line, literal in literals_of(module)
        if (rule.search(literal) if isinstance(literal, str) else literal in single.members)
    ]


@pytest.mark.parametrize("single", LISTS, ids=lambda single: single.name)
def test_the_members_of_a_list_stand_in_its_module_alone(single: SingleList) -> None:
    allowed = (single.owner, *single.readers)
    modules = [str(path.relative_to(SOURCE)) for path in MODULES]
    found = {module: mentions(single, module) for module in modules if not module.startswith(allowed)}
    assert {module: lines for module, lines in found.items() if lines} == {}


@pytest.mark.parametrize("single", LISTS, ids=lambda single: single.name)
def test_the_owner_of_a_list_names_its_members(single: SingleList) -> None:
    modules = [str(path.relative_to(SOURCE)) for path in MODULES]
    assert any(mentions(single, module) for module in modules if module.startswith(single.owner))


@pytest.mark.parametrize("single", LISTS, ids=lambda single: single.name)
def test_each_reader_of_a_list_names_some_of_its_members(single: SingleList) -> None:
    modules = [str(path.relative_to(SOURCE)) for path in MODULES]
    for reader in single.readers:
        assert any(mentions(single, module) for module in modules if module.startswith(reader)), reader


def test_hidden_characters_and_terminal_codes_stand_in_one_module() -> None:
    """Escapes as they are written in a source; one zero-width space is enough to keep a mention from working."""
    escape = re.compile(
        r"\\x1b|\\u200[b-f]|\\u202[0-9a-e]|\\u206[0-9a-f]|\\ufeff|\\u061c|\\U000e0", re.IGNORECASE
    )
    readers = ("untrusted_text.py", "localhub/", "scripted_model/")
    modules = [str(path.relative_to(SOURCE)) for path in MODULES]
    found = {
        module: escape.findall((SOURCE / module).read_text(encoding="utf-8"))
        for module in modules
        if not module.startswith(readers)
    }
    assert {module: codes for module, codes in found.items() if codes} == {}
