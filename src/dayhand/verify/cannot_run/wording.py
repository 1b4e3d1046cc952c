"""What people read about a check that cannot run: what is missing, and the line or the action that provides it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from dayhand.verify.cannot_run.base import CannotRun, Cause, Kind
from dayhand.verify.cannot_run.services import DEBIAN, STARTED, STARTS

MAX_CAUSES = 3  # told of one check
IN_CHECK = "`[checks] test` in `.dayhand.toml`"
IN_SETUP = "`[setup] run` in `.dayhand.toml`"
SENTENCES = {
    Kind.SERVICE: "{missing} is missing: the connection is refused, or the host is not known.",
    Kind.NETWORK: "The tests connect to {missing}, and checks run without a network.",
    Kind.DOCKER: "The tests start containers, and a box has no Docker socket.",
    Kind.PACKAGE: "The package {missing} is missing.",
    Kind.IMPORT: "The import of {missing} fails.",
    Kind.VARIABLE: "The environment variable {missing} is not set.",
    Kind.FILE: "The file {missing} does not exist.",
    Kind.SUBMODULE: "The submodule {missing} is not checked out.",
    Kind.LFS: "{missing} is a Git LFS pointer, not the file itself.",
    Kind.TAGS: "The version comes from a git tag, and `git describe` finds none.",
    Kind.PROGRAM: "The program {missing} is not installed.",
    Kind.LIBRARY: "The system library {missing} is not installed.",
    Kind.NO_TEST_PASSES: "No test passes here{missing}.",
}
CURES = {
    Kind.SERVICE: "Install {server} on the worker or in the sandbox image, and {start}.",
    Kind.NETWORK: f"Let the tests use a local server or a recorded answer, or leave them out in {IN_CHECK}.",
    Kind.DOCKER: f"Leave these tests out in {IN_CHECK}.",
    Kind.PACKAGE: f"Add it to the development dependencies, or `{{install}}` to {IN_SETUP}.",
    Kind.IMPORT: f"If a command generates it, add the command to {IN_SETUP}.",
    Kind.VARIABLE: f"Set it in {IN_CHECK}: `{{missing}}=… command`.",
    Kind.FILE: f"If a command generates it, add the command to {IN_SETUP}.",
    Kind.SUBMODULE: "Give the App read access to the submodule's repository.",
    Kind.LFS: "Make its content available to the App, or commit the file itself.",
    Kind.TAGS: f"Name a version in {IN_CHECK}: `SETUPTOOLS_SCM_PRETEND_VERSION=0.0 command`.",
    Kind.PROGRAM: "Install it on the worker or in the sandbox image{apt}.",
    Kind.LIBRARY: "Install it on the worker or in the sandbox image{apt}.",
    Kind.NO_TEST_PASSES: f"`{{command}}` must pass in a fresh clone; declare what it needs in {IN_SETUP}.",
}
INSTALL = {
    "pip": "uv pip install {missing}",
    "npm": "npm install --no-save {missing}",
    "go": "go get {missing}",
    "cargo": "cargo fetch",
    "maven": "mvn dependency:go-offline",
    "gradle": "gradle dependencies",
    "bundler": "bundle install",
    "composer": "composer install",
    "nuget": "dotnet restore",
}
# Debian's packages, where their name differs from the program's or the library's.
DEBIAN_PACKAGES = {
    "psql": "postgresql-client",
    "pg_ctl": "postgresql",
    "pg_prove": "libtap-parser-sourcehandler-pgtap-perl",
    "protoc": "protobuf-compiler",
    "convert": "imagemagick",
    "dot": "graphviz",
    "mysql": "default-mysql-client",
    "redis-server": "redis-server",
    "libmagic.so.1": "libmagic1",
    "libGL.so.1": "libgl1",
    "libpq.so.5": "libpq5",
    "Python.h": "python3-dev",
    "libpq-fe.h": "libpq-dev",
    "locale": "locales-all",
    "driver": "php-pgsql php-mysql php-sqlite3",
}


def explain(causes: Iterable[Cause], *, command: str, tests: frozenset[str] = frozenset()) -> CannotRun:
    """The sentences and the cures for what a check's ``command`` lacks: the most frequent cause first."""
    frequent = [
        cause for cause, _ in Counter(sorted(causes, key=lambda cause: cause.rank)).most_common(MAX_CAUSES)
    ]
    sentences = dict.fromkeys(_sentence(cause) for cause in frequent)
    cures = dict.fromkeys(_cure(cause, command) for cause in frequent)
    missing = ", ".join(dict.fromkeys(cause.missing for cause in frequent))
    return CannotRun(frequent[0].kind, missing, " ".join(sentences), " ".join(cures), tests)


def describe_unrunnable(found: CannotRun | None, count: int) -> str:
    """The tests of a check that cannot run here, beside ``count`` tests in all; "" if there are none."""
    if found is None:
        return ""
    return f"{len(found.tests)} of its {count} tests cannot run here. {found}"


def _sentence(cause: Cause) -> str:
    missing = f": {cause.missing}" if cause.kind is Kind.NO_TEST_PASSES and cause.missing else cause.missing
    sentence = SENTENCES[cause.kind].format(missing=missing)
    return f"A{sentence[1:]}" if sentence.startswith("a server") else sentence


def _cure(cause: Cause, command: str) -> str:
    missing, server = cause.missing, cause.missing.partition(" on ")[0]
    debian = (
        f"php-{missing.removeprefix('ext-')}"
        if missing.startswith("ext-")
        else DEBIAN_PACKAGES.get(missing, "")
    )
    return CURES[cause.kind].format(
        missing=missing,
        command=command,
        server=f"`{DEBIAN[server]}`" if server in DEBIAN else "it",
        start=_start(server, command),
        install=INSTALL.get(cause.tool, "").format(missing=missing),
        apt=f": `apt-get install {debian}`" if debian else "",
    )


def _start(server: str, command: str) -> str:
    """What to write into ``.dayhand.toml``, so that a server that is installed also runs."""
    if server in STARTED:
        return "declare it in `[services]` in `.dayhand.toml`"
    start = STARTS.get(server, "…")
    return f"start it in {IN_CHECK}: `{start} && {command}`"
