"""Which tests are nearest to a change, and how a command is narrowed to them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from dayhand.environment.ecosystems.base import Check
from dayhand.verify.nearest import narrow_to_nearest
from tests.verify.files import InMemoryFiles

MANY = {f"tests/test_other{n}.py": "import other\n" for n in range(9)}
SCRIPTS = {f"test/other{n}.test.js": "require('../other')\n" for n in range(9)}


def narrow(command: str, files: Mapping[str, str], *paths: str, folder: str = "") -> tuple[str, str] | None:
    """The narrowed command on the change, and on a base without the files that are called new."""
    before = InMemoryFiles({path: text for path, text in files.items() if "new" not in path})
    check = Check("test", command, "", "x", "", folder=folder)
    narrowed = narrow_to_nearest(check, before, InMemoryFiles(files), paths=paths)
    if narrowed is None:
        return None
    return narrowed.on_head.command, narrowed.on_base.command if narrowed.on_base else ""


@pytest.mark.parametrize("command", ["pytest -q", "pytest -q tests", "pytest -q ./tests/"])
def test_what_is_named_like_a_changed_file_or_imports_it_runs_alone(command: str) -> None:
    files = {
        "cart.py": "",
        "tests/test_cart.py": "",
        "tests/test_till.py": "from shop.cart import x\n",
        **MANY,
    }
    alone = "pytest -q tests/test_cart.py tests/test_till.py"
    assert narrow(command, files, "cart.py") == (alone, alone)


def test_a_new_test_has_nothing_to_compare_with() -> None:
    files = {"cart.py": "", "tests/test_new.py": "", **MANY}
    assert narrow("python3 -m pytest -q", files, "tests/test_new.py") == (
        "python3 -m pytest -q tests/test_new.py",
        "",
    )


def test_a_nested_projects_tests_are_named_from_its_folder() -> None:
    files = {f"web/{path}": text for path, text in {"cart.py": "", "tests/test_cart.py": "", **MANY}.items()}
    alone = "cd web && pytest tests/test_cart.py"
    assert narrow("cd web && pytest", files, "web/cart.py", folder="web") == (alone, alone)


@pytest.mark.parametrize("script", ["node --test", "jest --ci", "vitest run --coverage"])
def test_a_script_that_files_can_follow_is_followed_by_them(script: str) -> None:
    files = {
        "package.json": f'{{"scripts": {{"test": "{script}"}}}}',
        "cart.js": "",
        "test/cart.test.js": "",
        **SCRIPTS,
    }
    alone = "npm run test -- test/cart.test.js"
    assert narrow("npm run test", files, "cart.js") == (alone, alone)


CART = {"cart.py": "", "tests/test_cart.py": "", **MANY}


@pytest.mark.parametrize(
    ("command", "files", "path"),
    [
        ("make test", CART, "cart.py"),
        ("pytest | tee log", CART, "cart.py"),
        ("pytest; rm -r x", CART, "cart.py"),
        ("pytest", CART, "other.md"),
        ("pytest", {**CART, "other.py": ""}, "other.py"),
        ("pytest", {"cart.py": "", "tests/test_cart.py": ""}, "cart.py"),
        ("npm run test", {"package.json": '{"scripts": {"test": "tsc && jest"}}', "cart.js": "", "cart.test.js": "", **SCRIPTS}, "cart.js"),
        ("npm run test", {"package.json": "{", "cart.js": "", "cart.test.js": "", **SCRIPTS}, "cart.js"),
    ],
    ids=["make", "pipe", "list", "words", "most", "few", "script", "no-package"],
)  # fmt: skip
def test_otherwise_everything_runs_at_once(command: str, files: Mapping[str, str], path: str) -> None:
    assert narrow(command, files, path) is None
