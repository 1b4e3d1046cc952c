"""Monorepos: which folders are projects, and that their checks run in these folders."""

from __future__ import annotations

import json

import pytest

from dayhand.environment import monorepo
from dayhand.environment.ecosystems.all_ecosystems import ECOSYSTEMS
from dayhand.environment.prepare import prepare

GO = "module a\n"


def planned(files, texts):
    found, left = monorepo.plans(files(texts), ECOSYSTEMS)
    assert left == ()
    return found


def commands(plans):
    return {check.command: check.folder for plan in plans for check in plan.checks}


def steps(plans):
    return [step.commands[0] for plan in plans for step in plan.steps]


def package(**scripts):
    return json.dumps({"scripts": scripts, "devDependencies": {"mocha": "^11"}})


def test_a_front_end_and_a_back_end_are_two_projects(files):
    plans = planned(
        files,
        {
            "README.md": "",
            "backend/pyproject.toml": "[project]\nname = 'a'\n",
            "backend/tests/test_a.py": "import pytest",
            "frontend/package.json": package(test="mocha", lint="mocha --version || true"),
            "frontend/package-lock.json": "{}",
        },
    )
    assert commands(plans) == {
        "cd backend && python3 -m pytest -q": "backend",
        "cd frontend && npm run lint": "frontend",
        "cd frontend && npm run test": "frontend",
    }
    assert "cd frontend && npm ci" in steps(plans)
    assert "cd backend && uv pip install -e ." in steps(plans)
    assert {path for plan in plans for path in plan.locks} == {
        "backend/pyproject.toml",
        "frontend/package.json",
        "frontend/package-lock.json",
    }


@pytest.mark.parametrize(
    "workspace",
    [
        {"package.json": json.dumps({"workspaces": ["packages/*", "!packages/out"]})},
        {"package.json": json.dumps({"workspaces": {"packages": ["packages/**", "!packages/out"]}})},
        {
            "package.json": "{}",
            "pnpm-workspace.yaml": "packages:\n  # ours\n  - 'packages/*'\n  - '!packages/out'\ncatalog:\n  - no\n",
        },
        {"package.json": "{}", "pnpm-workspace.yaml": "packages: ['packages/*', '!packages/out']\n"},
        {"package.json": "{}", "pnpm-workspace.yaml": "{packages: [packages/*, '!packages/out']}"},
    ],
)
def test_a_members_packages_come_with_the_workspace_and_its_checks_run_in_its_folder(workspace, files):
    texts = {
        **workspace,
        "packages/a/package.json": package(test="mocha"),
        "packages/out/package.json": package(test="mocha"),
    }
    plans = planned(files, texts)
    assert set(commands(plans).values()) == {"packages/a", "packages/out"}
    assert not any("packages/a" in step for step in steps(plans))
    assert any("packages/out" in step for step in steps(plans))


def test_what_the_top_checks_for_all_is_not_checked_again_in_each_folder(files):
    top = json.dumps({"workspaces": ["packages/*"], "scripts": {"test": "mocha packages"}})
    texts = {"package.json": top, "packages/a/package.json": package(test="mocha", lint="mocha -V")}
    assert commands(planned(files, texts)) == {
        "npm run test": "",
        "cd packages/a && npm run lint": "packages/a",
    }


def test_a_uv_workspace_is_synchronised_whole(files):
    texts = {
        "pyproject.toml": "[project]\nname = 'a'\n[tool.uv.workspace]\nmembers = ['libs/*']\nexclude = ['libs/x']\n",
        "uv.lock": "",
        "libs/b/pyproject.toml": "[project]\nname = 'b'\n[tool.ruff]\n",
        "libs/b/tests/test_b.py": "import pytest",
    }
    plans = planned(files, texts)
    assert steps(plans)[-1] == "uv sync --all-packages --frozen --all-extras --all-groups"
    assert commands(plans) == {"python3 -m pytest -q": "", "cd libs/b && ruff check .": "libs/b"}


