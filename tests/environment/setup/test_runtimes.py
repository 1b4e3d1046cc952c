"""What the log says, in a real box, about a missing toolchain and a registry that is not configured."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import docker
import pytest

from dayhand.environment.ecosystems.all_ecosystems import ECOSYSTEMS
from dayhand.environment.prepare import prepare
from dayhand.sandbox.docker.backend import DockerSandbox
from tests.environment.test_really_run import QUICK_JVM
from tests.sandbox.image import require_image


@pytest.fixture(scope="module")
def bare():
    """Docker's boxes: the tests' image has none of these toolchains, whatever this machine has."""
    client, image = require_image()
    client.close()
    with tempfile.TemporaryDirectory(prefix="dayhand-environment-") as folder:
        Path(folder).chmod(0o755)
        made = DockerSandbox(Path(folder), image=image)
        yield made
        mine = {"label": f"dayhand.owner={made.owner}"}
        with contextlib.closing(docker.from_env()) as client:
            for kept in client.images.list(filters=mine):
                client.images.remove(kept.id, force=True)
            for volume in client.volumes.list(filters=mine):
                volume.remove(force=True)


def test_a_file_of_every_ecosystem_is_planned_by_exactly_one(files):
    for path in ("go.mod", "Cargo.toml", "Gemfile", "pom.xml", "build.gradle", "composer.json", "a.csproj"):
        plans = [plan for each in ECOSYSTEMS if (plan := each.plan(files({path: ""})))]
        assert len(plans) == 1, path


@pytest.mark.parametrize(
    ("texts", "tool"),
    [
        ({"go.mod": "module a\n"}, "go"),
        ({"Cargo.toml": "[package]\n", "rustfmt.toml": ""}, "rustfmt"),
        ({"composer.json": '{"scripts": {"test": "true"}}'}, "composer"),
        ({"Gemfile": "", "spec/a_spec.rb": ""}, "rspec"),
        ({"pom.xml": "<project/>", "src/test/java/ATest.java": ""}, "mvn"),
        ({"build.gradle": "", "src/test/java/ATest.java": ""}, "gradle"),
        ({"a.sln": "", ".editorconfig": ""}, "dotnet"),
        ({"Makefile": "test:\n\ttrue\n"}, "make"),
    ],
)
def test_a_toolchain_that_the_box_lacks_is_named(texts, tool, project, bare, log):
    repository = project(texts)
    environment = prepare(repository.files, bare, repository.fill, log=log, source=repository.source)
    assert set(environment.missing) == {check.command for check in environment.checks}
    (why,) = (missing.why for missing in environment.missing.values() if missing.tool == tool)
    assert "not found" in why


def test_what_a_build_asks_for_without_a_configured_registry_is_recorded(project, sandbox, log, monkeypatch):
    with sandbox.open() as box:
        if not box.run("mvn -v").passed:
            pytest.skip("Maven is not in this machine's boxes")
    monkeypatch.setenv("HOME", "/nonexistent")
    name = "<groupId>a</groupId><artifactId>b</artifactId><version>1</version>"
    pom = f"<project><modelVersion>4.0.0</modelVersion>{name}</project>"
    texts = {"pom.xml": pom, "src/test/java/ATest.java": "class ATest {}"}
    repository = project({**texts, ".mvn/jvm.config": f"{QUICK_JVM}\n"})
    environment = prepare(repository.files, sandbox, repository.fill, log=log, source=repository.source)
    assert any(line.startswith("No registry is configured here for maven") for line in log.of("error"))
    assert not environment.steps[-1].passed
    assert environment.blocked
