"""The tree of errors: what is drawn is what there is, and what is mentioned exists."""

from __future__ import annotations

import builtins
import inspect
import re
from pathlib import Path

from dayhand import errors
from dayhand.errors import DayhandError

ROOT = Path(__file__).parents[1]
DRAWN = re.compile(r"^    (?P<branches>[│ ]*(?:[├└]── )?)(?P<name>\w+) +(?P<caption>\S.*)$", re.MULTILINE)
DEPTH = 4  # characters of a branch


def drawn() -> dict[str, str]:
    """Each error of the drawing with the one that it is under."""
    tree: dict[str, str] = {}
    path: list[str] = []
    for match in DRAWN.finditer(errors.__doc__ or ""):
        path[len(match["branches"]) // DEPTH :] = [match["name"]]
        tree[match["name"]] = path[-2] if len(path) > 1 else "Exception"
    return tree


def defined() -> dict[str, str]:
    found = (
        each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, DayhandError)
    )
    return {each.__name__: each.__bases__[0].__name__ for each in found}


def test_the_drawing_shows_every_error_under_its_own_parent() -> None:
    assert drawn() == defined()


def test_every_error_says_what_it_means() -> None:
    assert [name for name in defined() if not vars(errors)[name].__doc__] == []


def test_every_error_that_is_said_to_be_raised_exists() -> None:
    sources = {path: path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py")}
    classes = {
        name for text in sources.values() for name in re.findall(r"^class (\w+)\(", text, re.MULTILINE)
    }
    unknown = {
        f"{path.relative_to(ROOT)}: {name}"
        for path, text in sources.items()
        for name in re.findall(r"[Rr]aises? (?:an? )?``(\w+)``", text)
        if name not in classes and not hasattr(builtins, name)
    }
    assert unknown == set()


def test_the_documentation_mentions_no_error_that_does_not_exist() -> None:
    pages = [ROOT / "README.md", ROOT / "AGENTS.md", *(ROOT / "docs").glob("*.md")]
    mentioned = {
        name
        for page in pages
        for name in re.findall(r"`(\w+(?:Error|Failure))`", page.read_text(encoding="utf-8"))
    }
    assert mentioned <= defined().keys()
