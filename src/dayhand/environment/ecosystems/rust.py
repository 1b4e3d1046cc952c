"""Rust: the crates of Cargo.lock, clippy, the format where the repository asks for it, and the tests."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from dayhand.box_paths import ENVIRONMENT
from dayhand.environment.ecosystems import base
from dayhand.environment.ecosystems.base import Check, Fetch, Files, Language, Names, Nested, SetupPlan, Step
from dayhand.environment.manifest import string_values, table, toml
from dayhand.environment.registries.base import Machine, Registry, configured

MANIFESTS: Names = ("Cargo.toml",)
LOCKS: Names = ("Cargo.lock",)
SETTINGS: Names = ("rustfmt.toml", ".rustfmt.toml")
SETTINGS_PATTERN = base.NO_PATTERN
SETUP_ENV = base.NO_ENV
OFFLINE: Mapping[str, str] = {"CARGO_NET_OFFLINE": "true"}
LANGUAGE = Language("rust", "Rust", (), "rustc --version", r"^rustc (\d[\d.]*)")
PINS: Names = ("rust-toolchain.toml", "rust-toolchain")
CLIENT = "cargo"
NESTED = Nested(("Cargo.toml",), built_from_top=True)

# Every table of dependencies: a target's, a workspace's, [dependencies.name], and dependencies.name at the top.
NEEDS = re.compile(r"^\s*(\[.*)?\b(dev-|build-)?dependencies\b", re.MULTILINE)
# The tables of targets, and the folder of those that have a name and no path.
TARGETS = {"lib": "", "bin": "src/bin", "example": "examples", "test": "tests", "bench": "benches"}

# Without a name, Cargo removes everything: where its metadata cannot be read, nothing is kept.
NAMES = 'import json, sys; print(*("-p %(name)s:%(version)s" % each for each in json.load(sys.stdin)["packages"]))'
CLEAN = f"cargo clean $(cargo metadata --no-deps --format-version 1 | python3 -c '{NAMES}') || cargo clean"
DEPENDENCIES = ("dependencies", "dev-dependencies", "build-dependencies")
COMPILES = re.compile(r"\bcargo (?:clippy|check|build|test)\b[^;|&<>$`()]*")

members = base.no_members
required_versions = base.no_versions


def plan(files: Files) -> SetupPlan | None:
    """What to fetch and check; None where there is no Cargo.toml at the top."""
    paths = frozenset(files.paths())
    if "Cargo.toml" not in paths:
        return None
    # Without it, only the package at the top of a workspace is checked.
    every = " --workspace" if "workspace" in toml(files.read("Cargo.toml")) else ""
    lint, test = f"cargo clippy{every} --all-targets", f"cargo test{every} --no-fail-fast"
    checks = [Check("lint", lint, "cargo clippy --version", "clippy", "Cargo.toml")]
    if source := next((name for name in SETTINGS if name in paths), ""):
        checks.append(Check("lint", "cargo fmt --check", "cargo fmt --version", "rustfmt", source))
    checks.append(Check("test", test, "cargo --version", "cargo", "Cargo.toml"))
    manifests = tuple(path for path in sorted(paths) if path.endswith("/Cargo.toml"))  # of a workspace
    locks = (*(path for path in (*MANIFESTS, *LOCKS, *PINS) if path in paths), *manifests)
    fetch = ("cargo fetch --locked", "cargo fetch") if "Cargo.lock" in paths else ("cargo fetch",)
    env = {
        "CARGO_HOME": f"{ENVIRONMENT}/cargo",
        "CARGO_NET_OFFLINE": "true",  # fail at once, not after a minute of attempts; only set-up has a network
    }
    if not any(NEEDS.search(files.read(path)) for path in ("Cargo.toml", *manifests)):
        return SetupPlan("Rust", (), tuple(checks), env, locks)
    settings = base.write_settings(CLIENT, "CARGO_SETTINGS", f"{ENVIRONMENT}/cargo/config.toml")
    step = Step("fetch Rust's crates", fetch, runs_code=False)
    download = _fetch(
        files, ("Cargo.toml", *manifests), tuple(f"{settings.commands[0]} && {one}" for one in fetch)
    )
    return SetupPlan("Rust", (settings, step), tuple(checks), env, locks, client=CLIENT, fetch=download)


def _fetch(files: Files, manifests: Names, commands: Names) -> Fetch | None:
    """Manifests with empty targets, without which Cargo reads none.

    Its settings and the pinned toolchain, which can name programs, are left out.
    """
    lock = tuple(name for name in LOCKS if name in files.paths())
    texts = base.whole(files, (*manifests, *lock))
    targets = dict.fromkeys(
        (target for path in manifests for target in _targets(path, texts.get(path, ""))), ""
    )
    step = Step("fetch Rust's crates", commands, runs_code=False)
    return Fetch({**targets, **texts}, step) if texts else None


def _targets(manifest: str, text: str) -> Iterator[str]:
    """The files that a manifest needs to be read: a package's library, and the targets that it names."""
    folder, declared = manifest.removesuffix("Cargo.toml"), toml(text)
    if "package" in declared:
        yield f"{folder}src/lib.rs"
    for kind, usual in TARGETS.items():
        named = declared.get(kind)
        for entry in named if isinstance(named, list) else [named]:
            target = string_values(entry)
            path = target.get("path") or (
                f"{usual}/{target['name']}.rs" if usual and "name" in target else ""
            )
            if re.fullmatch(r"(?!/)(?!.*\.\.)[\w./-]+\.rs", path):
                yield f"{folder}{path}"


