"""What acts beyond the tested code is found, and ordinary changes are left alone."""

from __future__ import annotations

import pytest

from dayhand.verify.integrity.side_effects import find_side_effects
from tests.verify.files import InMemoryFiles

LOCK = '{{"packages": {{"": {{}}, "node_modules/a": {{"version": "{}", "hasInstallScript": true}}, "node_modules/b": {{"version": "2"}}}}}}'
PNPM = "packages:\n\n  /esbuild@{}:\n    resolution: {{integrity: x}}\n    requiresBuild: true\n\n  /b@1.0.0:\n    dev: true\n"


def found(path: str, old: str, new: str) -> list[tuple[str, str]]:
    side_effects = find_side_effects(
        InMemoryFiles({path: old}), InMemoryFiles({path: new}), (path,), binaries=()
    )
    return [(one.kind, one.detail) for one in side_effects]


@pytest.mark.parametrize(
    ("path", "old", "new", "kind", "what"),
    [
        ("package-lock.json", "", LOCK.format(1), "runs on install", "a: 1"),
        ("package-lock.json", LOCK.format(1), LOCK.format(2), "runs on install", "a: 2"),
        ("pnpm-lock.yaml", PNPM.format("0.1.0"), PNPM.format("0.2.0"), "runs on install", "esbuild: 0.2.0"),
        ("setup.py", "", "import setuptools", "runs on install", "added"),
        ("setup.py", "setup()", "setup(cmdclass={})", "runs on install", "cmdclass"),
        ("build.rs", "", "fn main() {}", "runs on install", "added"),
        ("requirements.txt", "a\n", "a\nb @ git+https://x.example/b\n", "dependency from a URL", "b @ git+https://x.example/b"),
        ("package.json", "{}", '{"dependencies": {"a": "git@x.example:a.git"}}', "dependency from a URL", '{"dependencies": {"a": "git@x.example:a.git"}}'),
        ("Cargo.toml", "", 'a = { git = "https://x.example/a" }', "dependency from a URL", 'a = { git = "https://x.example/a" }'),
    ],
)  # fmt: skip
def test_what_acts_beyond_the_code_is_found(path: str, old: str, new: str, kind: str, what: str) -> None:
    assert (kind, what) in found(path, old, new)


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("package-lock.json", LOCK.format(1), LOCK.format(1) + " "),
        ("package-lock.json", "", "not JSON"),
        ("setup.py", "setup()", "setup(install_requires=['a'])"),
        ("requirements.txt", "b @ git+https://x.example/b\n", "b @ git+https://x.example/b\na==1\n"),
        ("pyproject.toml", "", 'Homepage = "https://x.example"\nrepository = "https://x.example"'),
    ],
)  # fmt: skip
def test_an_ordinary_change_is_left_alone(path: str, old: str, new: str) -> None:
    assert found(path, old, new) == []


def test_large_binaries_are_named() -> None:
    (one,) = find_side_effects(InMemoryFiles({}), InMemoryFiles({}), (), binaries=("model.bin",))
    assert (one.kind, one.path) == ("large binary", "model.bin")
