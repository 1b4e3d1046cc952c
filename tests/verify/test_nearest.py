"""Which tests are nearest to a change, and how a command is narrowed to them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from dayhand.environment.ecosystems.base import Check
from dayhand.verify.nearest import narrow_to_changed, narrow_to_nearest
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


USERS = {
    "shop.py": "",
    "tests/__init__.py": "",
    "tests/helpers.py": "",
    "tests/more.py": "from tests.helpers import check\n",
    "tests/test_cart.py": "from tests.helpers import check\n",
    "tests/test_till.py": "from tests.more import also\n",
    "tests/newer.py": "",  # in place of another one that old tests import
    "tests/test_base.py": "from newer import total\n",
    "tests/test_derived.py": "from tests.test_base import Base\n",
    "tests/test_data.py": "CASES = FOLDER.glob('cases/*.txt')\n",
    "tests/test_new.py": "",
    "tests/cases/one.txt": "1",
    "tests/other.txt": "1",
    "tests/settings/conftest.py": "open('limits.txt')\n",
    "tests/settings/limits.txt": "1",
    "go/a_test.go": "",
}


@pytest.mark.parametrize(
    ("wording", "on_base", "on_head"),
    [
        ("tests/test_cart.py", "tests/test_cart.py", "tests/test_cart.py"),
        ("tests/test_new.py", None, "tests/test_new.py"),
        ("tests/test_base.py", *["tests/test_base.py tests/test_derived.py"] * 2),
        ("tests/newer.py", *["tests/test_base.py tests/test_derived.py"] * 2),
        ("tests/helpers.py", *["tests/more.py tests/test_cart.py tests/test_till.py"] * 2),
        ("tests/cases/one.txt", "tests/test_data.py", "tests/test_data.py"),
        ("go/a_test.go", None, None),
    ],
)
def test_the_tests_that_differ_are_those_that_changed_or_use_what_changed(
    wording: str, on_base: str | None, on_head: str | None
) -> None:
    before = InMemoryFiles({path: text for path, text in USERS.items() if "new" not in path})
    check = Check("test", "pytest -q", "", "x", "")
    narrowed = narrow_to_changed(check, before, InMemoryFiles(USERS), wording=(wording,))
    assert narrowed
    commands = [
        each and each.command.removeprefix("pytest -q ") for each in (narrowed.on_base, narrowed.on_head)
    ]
    assert commands == [on_base, on_head]


MAKEFILE = "PYTHON ?= python3\n\ntest:\n\t@$(PYTHON) -m unittest -v\n\nslow: test\n\t$(PYTHON) -m unittest\n"
BY_PATTERN = 'failed=; for name in test_cart.py; do {} -p "$name" || failed=1; done; test -z "$failed"'
CARGO = "cargo test --workspace --no-fail-fast"


@pytest.mark.parametrize(
    ("command", "makefile", "wording", "narrowed"),
    [
        ("python3 -m unittest", "", "tests/test_cart.py", BY_PATTERN.format("python3 -m unittest discover")),
        ("python3 -m unittest discover -s tests -v", "", "tests/test_cart.py", BY_PATTERN.format("python3 -m unittest discover -s tests -v")),
        ("PYTHONPATH=src python -m unittest -q", "", "tests/test_cart.py", BY_PATTERN.format("PYTHONPATH=src python -m unittest discover -q")),
        ("python3 manage.py test shop", "", "tests/test_cart.py", BY_PATTERN.format("python3 manage.py test shop")),
        ("make test", MAKEFILE, "tests/test_cart.py", BY_PATTERN.format("python3 -m unittest discover -v")),
        ("make test", "test:\n\tpytest -q\n", "tests/test_cart.py", "pytest -q tests/test_cart.py"),
        (CARGO, "", "tests/api.rs", f"{CARGO} --test api"),
        ("make slow", MAKEFILE, "tests/test_cart.py", None),
        ("make other", MAKEFILE, "tests/test_cart.py", None),
        ("make test", "test:\n\tpytest -q && ./more.sh\n", "tests/test_cart.py", None),
        ("make test", "test:\n\tpip install .\n\tpytest -q\n", "tests/test_cart.py", None),
        ("make test", "test:\n\t$(shell which pytest)\n", "tests/test_cart.py", None),
        ("python3 -m unittest tests.test_till", "", "tests/test_cart.py", None),
        ("python3 -m unittest discover -p 'check_*.py'", "", "tests/test_cart.py", None),
        ("cargo test --test api -- --nocapture", "", "tests/api.rs", None),
        ("cargo test", "", "src/shop.rs", None),
    ],
)  # fmt: skip
def test_a_runner_that_takes_no_files_is_narrowed_by_another_command(
    command: str, makefile: str, wording: str, narrowed: str | None
) -> None:
    texts = {
        "shop.py": "",
        "tests/test_cart.py": "",
        "tests/test_till.py": "",
        "tests/api.rs": "",
        "Makefile": makefile,
    }
    files = InMemoryFiles(texts)
    check = Check("test", command, "", "x", "")
    found = narrow_to_changed(check, files, files, wording=(wording,))
    assert (found.on_head.command if found and found.on_head else None) == narrowed
    assert found is None or found.is_derived
    assert narrow_to_nearest(check, files, files, paths=("shop.py",)) is None, "these decide no verdict"


def test_old_python_tests_do_not_run_again_beside_a_new_one_whatever_the_command() -> None:
    before = InMemoryFiles({path: text for path, text in USERS.items() if "new" not in path})
    check = Check("test", "./run-tests.sh", "", "x", "")
    narrowed = narrow_to_changed(check, before, InMemoryFiles(USERS), wording=("tests/test_new.py",))
    assert narrowed
    assert (narrowed.on_base, narrowed.on_head) == (None, check)
    for wording in ("tests/test_cart.py", "tests/other.txt", "go/a_test.go"):
        assert narrow_to_changed(check, before, before, wording=(wording,)) is None


@pytest.mark.parametrize(
    "command", ["./run-tests.sh", "make test", "tox -q | tail -50", "cd api && pytest -q && mypy ."]
)
@pytest.mark.parametrize(
    ("named", "narrowed"),
    [
        ("tests.test_cart::test_sum", "test_cart.py"),
        ("tests.test_cart.TestCart::test_sum[1]", "test_cart.py"),
        ("tests.test_till::test_sum", None),
        ("./test_cart > sum", None),
        ("", None),
    ],
)
def test_any_command_that_starts_pytest_is_narrowed_by_a_variable(
    command: str, named: str, narrowed: str | None
) -> None:
    files = InMemoryFiles({"tests/test_cart.py": "", "tests/test_till.py": ""})
    found = narrow_to_changed(
        Check("test", command, "", "x", ""),
        files,
        files,
        wording=("tests/test_cart.py",),
        named=frozenset([named]),
    )
    assert (found.on_head.command if found and found.on_head else None) == (
        narrowed and f"export PYTEST_ADDOPTS=\"$PYTEST_ADDOPTS -k '{narrowed}'\"; {command}"
    )
    assert found is None or found.is_derived


def test_a_new_go_test_may_change_what_the_others_of_its_package_see() -> None:
    before = InMemoryFiles({"a/a_test.go": "", "c/c_test.go": ""})
    after = InMemoryFiles(
        {"a/a_test.go": "", "a/new_test.go": "func init() { Total = nil }", "c/c_test.go": ""}
    )
    check = Check("test", "go test ./...", "", "go", "")
    narrowed = narrow_to_changed(check, before, after, wording=("a/new_test.go",))
    assert narrowed
    assert narrowed.on_base
    assert narrowed.on_base.command == "go test ./a"


def test_every_test_may_differ_where_a_new_one_changes_what_all_see() -> None:
    after = InMemoryFiles({**USERS, "tests/test_new.py": "import shop\n\nshop.total = lambda a, b: a + b\n"})
    check = Check("test", "pytest -q", "", "x", "")
    assert narrow_to_changed(check, InMemoryFiles(USERS), after, wording=("tests/test_new.py",)) is None


@pytest.mark.parametrize(
    "wording",
    [
        "tests/__init__.py",
        "tests/other.txt",
        "tests/settings/conftest.py",
        "tests/settings/limits.txt",
        "pytest.ini",
    ],
)
def test_every_test_may_differ_where_it_is_not_known_who_uses_what_changed(wording: str) -> None:
    files = InMemoryFiles({**USERS, "pytest.ini": "[pytest]"})
    assert (
        narrow_to_changed(Check("test", "pytest -q", "", "x", ""), files, files, wording=(wording,)) is None
    )


def test_the_packages_of_changed_go_tests_run_alone() -> None:
    files = InMemoryFiles({"a/a_test.go": "", "a/b_test.go": "", "c/c_test.go": "", "d_test.go": ""})
    check = Check("test", "go test -race ./...", "", "go", "")
    narrowed = narrow_to_changed(check, files, files, wording=("a/a_test.go", "d_test.go"))
    assert narrowed
    assert narrowed.on_head
    assert narrowed.on_head.command == "go test -race ./a ."