def compile_only(command: str, files: Files) -> Step | None:
    """Compile what others wrote, whose build scripts run.

    What belongs to the repository's own crates is removed: Cargo could take it for that of a changed file.
    """
    manifests = (path for path in files.paths() if path.rpartition("/")[2] in MANIFESTS)
    found = COMPILES.search(command)
    if not (
        found
        and found.end() == len(command)
        and any(_needs_others(toml(files.read(path))) for path in manifests)
    ):
        return None
    built = command.replace("cargo test", "cargo test --no-run", 1)
    return Step(f"compile for {command}", (f"{built}; {CLEAN}",))


def _needs_others(declared: object, depth: int = 4) -> bool:
    """Whether a manifest, or a table of it, depends on a crate that does not lie in the repository."""
    for key, value in declared.items() if isinstance(declared, dict) and depth else ():
        if key in DEPENDENCIES and isinstance(value, dict):
            if not all(isinstance(each, dict) and "path" in each for each in value.values()):
                return True
        elif _needs_others(value, depth - 1):
            return True
    return False


def read_pin(text: str) -> str:
    """The channel of a toolchain file, in TOML or as its only word."""
    channel = table(toml(text), "toolchain").get("channel")
    return channel if isinstance(channel, str) else base.first_line(text)


def find_registry(machine: Machine) -> Registry:
    """Source replacement: https://doc.rust-lang.org/cargo/reference/source-replacement.html."""
    home = machine.environ.get("CARGO_HOME") or f"{machine.environ.get('HOME', '/nonexistent')}/.cargo"
    sources = table(toml(machine.read(f"{home}/config.toml") or machine.read(f"{home}/config")), "source")
    replaced = table(sources, "crates-io").get("replace-with")
    url = table(sources, replaced).get("registry") if isinstance(replaced, str) else None
    urls = (url.removeprefix("sparse+"),) if isinstance(url, str) else ()
    return configured(CLIENT, urls, _client_env, folders=False)  # Cargo has other settings for a folder


def _client_env(urls: tuple[str, ...]) -> dict[str, str]:
    env = {"CARGO_NET_OFFLINE": "false", "CARGO_NET_RETRY": "1"}
    if urls:
        source = f'[source.configured]\nregistry = "sparse+{urls[0]}"\n'
        env["CARGO_SETTINGS"] = f'[source.crates-io]\nreplace-with = "configured"\n\n{source}'
    return env
