"""Shared by the environment's tests: files without a repository, and a log that keeps its lines."""

from __future__ import annotations

import hashlib
import io
import shlex
import tarfile
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dayhand.environment.base import Source
from dayhand.environment.ecosystems import node, python
from dayhand.environment.registries.machine import HostMachine
from dayhand.sandbox.base import Box
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from dayhand.sandbox.clone import REMOVE_GIT


@dataclass(frozen=True)
class Texts:
    """Files in a dict, as a bare mirror gives them."""

    texts: Mapping[str, str]

    def paths(self) -> tuple[str, ...]:
        return tuple(self.texts)

    def read(self, path: str) -> str:
        return self.texts.get(path, "")


@dataclass
class Notes:
    """A log that keeps its lines."""

    lines: list[tuple[str, str]] = field(default_factory=list)

    def line(self, kind: str, text: str) -> int:
        self.lines.append((kind, text))
        return len(self.lines)

    def text(self) -> str:
        """The output, and what is said of it, in order."""
        return "\n".join(text for kind, text in self.lines if kind != "command")

    def of(self, kind: str) -> list[str]:
        return [text for each, text in self.lines if each == kind]


@pytest.fixture
def log() -> Notes:
    return Notes()


@pytest.fixture
def files():
    """Make files from texts by path: ``files({"a.py": ""})``."""
    return Texts


@dataclass(frozen=True)
class Project:
    """A small repository: its files for detection, and a way to put them into a box."""

    files: Texts

    @property
    def source(self) -> Source:
        """As of a commit on the default branch."""
        digest = hashlib.sha256(repr(sorted(self.files.texts.items())).encode()).hexdigest()
        return Source("ada/shop", digest, trusted=True)

    def fill(self, box: Box) -> None:
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for path, text in self.files.texts.items():
                entry = tarfile.TarInfo(path)
                entry.mtime = (
                    time.time()
                )  # as git has it: build tools take an older file for one that they know
                entry.size, entry.mode = len(text.encode()), 0o755 if text.startswith("#!") else 0o644
                tar.addfile(entry, io.BytesIO(text.encode()))
        paths = shlex.join(
            self.files.texts
        )  # as git has it: what set-up left there is not part of the commit
        script = f"{REMOVE_GIT}\ntar xf - && git init -q && git --literal-pathspecs add -f -- {paths}"
        filled = box.run(script, stdin=archive.getvalue())
        assert filled.passed, filled.text()


@pytest.fixture
def project():
    return lambda texts: Project(Texts(texts))


@pytest.fixture(scope="session")
def sandbox():
    """A real one, in a folder that the sandbox's own users can reach."""
    with tempfile.TemporaryDirectory(prefix="dayhand-environment-") as folder:
        Path(folder).chmod(0o755)
        made = BubblewrapSandbox(Path(folder))
        made.self_test()
        yield made


@pytest.fixture(scope="session")
def python_index():
    """Skips, and says why, where no Python index answers."""
    if problem := python.find_registry(HostMachine()).problem:
        pytest.skip(problem)


@pytest.fixture(scope="session")
def npm_registry():
    """npm's registry; skips, and says why, where none answers."""
    registry = node.find_registry(HostMachine())
    if registry.problem:
        pytest.skip(registry.problem)
    try:
        with urllib.request.urlopen(registry.env["npm_config_registry"], timeout=15):
            pass
    except OSError as error:
        pytest.skip(f"npm's registry does not answer: {error}")
    return registry.env["npm_config_registry"]


@pytest.fixture
def npm_index(npm_registry, monkeypatch):
    """The registry as an operator's setting, so that no set-up starts npm to ask for it."""
    monkeypatch.setenv("npm_config_registry", npm_registry)
