"""Rust: the crates of Cargo.lock, clippy, the format where the repository asks for it, and the tests."""

from __future__ import annotations

import re

from dayhand.box_paths import ENVIRONMENT
from dayhand.environment.ecosystems.base import Check, Files, SetupPlan, Step
from dayhand.environment.registries.other_clients import settings

CLIENT = "cargo"
LOCKS = ("Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "rust-toolchain")
FORMAT = ("rustfmt.toml", ".rustfmt.toml")
# Every table of dependencies: a target's, a workspace's, [dependencies.name], and dependencies.name at the top.
NEEDS = re.compile(r"^\s*(\[.*)?\b(dev-|build-)?dependencies\b", re.MULTILINE)
WORKFLOW = re.compile(r"\.github/workflows/[^/]+\.ya?ml")


def plan(files: Files) -> SetupPlan | None:
    """What to fetch and to check; None where no Cargo.toml stands at the top."""
    paths = frozenset(files.paths())
    if "Cargo.toml" not in paths:
        return None
    # A package at the top of a workspace is else checked alone.
    every = " --workspace" if re.search(r"^\s*\[workspace\]", files.read("Cargo.toml"), re.MULTILINE) else ""
    lint, test = f"cargo clippy{every} --all-targets", f"cargo test{every} --no-fail-fast"
    checks = [Check("lint", lint, "cargo clippy --version", "clippy", "Cargo.toml")]
    if source := _format(files, paths):
        checks.append(Check("lint", "cargo fmt --check", "cargo fmt --version", "rustfmt", source))
    checks.append(Check("test", test, "cargo --version", "cargo", "Cargo.toml"))
    manifests = tuple(path for path in sorted(paths) if path.endswith("/Cargo.toml"))  # of a workspace
    locks = (*(path for path in LOCKS if path in paths), *manifests)
    fetch = ("cargo fetch --locked", "cargo fetch") if "Cargo.lock" in paths else ("cargo fetch",)
    env = {
        "CARGO_HOME": f"{ENVIRONMENT}/cargo",
        "CARGO_NET_OFFLINE": "true",  # at once “not there”, and not a minute of attempts; set-up alone goes out
    }
    if not any(NEEDS.search(files.read(path)) for path in ("Cargo.toml", *manifests)):
        return SetupPlan("Rust", (), tuple(checks), env, locks)
    steps = (settings("cargo", f"{ENVIRONMENT}/cargo/config.toml"), Step("fetch Rust's crates", fetch))
    return SetupPlan("Rust", steps, tuple(checks), env, locks, client=CLIENT)


def _format(files: Files, paths: frozenset[str]) -> str:
    """Where the repository asks for the format; "" where it does not."""
    if own := next((name for name in FORMAT if name in paths), ""):
        return own
    workflows = (path for path in sorted(paths) if WORKFLOW.fullmatch(path))
    asked = re.compile(r"cargo fmt\b.*--check")
    return next((path for path in workflows if asked.search(files.read(path))), "")
