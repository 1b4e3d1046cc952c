"""Java and other JVM languages: Maven or Gradle, the wrapper first; style checks where they are configured."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from functools import partial
from xml.sax.saxutils import escape

from dayhand.box_paths import ENVIRONMENT
from dayhand.environment.ecosystems import base
from dayhand.environment.ecosystems.base import Check, Files, Language, Names, Nested, SetupPlan, Step
from dayhand.environment.registries.base import Machine, Registry, configured

GRADLE: Names = ("build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts")
MANIFESTS: Names = ("pom.xml", *GRADLE)
LOCKS: Names = ("gradle.lockfile",)
SETTINGS: Names = (
    "gradle.properties",
    "libs.versions.toml",
    "gradle-wrapper.properties",
    "maven-wrapper.properties",
)
SETTINGS_PATTERN = base.NO_PATTERN
SETUP_ENV = base.NO_ENV
OFFLINE = base.NO_ENV
LANGUAGE = Language("java", "Java", (), "java -version 2>&1", r'^(?:openjdk|java) version "(\d[\d.]*)')
PINS: Names = (".java-version",)
CLIENT = "maven"
NESTED = Nested(("pom.xml", "build.gradle", "build.gradle.kts"), built_from_top=True)

TESTS = re.compile(r"(.*/)?src/test/.+\.(java|kt|groovy|scala)")
# Plugins of Maven and of Gradle, each with the goal or task that only checks.
STYLE = {
    "checkstyle": (r"maven-checkstyle-plugin", "checkstyle:check", r"\bcheckstyle\b", "checkstyleMain"),
    "spotless": (r"spotless-maven-plugin", "spotless:check", r"com\.diffplug\.spotless", "spotlessCheck"),
}
# Surefire fetches its provider only once it has found a class of tests: this finds all of them and runs no method.
NO_TEST = (
    "test -Dtest='*#noTestOfThisName' -DfailIfNoTests=false -Dsurefire.failIfNoSpecifiedTests=false "
    "-Dmaven.test.failure.ignore=true"
)
MAVEN_HOME = f"{ENVIRONMENT}/maven"
GRADLE_HOME = f"{ENVIRONMENT}/gradle"

members = base.no_members
compile_only = base.no_compiler
read_pin = base.first_word
required_versions = base.no_versions


def plan(files: Files) -> SetupPlan | None:
    """What to fetch and to check; None without a file of Maven or Gradle at the top."""
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
    # Settings and packages where later boxes, offline, find both: Maven does not use packages of another mirror.
    env = {"MAVEN_OPTS": f"-Duser.home={MAVEN_HOME}", "MAVEN_USER_HOME": f"{MAVEN_HOME}/.m2"}
    settings = base.write_settings(CLIENT, "MAVEN_SETTINGS", f"{MAVEN_HOME}/.m2/settings.xml")
    steps = (settings, Step("fetch Maven's packages", fetch))
    return SetupPlan("Maven", steps, tuple(checks), env, _locks(paths), client=CLIENT)


def _gradle(files: Files, paths: frozenset[str]) -> SetupPlan:
    """Set-up has Gradle's home in the snapshot; later boxes, which cannot write there, read it as a cache."""
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
    return tuple(path for path in sorted(paths) if path.rpartition("/")[2] in (*MANIFESTS, *LOCKS, *SETTINGS))


def find_registry(machine: Machine) -> Registry:
    """The mirrors of settings.xml: https://maven.apache.org/guides/mini/guide-mirror-settings.html."""
    urls: list[str] = []
    home = machine.environ.get("HOME", "/nonexistent")
    for path in (f"{home}/.m2/settings.xml", "/etc/maven/settings.xml"):
        try:
            tree = ET.fromstring(machine.read(path) or "<settings/>")  # noqa: S314 - the operator's own file
        except ET.ParseError:
            continue
        for mirror in tree.iterfind(".//{*}mirror"):
            of, url = mirror.findtext("{*}mirrorOf", ""), mirror.findtext("{*}url", "")
            if {"*", "central", "external:*"} & set(of.split(",")):
                urls.append(url.strip())
    return configured(CLIENT, urls, partial(_client_env, machine.proxy_port))


def _client_env(proxy_port: int, urls: tuple[str, ...]) -> dict[str, str]:
    """Java does not read the proxy's variables, so it gets properties."""
    proxy = (
        f"-D{scheme}.proxyHost=127.0.0.1 -D{scheme}.proxyPort={proxy_port}" for scheme in ("http", "https")
    )
    env = {"JAVA_TOOL_OPTIONS": " ".join(proxy)}
    if urls:
        mirror = f"<id>configured</id><mirrorOf>*</mirrorOf><url>{escape(urls[0])}</url>"
        env |= {
            "MAVEN_SETTINGS": f"<settings><mirrors><mirror>{mirror}</mirror></mirrors></settings>",
            "MVNW_REPOURL": urls[0],
        }
    return env