def test_another_projects_lock_takes_nothing_out_of_the_one_virtual_environment(files):
    lock = {"uv.lock": "", "pyproject.toml": "[project]\nname = 'a'\n"}
    texts = {f"{folder}/{name}": text for folder in ("one", "two") for name, text in lock.items()}
    first, second, third = steps(planned(files, texts))
    assert first.startswith("cd one && uv venv")
    assert second == "cd one && uv sync --inexact --frozen --all-extras --all-groups"
    assert third.startswith("cd two && uv sync --inexact")


def test_each_go_module_is_tested_by_itself_and_a_cargo_workspace_by_its_top(files):
    texts = {"go.mod": GO, "a_test.go": "", "tools/gen/go.mod": GO, "tools/gen/a_test.go": ""}
    texts |= {"Cargo.toml": "[workspace]", "crates/a/Cargo.toml": "[package]"}
    found = commands(planned(files, texts))
    assert found["go test ./..."] == ""
    assert found["cd tools/gen && go test ./..."] == "tools/gen"
    assert not any("crates" in command for command in found)


@pytest.mark.parametrize(
    "folder",
    [
        "node_modules/a",
        "tests/fixtures/a",
        ".github/actions/a",
        "examples/a",
        "a/b/c/d",
        "docs",
        "a/labextension",
    ],
)
def test_what_is_no_project_of_the_repositorys_own_is_passed_over(folder, files):
    assert commands(planned(files, {f"{folder}/package.json": package(test="mocha")})) == {}


def test_a_folder_whose_name_is_shell_is_only_a_name(files):
    found = commands(planned(files, {"a; touch b/package.json": package(test="mocha")}))
    assert list(found) == ["cd 'a; touch b' && npm run test"]


def test_more_projects_than_are_sane_are_named(project, sandbox, log):
    texts = {f"p{number:02}/go.mod": GO for number in range(monorepo.MAX_PROJECTS + 1)}
    repository = project(texts)
    prepare(repository.files, sandbox, repository.fill, log=log, source=repository.source)
    assert f"Too many nested projects; these are not set up: p{monorepo.MAX_PROJECTS:02}." in log.of("say")


@pytest.mark.usefixtures("npm_index", "python_index")
def test_a_workspace_and_a_back_end_are_set_up_and_checked_in_their_folders(project, sandbox, log):
    texts = {
        "package.json": json.dumps({"private": True, "workspaces": ["packages/*"]}),
        "packages/a/package.json": json.dumps(
            {"name": "a", "version": "1.0.0", "scripts": {"lint": "semver 1.0.0 && ls a.js"}}
            | {"devDependencies": {"semver": "7.7.2"}}
        ),
        "packages/a/a.js": "a();\n",
        "back/requirements.txt": "six\npytest<8.4\n",
        "back/test_six.py": "import os, six\n\n\ndef test_here():\n    assert os.path.basename(os.getcwd()) == 'back'\n",
    }
    repository = project(texts)
    environment = prepare(repository.files, sandbox, repository.fill, log=log, source=repository.source)
    assert environment.missing == {}
    assert [check.folder for check in environment.checks] == ["packages/a", "back"]
    with sandbox.open(origin=environment.snapshot) as box:
        repository.fill(box)
        for check in environment.checks:
            result = box.run(check.command, env=environment.env)
            assert result.passed, result.text()


def test_a_package_json_that_runs_nothing_is_not_installed(files):
    assert steps(planned(files, {"a/package.json": '{"type": "module", "dependencies": {"b": "1"}}'})) == []


def test_a_file_that_cannot_be_read_is_named_with_its_folder(files, project, sandbox, log):
    texts = {
        ".pre-commit-config.yaml": "repos: [",
        "a.py": "",
        "web/package.json": package(test="true"),
        "web/pnpm-workspace.yaml": "packages: []\npackages: []\n",
    }
    found, _left = monorepo.plans(files(texts), ECOSYSTEMS)
    assert [problem for plan in found for problem in plan.problems] == [
        ".pre-commit-config.yaml is not YAML: expected the node content, but found '<stream end>' (line 1); ignored.",
        "web/pnpm-workspace.yaml repeats the key “packages” (line 2); ignored.",
    ]
    broken = project({"pnpm-workspace.yaml": "[", "package.json": "{}"})
    prepare(broken.files, sandbox, broken.fill, log=log, source=broken.source)
    assert any(line.startswith("pnpm-workspace.yaml is not YAML") for line in log.of("say"))
