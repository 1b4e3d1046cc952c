"""Which pushed paths decide the set-up."""

from __future__ import annotations

import pytest

from dayhand.environment.declared import agents_md
from dayhand.environment.declared.agent_files import (
    COPILOT,
    CURSOR,
    DEVCONTAINERS,
    SCRIPTS,
)
from dayhand.environment.ecosystems.all_ecosystems import ECOSYSTEMS
from dayhand.intake.set_up_files import decides_set_up


@pytest.mark.parametrize(
    "path",
    [
        ".dayhand.toml", "AGENTS.md", "uv.lock", "backend/uv.lock", "requirements.txt", "requirements/dev.txt",
        "dev-requirements.in", "web/package.json", "pnpm-lock.yaml", "go.sum", "Cargo.lock", "shop.gemspec",
        "src/Shop.csproj", ".devcontainer/devcontainer.json", ".github/workflows/copilot-setup-steps.yml",
        "gradle/libs.versions.toml", ".nvmrc", "Makefile",
    ],
)  # fmt: skip
def test_locks_manifests_pins_and_declared_set_up_do(path: str) -> None:
    assert decides_set_up(path)


@pytest.mark.parametrize(
    "path", ["src/app.py", "README.md", "docs/uv.lock.md", "my_requirements.py", "package.json.bak", ""]
)
def test_code_and_words_do_not(path: str) -> None:
    assert not decides_set_up(path)


def test_every_file_from_which_set_up_is_read_does() -> None:
    read = (agents_md.NAME, *DEVCONTAINERS, *COPILOT, *CURSOR, *SCRIPTS)
    assert [path for path in read if not decides_set_up(path)] == []


def test_every_file_that_an_ecosystem_locks_by_does() -> None:
    named = [getattr(one, name, ()) for one in ECOSYSTEMS for name in ("LOCKS", "MANIFESTS", "SETTINGS")]
    paths = {path for names in named if isinstance(names, tuple) for path in names}
    assert paths >= {"uv.lock", "tox.ini"}
    assert sorted(path for path in paths if not decides_set_up(path)) == []
