"""Java and its like: Maven or Gradle with the repository's own wrapper first, style checks where they are set up."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dayhand.box_paths import ENVIRONMENT
from dayhand.environment.ecosystems.base import Check, Files, SetupPlan, Step
from dayhand.environment.registries.other_clients import settings

CLIENT = "maven"
GRADLE = ("build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts")
LOCKS = re.compile(
    r"(.*/)?(pom\.xml|(build|settings)\.gradle(\.kts)?|gradle\.properties|gradle\.lockfile|"
    r"libs\.versions\.toml|(gradle|maven)-wrapper\.properties)"
)
TESTS = re.compile(r"(.*/)?src/test/.+\.(java|kt|groovy|scala)")
# Maven's plugins and Gradle's, each with the goal or task that only looks.
STYLE = {
    "checkstyle": (r"maven-checkstyle-plugin", "checkstyle:check", r"\bcheckstyle\b", "checkstyleMain"),
    "spotless": (r"spotless-maven-plugin", "spotless:check", r"com\.diffplug\.spotless", "spotlessCheck"),
}
# Surefire fetches its provider only once it has found a class of tests: each is found, and no method of any is run.
NO_TEST = (
    "test -Dtest='*#noTestOfThisName' -DfailIfNoTests=false -Dsurefire.failIfNoSpecifiedTests=false "
    "-Dmaven.test.failure.ignore=true"
)
MAVEN_HOME = f"{ENVIRONMENT}/maven"
GRADLE_HOME = f"{ENVIRONMENT}/gradle"


def plan(files: Files) -> SetupPlan | None:
    """What to fetch and to check; None where neither Maven's nor Gradle's file stands at the top."""
    paths = frozenset(files.paths())
    if "pom.xml" in paths:
        return _maven(files, paths)
    return _gradle(files, paths) if any(name in paths for name in GRADLE) else None


def _maven(files: Files, paths: frozenset[str]) -> SetupPlan:
    maven = "./mvnw" if "mvnw" in paths else "mvn"
    fetch = tuple(
        f"{maven} -B -q {goals}" for goals in (f"{NO_TEST} dependency:go-offline", NO_TEST, "test-compile")
    )
    checks = [
        Check("lint", f"{maven} -B -o -q {goal}", f"{maven} -B -o -v", maven, "pom.xml")
        for plugin, goal, _, _ in STYLE.values()
        if re.search(plugin, files.read("pom.xml"))
    ]
    if any(TESTS.fullmatch(path) for path in paths):
        checks.append(Check("test", f"{maven} -B -o -q test", f"{maven} -B -o -v", maven, "pom.xml"))
    # Settings and packages where later boxes find both, offline: Maven trusts no package of another mirror.
    env = {"MAVEN_OPTS": f"-Duser.home={MAVEN_HOME}", "MAVEN_USER_HOME": f"{MAVEN_HOME}/.m2"}
    steps = (settings("maven", f"{MAVEN_HOME}/.m2/settings.xml"), Step("fetch Maven's packages", fetch))
    return SetupPlan("Maven", steps, tuple(checks), env, _locks(paths), client=CLIENT)


def _gradle(files: Files, paths: frozenset[str]) -> SetupPlan:
    """With Gradle's home in the snapshot for set-up; later boxes read it as a cache, since they cannot write there."""
    gradle = "./gradlew" if "gradlew" in paths else "gradle"
    build = next(name for name in GRADLE if name in paths)
    fetch = (
        f"GRADLE_USER_HOME={GRADLE_HOME} {gradle} --no-daemon --console=plain testClasses",
        f"GRADLE_USER_HOME={GRADLE_HOME} {gradle} --no-daemon --console=plain classes",
    )
    checks = tuple(_gradle_checks(files, paths, gradle, build=build))
    env = {"GRADLE_RO_DEP_CACHE": f"{GRADLE_HOME}/caches"}
    return SetupPlan(
        "Gradle", (Step("fetch Gradle's packages", fetch),), checks, env, _locks(paths), client=CLIENT
    )


def _gradle_checks(files: Files, paths: frozenset[str], gradle: str, *, build: str) -> Iterator[Check]:
    probe = f"{gradle} --offline --version"
    run = f"{gradle} --offline --no-daemon --console=plain"
    text = files.read(build)
    for _, _, plugin, task in STYLE.values():
        if re.search(plugin, text):
            yield Check("lint", f"{run} {task}", probe, gradle, build)
    if any(TESTS.fullmatch(path) for path in paths):
        yield Check("test", f"{run} test", probe, gradle, build)


def _locks(paths: frozenset[str]) -> tuple[str, ...]:
    return tuple(path for path in sorted(paths) if LOCKS.fullmatch(path))
