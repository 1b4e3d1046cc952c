"""What is fetched and checked for Maven and Gradle."""

from __future__ import annotations

import pytest

from dayhand.environment.ecosystems import java

TEST = "src/test/java/a/ATest.java"


def checks(plan):
    return [(check.kind, check.command) for check in plan.checks]


def test_a_repository_without_a_build_at_the_top_is_left_alone(files):
    assert java.plan(files({"A.java": "", "example/pom.xml": ""})) is None


def test_maven_fetches_all_at_set_up_and_then_works_offline(files):
    plan = java.plan(files({"pom.xml": "<project/>", "core/pom.xml": "", f"core/{TEST}": ""}))
    assert plan.steps[-1].commands[0].endswith("dependency:go-offline")
    assert plan.steps[-1].commands[-1] == "mvn -B -q test-compile"
    assert checks(plan) == [("test", "mvn -B -o -q test")]
    assert plan.locks == ("core/pom.xml", "pom.xml")
    assert plan.env["MAVEN_OPTS"] == "-Duser.home=/opt/env/maven"


def test_gradles_home_is_written_at_set_up_and_only_read_later(files):
    plan = java.plan(files({"build.gradle.kts": "", TEST: ""}))
    assert plan.steps[-1].commands[0].startswith("GRADLE_USER_HOME=/opt/env/gradle gradle ")
    assert checks(plan) == [("test", "gradle --offline --no-daemon --console=plain test")]
    assert plan.env == {"GRADLE_RO_DEP_CACHE": "/opt/env/gradle/caches"}


@pytest.mark.parametrize(
    ("texts", "started"),
    [({"pom.xml": "", "mvnw": "#!/bin/sh"}, "./mvnw "), ({"build.gradle": "", "gradlew": ""}, "./gradlew ")],
)
def test_the_repositorys_own_wrapper_comes_first(files, texts, started):
    (check,) = java.plan(files({**texts, TEST: ""})).checks
    assert check.command.startswith(started)
    assert check.probe.startswith(started)


@pytest.mark.parametrize(
    ("texts", "command"),
    [
        ({"pom.xml": "<artifactId>maven-checkstyle-plugin</artifactId>"}, "mvn -B -o -q checkstyle:check"),
        ({"pom.xml": "<artifactId>spotless-maven-plugin</artifactId>"}, "mvn -B -o -q spotless:check"),
        ({"build.gradle": "plugins { id 'checkstyle' }"}, "checkstyleMain"),
        ({"build.gradle": "plugins { id 'com.diffplug.spotless' }"}, "spotlessCheck"),
    ],
)
def test_a_style_check_counts_where_it_is_set_up(files, texts, command):
    (check,) = java.plan(files(texts)).checks
    assert check.kind == "lint"
    assert check.command.endswith(command)
