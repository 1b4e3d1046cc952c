"""What is downloaded and checked for a Go module."""

from __future__ import annotations

import pytest

from dayhand.environment.ecosystems import go

MODULE = "module example.org/a\n\ngo 1.22\n"
NEEDY = f"{MODULE}\nrequire example.org/b v1.0.0\n"


def checks(plan):
    return [(check.kind, check.command) for check in plan.checks]


def test_a_repository_without_a_module_at_the_top_is_left_alone(files):
    assert go.plan(files({"main.go": "package main", "examples/go.mod": MODULE})) is None


@pytest.mark.parametrize(
    ("command", "compiles"),
    [
        ("go test ./...", "go test -exec true ./..."),
        ("go vet ./...", "go vet ./..."),
        ("cd api && go test ./...", "cd api && go test -exec true ./..."),
        (
            "CGO_ENABLED=1 go test -race -count=1 ./...",
            "CGO_ENABLED=1 go test -exec true -race -count=1 ./...",
        ),
        (
            "go test -timeout 30s -coverprofile=c.out ./...",
            "go test -exec true -timeout 30s -coverprofile=c.out ./...",
        ),
        ("go test ./... && ./check.sh", ""),
        ("go test -exec ./run.sh ./...", ""),
        ("go vet -vettool=./tool ./...", ""),
        ("go build -toolexec ./tool ./...", ""),
        ("CC=./cc go build ./...", ""),
        ("go build -ldflags -extld=./ld .", ""),
        ("go test $(./list.sh)", ""),
        ("go run ./tool", ""),
        ("golangci-lint run", ""),
        ("make test", ""),
    ],
)
def test_only_a_command_that_starts_no_program_of_the_repository_fills_the_build_cache(
    files, command, compiles
):
    step = go.compile_only(command, files({"api/go.mod": MODULE}))
    assert (step.commands[0].partition("; find ")[0] if step else "") == compiles
    assert step is None or not step.runs_code
    assert go.compile_only(command, files({"main.py": ""})) is None


@pytest.mark.parametrize("command", ["make test", "just check", "task ci:test", "./scripts/test.sh"])
def test_behind_a_script_the_usual_tests_are_compiled(files, command):
    step = go.compile_only(command, files({"go.mod": MODULE}))
    assert step.commands[0].startswith("go test -exec true ./...; ")
    assert not step.runs_code
    assert go.compile_only(command, files({"api/go.mod": MODULE})) is None
    assert go.compile_only(f"{command}; ./evil", files({"go.mod": MODULE})) is None


def test_a_modules_requirements_are_downloaded_and_its_packages_vetted_and_tested(files):
    plan = go.plan(files({"go.mod": NEEDY, "go.sum": "", "a_test.go": "package a"}))
    assert [step.commands for step in plan.steps] == [("go mod download",)]
    assert checks(plan) == [("lint", "go vet ./..."), ("test", "go test ./...")]
    assert plan.locks == ("go.mod", "go.sum")
    assert plan.client == "go"


def test_what_is_vendored_or_needs_nothing_asks_no_registry(files):
    for texts in ({"go.mod": MODULE}, {"go.mod": NEEDY, "vendor/modules.txt": ""}):
        plan = go.plan(files(texts))
        assert plan.steps == ()
        assert plan.client == ""


def test_a_module_without_tests_is_only_vetted(files):
    assert checks(go.plan(files({"go.mod": MODULE}))) == [("lint", "go vet ./...")]


def test_the_linter_counts_where_it_is_set_up_and_its_probe_names_it(files):
    plan = go.plan(files({"go.mod": MODULE, ".golangci.yml": ""}))
    linter = plan.checks[1]
    assert (linter.command, linter.source) == ("golangci-lint run", ".golangci.yml")
    assert linter.probe == "golangci-lint --version"
