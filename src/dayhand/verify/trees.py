"""The trees that checks run on: the change, the base, and mixtures of the two made in a box."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import field

from dayhand.environment.ecosystems.base import Files
from dayhand.errors import SandboxError
from dayhand.file_kinds import (
    belongs_to_tests,
    is_check_configuration,
    is_documentation,
    is_mixed_configuration,
)
from dayhand.sandbox.base import Box, Result
from dayhand.startup.records import dataclass
from dayhand.verify.break_code import REASON, break_changed
from dayhand.verify.integrity.configuration import check_settings
from dayhand.verify.integrity.inline_tests import examples
from dayhand.verify.integrity.used_by_tests import find_used_by_tests

Fill = Callable[[Box], None]  # puts a tree into a box

# No parser accepts this. In languages with a statement that stops the program, that statement is appended instead:
# a check that only compiles does not notice it.
SYNTAX_ERROR = f"<<<<<<< {REASON}"
STATEMENTS = {
    "PYTHON": f'raise RuntimeError("{REASON}")',
    "SCRIPT": f'throw new Error("{REASON}");',
    "GO": f'func init() {{ panic("{REASON}") }}',
}

CHANCE = re.compile(
    r"random|shuffle|secrets|uuid|urandom|\brand\b|\bnow\(|time\(|[tT]hread|\bgo func\b|goroutine|asyncio|sleep|setTimeout"
    r"|Date\.now|new Date\(\)|tokio|spawn"
)


@dataclass(frozen=True, slots=True)
class Trees:
    """How a clean box gets the change, and how it gets the base."""

    head: Fill
    base: Fill
    base_commit: str
    before: Files  # of the base
    after: Files  # of the change
    paths: tuple[str, ...] = ()  # the files that the change touches
    tree: str = ""  # the git tree of the change
    wording: tuple[str, ...] = field(
        init=False
    )  # the changed tests, with their helpers, their data and the configuration of checks

    def __post_init__(self) -> None:
        others = tuple(path for path in self.paths if not words_checks(path, self.before, self.after))
        used = find_used_by_tests(others, self.before, self.after)
        wording = tuple(path for path in self.paths if path not in others or path in used)
        object.__setattr__(self, "wording", wording)  # read often, and some of it takes reading many files

    @property
    def draws_by_chance(self) -> bool:
        """Whether new source lines name what differs from run to run: random numbers, the time, threads."""
        return any(
            CHANCE.search(line)
            for path in self.source
            if not is_documentation(path)
            for line in {*self.after.read(path).splitlines()}.difference(self.before.read(path).splitlines())
        )

    @property
    def source(self) -> tuple[str, ...]:
        """The other changed files."""
        wording = frozenset(self.wording)
        return tuple(path for path in self.paths if path not in wording)


def words_checks(path: str, before: Files, after: Files) -> bool:
    """Whether a changed file says what the checks expect, or how they run."""
    if belongs_to_tests(path) or is_check_configuration(path):
        return True
    if is_documentation(path):
        return examples(before.read(path)) != examples(after.read(path))
    if not is_mixed_configuration(path):
        return False
    return check_settings(path, before.read(path)) != check_settings(path, after.read(path))


def restore_files(paths: tuple[str, ...], commit: str, fill: Fill) -> Fill:
    """``fill``, then restore ``paths`` to their state in ``commit``, an ancestor of the filled tree."""

    def fill_and_restore(box: Box) -> None:
        fill(box)
        script = (
            'while IFS= read -r path; do if git cat-file -e "$COMMIT:$path" 2>/dev/null; '
            'then git checkout -q "$COMMIT" -- ":(literal)$path" || exit 1; else rm -f -- "$path"; fi; done'
        )
        _run_on_each(box, script, paths, env={"COMMIT": commit})

    return fill_and_restore


def break_files(paths: tuple[str, ...], trees: Trees) -> Fill:
    """The change with the code of ``paths`` broken: what changed in them where that is known, else the files as a whole."""

    def fill_and_break(box: Box) -> None:
        trees.head(box)
        whole = list[str]()
        for path in paths:
            text = break_changed(path, trees.before.read(path), trees.after.read(path))
            if text is None:
                whole.append(path)
            else:
                _write(box, path, text)
        script = (
            'while IFS= read -r path; do [ -f "$path" ] || continue; case "$path" in '
            '*.py) printf "\\n%s\\n" "$PYTHON" >> "$path";; '
            '*.js|*.cjs|*.mjs|*.jsx|*.ts|*.cts|*.mts|*.tsx) printf "\\n%s\\n" "$SCRIPT" >> "$path";; '
            '*.go) printf "\\n%s\\n" "$GO" >> "$path";; '
            '*) printf "%s\\n" "$SYNTAX_ERROR" > "$path";; esac; done'
        )
        if whole:
            _run_on_each(box, script, tuple(whole), env={**STATEMENTS, "SYNTAX_ERROR": SYNTAX_ERROR})

    return fill_and_break


def _run_on_each(box: Box, script: str, paths: tuple[str, ...], *, env: dict[str, str]) -> None:
    stdin = "".join(f"{path}\n" for path in paths).encode("utf-8", "surrogateescape")
    _check(box.run(["/bin/sh", "-c", script], env=env, stdin=stdin))


def _write(box: Box, path: str, text: str) -> None:
    script = '[ ! -f "$1" ] || cat > "$1"'
    _check(box.run(["/bin/sh", "-c", script, "sh", path], stdin=text.encode("utf-8", "surrogateescape")))


def _check(result: Result) -> None:
    if not result.passed:
        raise SandboxError(f"The tree for a comparison could not be prepared: {result.text()[-300:]}")
