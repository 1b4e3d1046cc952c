"""Which files decide how a repository is set up and checked, by name: a push that touches one is worth a look.

Names only, so that the web process, which can run no code, need not know the ecosystems.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

NAMES = frozenset(
    [
        ".dayhand.toml",
        "AGENTS.md",
        "Makefile",
        "makefile",
        "GNUmakefile",
        "justfile",
        "Justfile",
        ".justfile",
        ".tool-versions",
        "mise.toml",
        ".mise.toml",
        ".devcontainer.json",
        "copilot-setup-steps.yml",
        "copilot-setup-steps.yaml",
        "pyproject.toml",
        "uv.lock",
        "poetry.lock",
        "pdm.lock",
        "Pipfile",
        "Pipfile.lock",
        "setup.py",
        "setup.cfg",
        "tox.ini",
        "noxfile.py",
        "pytest.ini",
        ".pytest.ini",
        ".pre-commit-config.yaml",
        ".flake8",
        "ruff.toml",
        ".ruff.toml",
        "mypy.ini",
        ".mypy.ini",
        ".python-version",
        "pylock.toml",
        "package.json",
        "package-lock.json",
        "npm-shrinkwrap.json",
        "pnpm-lock.yaml",
        "pnpm-workspace.yaml",
        "yarn.lock",
        ".yarnrc.yml",
        ".yarnrc",
        "bun.lock",
        "bun.lockb",
        "bunfig.toml",
        ".npmrc",
        ".nvmrc",
        ".node-version",
        "go.mod",
        "go.sum",
        "go.work",
        "go.work.sum",
        ".golangci.yml",
        ".golangci.yaml",
        ".golangci.toml",
        "Cargo.toml",
        "Cargo.lock",
        "rust-toolchain",
        "rust-toolchain.toml",
        "Gemfile",
        "Gemfile.lock",
        "gems.rb",
        "gems.locked",
        ".ruby-version",
        ".rubocop.yml",
        "Rakefile",
        ".rspec",
        "pom.xml",
        "build.gradle",
        "build.gradle.kts",
        "settings.gradle",
        "settings.gradle.kts",
        "gradle.properties",
        "gradle.lockfile",
        "libs.versions.toml",
        "gradle-wrapper.properties",
        "maven-wrapper.properties",
        "composer.json",
        "composer.lock",
        "phpunit.xml",
        "phpunit.xml.dist",
        "global.json",
        "nuget.config",
        "NuGet.Config",
        "packages.lock.json",
        "packages.config",
        "Directory.Build.props",
        "Directory.Build.targets",
        "Directory.Packages.props",
    ]
)
PATTERNS = re.compile(
    r"(?:.*/)?(?:[\w.-]*requirements[\w.-]*\.(?:txt|in)|[\w.-]+\.(?:gemspec|csproj|fsproj|vbproj|sln|slnx))"
    r"|(?:.*/)?requirements/[^/]+\.(?:txt|in)"
    r"|\.devcontainer/.*|\.cursor/environment\.json|\.openhands/setup\.sh|\.codex/.*"
)


def decides_set_up(path: str) -> bool:
    """Whether a file of this path (from the repository's root) can change what is installed, or what is checked.

    >>> decides_set_up("backend/uv.lock"), decides_set_up("requirements/dev.txt"), decides_set_up("src/app.py")
    (True, True, False)
    """
    return path.rpartition("/")[2] in NAMES or PATTERNS.fullmatch(path) is not None


def any_decides_set_up(paths: Iterable[str]) -> bool:
    return any(decides_set_up(path) for path in paths)
