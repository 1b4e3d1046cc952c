"""What is fetched and checked for a Cargo.toml."""

from __future__ import annotations

import pytest

from dayhand.environment.ecosystems import rust

NEEDY = '[dependencies]\nb = "1"\n'


def commands(plan):
    return [check.command for check in plan.checks]


def test_a_repository_without_cargo_at_the_top_is_left_alone(files):
    assert rust.plan(files({"README.md": "", "crates/a/Cargo.toml": ""})) is None


def test_a_lock_is_fetched_as_it_is_and_else_made_anew(files):
    plan = rust.plan(files({"Cargo.toml": "", "Cargo.lock": "", "crates/a/Cargo.toml": NEEDY}))
    assert plan.steps[-1].commands == ("cargo fetch --locked", "cargo fetch")
    assert plan.locks == ("Cargo.toml", "Cargo.lock", "crates/a/Cargo.toml")
    assert plan.client == "cargo"


def test_without_a_lock_none_is_demanded(files):
    assert rust.plan(files({"Cargo.toml": NEEDY})).steps[-1].commands == ("cargo fetch",)


def test_clippy_and_the_tests_are_checks_and_the_format_is_not(files):
    assert commands(rust.plan(files({"Cargo.toml": ""}))) == [
        "cargo clippy --all-targets",
        "cargo test --no-fail-fast",
    ]


def test_every_crate_of_a_workspace_is_checked(files):
    workspace = {"Cargo.toml": '[package]\nname = "a"\n\n[workspace]\nmembers = ["b"]\n', "b/Cargo.toml": ""}
    assert commands(rust.plan(files(workspace))) == [
        "cargo clippy --workspace --all-targets",
        "cargo test --workspace --no-fail-fast",
    ]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("rustfmt.toml", ""),
        (".rustfmt.toml", "max_width = 100"),
    ],
)
def test_the_format_counts_where_the_repository_asks_for_it(files, path, text):
    plan = rust.plan(files({"Cargo.toml": "", path: text}))
    assert [check.source for check in plan.checks if check.command == "cargo fmt --check"] == [path]


def test_each_probe_asks_for_its_own_component(files):
    plan = rust.plan(files({"Cargo.toml": "", "rustfmt.toml": ""}))
    assert [check.probe for check in plan.checks] == [
        "cargo clippy --version",
        "cargo fmt --version",
        "cargo --version",
    ]


@pytest.mark.parametrize(
    "manifest",
    [
        NEEDY,
        '[dev-dependencies]\nb = "1"\n',
        '[target."cfg(unix)".build-dependencies.b]\nversion = "1"\n',
        'dependencies.b = "1"\n',
        '[workspace.dependencies]\nb = "1"\n',
    ],
)
def test_a_crate_that_needs_another_asks_the_registry_and_one_that_needs_none_does_not(files, manifest):
    assert rust.plan(files({"Cargo.toml": "", "crates/a/Cargo.toml": manifest})).client == "cargo"
    alone = rust.plan(
        files({"Cargo.toml": "# rewrites `path` dependencies\n[package]\nname = 'dependencies'\n"})
    )
    assert (alone.steps, alone.client) == ((), "")


def test_crates_are_fetched_with_manifests_and_empty_targets_alone(files):
    texts = {
        "Cargo.toml": '[workspace]\nmembers = ["a"]\n',
        "Cargo.lock": "version = 4\n",
        "a/Cargo.toml": f'[package]\nname = "a"\n[[bin]]\nname = "run"\n[[test]]\nname = "t"\npath = "../../out.rs"\n{NEEDY}',
        "a/src/lib.rs": "compile_error!();",
        "a/build.rs": "fn main() {}",
        ".cargo/config.toml": '[registry]\nglobal-credential-providers = ["./evil"]\n',
        "rust-toolchain.toml": '[toolchain]\npath = "./evil"\n',
    }
    fetch = rust.plan(files(texts)).fetch
    assert {path for path, text in fetch.files.items() if text} == {
        "Cargo.toml",
        "Cargo.lock",
        "a/Cargo.toml",
    }
    assert {path for path, text in fetch.files.items() if not text} == {"a/src/lib.rs", "a/src/bin/run.rs"}
    assert fetch.step.commands[0].endswith("&& cargo fetch --locked")
    assert rust.plan(files(texts)).remaining == ()


@pytest.mark.parametrize(
    ("command", "manifest", "compiles"),
    [
        ("cargo test --no-fail-fast", NEEDY, "cargo test --no-run --no-fail-fast"),
        ("cargo test -- --test-threads 1", NEEDY, "cargo test --no-run -- --test-threads 1"),
        ("cargo clippy --workspace --all-targets", NEEDY, "cargo clippy --workspace --all-targets"),
        ("cargo test && ./check.sh", NEEDY, ""),
        ("cargo test", '[package]\nname = "a"\n', ""),
        ("cargo test", '[dependencies]\nb = { path = "b" }\n', ""),
        (
            "cargo test",
            "[target.'cfg(unix)'.dev-dependencies]\nb = { version = '1' }\n",
            "cargo test --no-run",
        ),
        ("cargo fmt --check", NEEDY, ""),
        ("make test", NEEDY, ""),
    ],
)
def test_only_what_depends_on_other_crates_is_compiled_before(files, command, manifest, compiles):
    step = rust.compile_only(command, files({"Cargo.toml": manifest}))
    assert (step.commands[0].partition("; ")[0] if step else "") == compiles
    assert step is None or step.runs_code, "build scripts are code: what they leave is their tree's alone"
