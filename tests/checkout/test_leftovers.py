"""What commands leave behind is not part of a change, and what is left out is named."""

from __future__ import annotations

import pytest

from dayhand.checkout.leftovers import LEFT_BEHIND, TOO_LARGE, TOO_MANY, TOO_MUCH, sort_out
from dayhand.file_kinds import by_product
from dayhand.sandbox.worktree import DELETED, NO_BLOB, Found
from dayhand.task import LeftOut

TRACKED = ("src/app.py", "build/make.py", "logs/kept.log", "README.md")


def new(path: str, size: int = 1) -> Found:
    return Found(path, DELETED, "100644", NO_BLOB, size)


def changed(path: str, size: int = 1) -> Found:
    return Found(path, "100644", "100644", NO_BLOB, size)


def removed(path: str) -> Found:
    return Found(path, "100644", DELETED, NO_BLOB, 0)


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("src/__pycache__/app.cpython-311.pyc", "src/__pycache__/"),
        ("app.pyc", "app.pyc"),
        (".pytest_cache/v/x", ".pytest_cache/"),
        ("shop.egg-info/PKG-INFO", "shop.egg-info/"),
        ("node_modules/a/index.js", "node_modules/"),
        ("api/node_modules/.bin/x", "api/node_modules/"),
        ("dist/app.js", "dist/"),
        ("target/debug/app", "target/"),
        ("htmlcov/index.html", "htmlcov/"),
        ("coverage/lcov.info", "coverage/"),
        (".coverage", ".coverage"),
        (".coverage.host.12", ".coverage.host.12"),
        ("coverage.xml", "coverage.xml"),
        ("junit-1.xml", "junit-1.xml"),
        ("test-results.xml", "test-results.xml"),
        ("tsconfig.tsbuildinfo", "tsconfig.tsbuildinfo"),
        ("npm-debug.log", "npm-debug.log"),
        ("server.log", "server.log"),
        ("app.py.orig", "app.py.orig"),
        ("app.py~", "app.py~"),
        ("core.1234", "core.1234"),
        ("db.dump", "db.dump"),
        ("pkg.test", "pkg.test"),
    ],
)
def test_what_commands_leave_behind_is_left_out(path: str, what: str) -> None:
    parts = sort_out([new(path), changed("src/app.py")], TRACKED)
    assert [one.path for one in parts.chosen] == ["src/app.py"]
    assert parts.left_out == (LeftOut(what, LEFT_BEHIND),)


@pytest.mark.parametrize(
    "path",
    ["src/new.py", "core/app.py", "src/core.py", "coverage.py", "docs/build.md", "catalog", "tests/test_log.py", "db.sqlite3",
     "build/new.py", "reports.xml", "src/report.py", "bin.py", "a.tmpl", "target.rs", "data/test.csv"],
)  # fmt: skip
def test_other_new_files_are_taken(path: str) -> None:
    assert by_product(path) == "" or path.startswith("build/")
    assert sort_out([new(path)], TRACKED).left_out == ()


def test_files_that_the_repository_has_are_taken_whatever_their_names() -> None:
    found = [changed("logs/kept.log"), removed("build/make.py")]
    assert sort_out(found, TRACKED).left_out == ()


def test_a_by_product_in_a_folder_of_the_repository_is_one_still() -> None:
    parts = sort_out([new("build/__pycache__/make.pyc"), new("build/node_modules/x.js")], TRACKED)
    assert [one.path for one in parts.left_out] == ["build/__pycache__/", "build/node_modules/"]


@pytest.mark.parametrize("purpose", ["dist/app.js", "dist", "dist/", "/dist/"])
def test_what_the_model_means_to_be_part_of_the_change_is_taken(purpose: str) -> None:
    assert sort_out([new("dist/app.js")], TRACKED, [purpose]).left_out == ()


def test_what_exceeds_a_limit_is_left_out_and_the_rest_goes_on() -> None:
    many = [new(f"generated/{number}.txt") for number in range(301)]
    large = [new(f"data/{number}.bin", 4 << 20) for number in range(13)]
    found = [*many, *large, changed("src/app.py"), changed("README.md", 6 << 20), new("dump.sql", 120 << 20)]
    parts = sort_out(found, TRACKED, ["dump.sql"])
    assert [one.path for one in parts.chosen] == [*sorted(one.path for one in large[:12]), "src/app.py"]
    assert parts.left_out == (
        LeftOut("README.md", TOO_LARGE),
        LeftOut("data/12.bin", TOO_MUCH),
        LeftOut("dump.sql", TOO_LARGE),
        LeftOut("generated/", TOO_MANY, 301),
    )
