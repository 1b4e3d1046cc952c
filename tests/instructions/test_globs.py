"""Patterns of paths match as their authors mean, in bounded time."""

from __future__ import annotations

import pytest

from dayhand.instructions.globs import matches, split

# The pattern, paths that match, paths that do not.
CASES = {
    "*.py": (["a.py"], ["src/a.py", "a.pyc"]),
    "**/*.py": (["a.py", "src/a.py", "src/web/a.py"], ["a.pyc"]),
    "**/b.py": (["b.py", "src/b.py"], ["ab.py", "src/ab.py"]),
    "src/**": (["src/a", "src/web/b"], ["srcs/a", "a/src/b"]),
    "src/**/*.ts": (["src/a.ts", "src/x/y/a.ts"], ["a.ts", "src/a.js"]),
    "src/": (["src/a", "src/web/b"], ["src"]),
    "./src/*.{ts,tsx}": (["src/a.ts", "src/a.tsx"], ["src/a.js", "src/x/a.ts"]),
    "a?.[ch]": (["ab.c", "ab.h"], ["a.c", "ab.o", "abb.c"]),
    "[!a]*": (["b", "bc"], ["a", "ab"]),
    "**": (["a", "a/b/c"], []),
    "/a+(b).md": (["a+(b).md"], ["aab.md"]),
    "{a,b}/{c,d}": (["a/c", "b/d"], ["a/b"]),
}


@pytest.mark.parametrize("pattern", CASES)
def test_a_pattern_matches_what_it_means(pattern: str) -> None:
    fits, others = CASES[pattern]
    assert [path for path in (*fits, *others) if matches(path, pattern)] == fits


@pytest.mark.parametrize("pattern", ["*a" * 90 + "b", "**/" * 60 + "b", "{a,b}" * 40, "{" * 200, "[" * 200])
def test_a_hostile_pattern_ends(pattern: str) -> None:
    assert not matches("a/" * 100 + "a" * 50, pattern)


def test_commas_inside_braces_do_not_split() -> None:
    assert split(" a/*.{ts,tsx} ,, b ") == ("a/*.{ts,tsx}", "b")
