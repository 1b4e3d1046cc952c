"""What is installed and checked for a package.json."""

from __future__ import annotations

import json

import pytest

from dayhand.environment.ecosystems import node
from dayhand.environment.prepare import prepare


def plan(files, package, *others):
    return node.plan(files({"package.json": json.dumps(package), **dict.fromkeys(others, "")}))


def test_a_repository_without_package_json_is_left_alone(files):
    assert node.plan(files({"web/package.json": "{}"})) is None


def test_a_lock_is_installed_with_ci_and_falls_back_to_install(files):
    made = plan(files, {}, "package-lock.json")
    assert made.steps[0].commands[:2] == ("npm ci", "npm install --no-save --no-package-lock")
    assert made.locks == ("package.json", "package-lock.json")


def test_no_fallback_writes_a_lock_or_package_json(files):
    made = plan(files, {"devDependencies": {"eslint": "^9"}, "scripts": {"lint": "eslint ."}})
    for command in (*made.steps[0].commands, *(check.remedy for check in made.checks)):
        for part in command.split("||"):
            assert "--no-save --no-package-lock" in part


def test_nothing_is_installed_where_nothing_is_declared(files):
    assert plan(files, {"scripts": {"test": "node --test"}}).steps == ()


def test_the_scripts_lint_typecheck_and_test_are_the_checks(files):
    made = plan(files, {"scripts": {"test": "vitest run", "type-check": "tsc --noEmit", "lint": "eslint ."}})
    assert [(check.kind, check.command, check.tool) for check in made.checks] == [
        ("lint", "npm run lint", "eslint"),
        ("types", "npm run type-check", "tsc"),
        ("test", "npm run test", "vitest"),
    ]
    assert made.checks[0].source == "package.json scripts.lint"


def test_the_test_script_that_npm_init_writes_is_no_check(files):
    assert plan(files, {"scripts": {"test": 'echo "Error: no test specified" && exit 1'}}).checks == ()


@pytest.mark.parametrize(
    ("scripts", "tools"),
    [
        ({"lint": "eslint . && prettier --check ."}, ["eslint", "prettier"]),
        ({"lint": "npm run lint:js", "lint:js": "NODE_ENV=test eslint src"}, ["eslint"]),
        ({"lint": "cross-env CI=1 npx --no-install eslint ."}, ["eslint"]),
        (
            {"lint": "run-s lint:a lint:b", "lint:a": "eslint .", "lint:b": "stylelint x"},
            ["run-s", "eslint", "stylelint"],
        ),
        ({"lint": "npm run lint"}, ["npm"]),
    ],
)
def test_the_probe_asks_for_the_tools_that_the_script_really_starts(files, scripts, tools):
    (check,) = plan(files, {"scripts": scripts}).checks
    parts = check.probe.split(" && ")
    assert len(parts) == len(tools)
    assert all(any(tool in part for part in parts) for tool in tools)


def test_a_declared_tool_is_fetched_in_the_declared_version(files):
    package = {"scripts": {"lint": "eslint ."}, "devDependencies": {"eslint": "^8.57"}}
    (check,) = plan(files, package).checks
    assert "'eslint@^8.57'" in check.remedy


def test_a_scripts_unknown_first_word_is_never_installed_by_its_name(files):
    (check,) = plan(files, {"scripts": {"lint": "esslint-typo ."}}).checks
    assert check.remedy == ""
    assert "command -v esslint-typo" in check.probe


def test_a_configured_linter_without_a_script_is_started_directly(files):
    made = plan(files, {"devDependencies": {"eslint": "9"}}, "eslint.config.mjs")
    assert [check.command for check in made.checks] == ["npx --no-install eslint ."]


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"scripts": 3, "dependencies": []}', '{"scripts": {"lint": 1}}']
)
def test_a_package_json_that_makes_no_sense_is_left_to_npm_to_refuse(files, text):
    made = node.plan(files({"package.json": text}))
    assert made.checks == ()


def test_a_script_with_an_open_quote_does_not_break_detection(files):
    assert plan(files, {"scripts": {"lint": "eslint 'src"}}).checks[0].tool == "eslint"


def test_a_lock_names_its_manager_and_that_comes_from_the_registry(files):
    plan = node.plan(files({"package.json": "{}", "pnpm-lock.yaml": "", "pnpm-workspace.yaml": ""}))
    get, install = plan.steps
    assert get.commands == ("npm install --no-save --no-package-lock --prefix /opt/env/node-tools pnpm",)
    assert install.commands[0].endswith(" pnpm install --frozen-lockfile")
    assert install.commands[-2] == "npm install --no-save --no-package-lock"
    assert plan.locks == ("package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml")


