"""What is said, in a real box, of a toolchain that is not in it and of a registry that nobody configured."""

from __future__ import annotations

import pytest

from dayhand.environment.prepare import ECOSYSTEMS, prepare


def test_a_file_of_every_ecosystem_is_planned_by_exactly_one(files):
    for path in ("go.mod", "Cargo.toml", "Gemfile", "pom.xml", "build.gradle", "composer.json", "a.csproj"):
        plans = [plan for each in ECOSYSTEMS if (plan := each.plan(files({path: ""})))]
        assert len(plans) == 1, path


@pytest.mark.parametrize(
    ("texts", "probe", "tool"),
    [
        ({"go.mod": "module a\n"}, "go version", "go"),
        ({"composer.json": '{"scripts": {"test": "true"}}'}, "composer --version", "composer"),
        ({"Gemfile": "", "spec/a_spec.rb": ""}, "bundle --version", "rspec"),
        ({"a.sln": "", ".editorconfig": ""}, "dotnet --version", "dotnet"),
    ],
)
def test_a_toolchain_that_the_box_lacks_is_named(texts, probe, tool, project, sandbox, say):
    with sandbox.open() as box:
        if box.run(probe).passed:
            pytest.skip(f"{probe} works in this machine's boxes")
    repository = project(texts)
    place = prepare(repository.files, sandbox, repository.fill, say)
    assert {missing.tool for missing in place.missing.values()} == {tool}
    (missing,) = place.missing.values()
    assert "not found" in missing.why


def test_what_a_build_asks_for_without_a_configured_registry_is_recorded(project, sandbox, say, monkeypatch):
    with sandbox.open() as box:
        if not box.run("mvn -v").passed:
            pytest.skip("Maven is not in this machine's boxes")
    monkeypatch.setenv("HOME", "/nonexistent")
    name = "<groupId>a</groupId><artifactId>b</artifactId><version>1</version>"
    pom = f"<project><modelVersion>4.0.0</modelVersion>{name}</project>"
    repository = project({"pom.xml": pom, "src/test/java/ATest.java": "class ATest {}"})
    place = prepare(repository.files, sandbox, repository.fill, say)
    assert any(line.startswith("No registry is configured here for maven") for line in say.of("error"))
    assert not place.steps[-1].passed
    assert place.blocked