@pytest.mark.parametrize(
    ("named", "texts", "package", "install"),
    [
        ("pnpm@9.1.0+sha512.abc", {}, "pnpm@9.1.0", "pnpm install --frozen-lockfile"),
        ("yarn@1.22.22", {"yarn.lock": ""}, "yarn@1.22.22", "yarn install --frozen-lockfile"),
        ("yarn@4.5.0", {"yarn.lock": ""}, "@yarnpkg/cli-dist@4.5.0", "yarn install --immutable"),
        ("bun@1.2.0", {"package-lock.json": "{}"}, "bun@1.2.0", "bun install --frozen-lockfile"),
        ("", {"yarn.lock": "# yarn lockfile v1\n"}, "yarn@1", "yarn install --frozen-lockfile"),
        ("", {"yarn.lock": "__metadata:\n"}, "@yarnpkg/cli-dist", "yarn install --immutable"),
        ("", {"bun.lockb": ""}, "bun", "bun install --frozen-lockfile"),
        ("pnpm", {"bun.lock": ""}, "bun", "bun install --frozen-lockfile"),
    ],
)
def test_the_named_package_manager_comes_before_the_lock(files, named, texts, package, install):
    manifest = json.dumps({"packageManager": named} if named else {})
    plan = node.plan(files({"package.json": manifest, **texts}))
    assert plan.steps[0].commands[0].endswith(f" {package}")
    assert plan.steps[1].commands[0].endswith(install)


def test_npms_own_lock_comes_before_another_that_was_left_behind(files):
    plan = node.plan(files({"package.json": "{}", "package-lock.json": "{}", "yarn.lock": ""}))
    assert plan.steps[0].commands[0] == "npm ci"


def test_a_package_manager_cannot_break_out_of_a_command(files):
    for named in ('"pnpm@9; touch x"', "3", '"$(x)@1"'):
        plan = node.plan(files({"package.json": f'{{"packageManager": {named}}}'}))
        assert not any("touch" in command for step in plan.steps for command in step.commands)


@pytest.mark.parametrize(
    ("script", "command"),
    [
        ("vitest", "npm run test"),  # it ends by itself where nobody looks on
        ("vitest watch --coverage", 'PATH="$PWD/node_modules/.bin:$PATH"; vitest run --coverage'),
        ("vitest --watch", 'PATH="$PWD/node_modules/.bin:$PATH"; vitest run'),
        ("jest --watchAll --ci", 'PATH="$PWD/node_modules/.bin:$PATH"; jest --ci'),
        ("tsc && jest --watch", 'PATH="$PWD/node_modules/.bin:$PATH"; tsc && jest'),
    ],
)
def test_tests_that_would_wait_for_a_change_are_run_once(script, command, files):
    text = json.dumps({"scripts": {"test": script}})
    (check,) = node.plan(files({"package.json": text})).checks
    assert check.command == command


def test_a_script_that_runs_once_comes_before_one_that_waits(files):
    text = json.dumps({"scripts": {"test": "jest --watch", "test:ci": "jest --ci"}})
    (check,) = node.plan(files({"package.json": text})).checks
    assert check.command == "npm run test:ci"


def test_buns_own_tests_need_no_script(files):
    texts = {"package.json": "{}", "bun.lock": "", "src/a.test.ts": "", "node_modules/b/b.test.ts": ""}
    (check,) = node.plan(files(texts)).checks
    assert (check.command, check.source) == ("bun test", "src/a.test.ts")


@pytest.mark.usefixtures("npm_index", "python_index")
def test_bun_and_vitest_really_run_and_end(project, sandbox, log):
    package = {
        "private": True,
        "packageManager": "bun@1.4.5",
        "scripts": {"test": "vitest watch"},
        "devDependencies": {"vitest": "^3"},
    }
    texts = {
        "package.json": json.dumps(package),
        "one.test.js": 'import { test } from "vitest";\ntest("a", () => {});\n',
    }
    repository = project(texts)
    environment = prepare(repository.files, sandbox, repository.fill, log=log, source=repository.source)
    assert environment.steps[-1].command.endswith("bun install --frozen-lockfile")
    (check,) = environment.checks
    with sandbox.open(origin=environment.snapshot) as box:
        repository.fill(box)
        result = box.run(check.command, env=environment.env)
        assert result.passed, result.text()
        box.run(
            """rm one.test.js; echo 'import { test } from "bun:test"; test("b", () => {})' > two.test.js"""
        )
        result = box.run("bun test", env=environment.env)
        assert "1 pass" in result.text(), result.text()


def test_peers_that_do_not_fit_together_are_let_be_in_the_end(files):
    (step,) = node.plan(
        files({"package.json": '{"dependencies": {"a": "1"}}', "package-lock.json": ""})
    ).steps
    assert step.commands[0] == "npm ci"
    assert step.commands[-1].endswith("--legacy-peer-deps")


@pytest.mark.usefixtures("npm_index")
def test_old_peers_are_really_installed(project, sandbox, log):
    package = {"devDependencies": {"react": "^18", "react-test-renderer": "17.0.2", "semver": "7.7.2"}}
    package["scripts"] = {"lint": "semver 1.0.0"}
    repository = project({"package.json": json.dumps(package)})
    environment = prepare(repository.files, sandbox, repository.fill, log=log, source=repository.source)
    assert all(step.passed for step in environment.steps)
    assert environment.steps[0].command.endswith("--legacy-peer-deps --ignore-scripts")
    assert environment.missing == {}
