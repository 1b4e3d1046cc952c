"""What CI or developers' machines would execute is known by its path, in every form that a file system opens as it."""

from __future__ import annotations

import pytest

from dayhand.checkout.policy.executed_files import (
    MANIFESTS,
    executed_as,
    executes_other_parts,
    is_manifest,
    is_workflow,
)

CI, HOOK, EDITOR, CONTAINER = "CI configuration", "git hook", "editor settings", "container settings"
AGENT, MACHINE = "instructions for agents", "settings of developers' machines"
EXECUTED = {  # a new form is one line
    ".github/workflows/ci.yml": CI,
    ".github/workflows/deep/er.yml": CI,
    ".github/workflows": CI,  # a file or a link in place of the folder
    ".github": CI,
    ".GitHub/Workflows/CI.yml": CI,
    ".GITHUB": CI,
    ".github/actions/set-up/action.yml": CI,
    ".github/actions/set-up/dist/index.js": CI,
    ".github/actions": CI,
    "actions/build/action.yml": CI,
    "tools/ACTION.YAML": CI,
    "action.yml": CI,
    ".circleci/config.yml": CI,
    ".circleci": CI,
    ".CircleCI/config.yml": CI,
    ".gitlab-ci.yml": CI,
    ".GitLab-CI.yml": CI,
    "backend/.gitlab-ci.yml": CI,
    "ci/build.gitlab-ci.yml": CI,
    ".gitlab/ci/build.yml": CI,
    "Jenkinsfile": CI,
    "jenkinsfile": CI,
    "deploy/Jenkinsfile.release": CI,
    "ci/nightly.jenkinsfile": CI,
    "azure-pipelines.yml": CI,
    "azure-pipelines-release.yaml": CI,
    ".azure-pipelines/build.yml": CI,
    ".buildkite/pipeline.yml": CI,
    ".buildkite/hooks/pre-command": CI,
    ".travis.yml": CI,
    ".drone.yml": CI,
    ".drone.star": CI,
    ".woodpecker.yml": CI,
    ".woodpecker/test.yaml": CI,
    ".woodpecker": CI,
    "appveyor.yml": CI,
    ".appveyor.yml": CI,
    "bitbucket-pipelines.yml": CI,
    ".teamcity/settings.kts": CI,
    ".cirrus.yml": CI,
    ".cirrus.star": CI,
    ".semaphore/semaphore.yml": CI,
    ".forgejo/workflows/ci.yml": CI,
    "buildspec.yml": CI,
    "netlify.toml": CI,
    ".githooks/pre-commit": HOOK,
    ".githooks": HOOK,
    ".husky/pre-push": HOOK,
    "web/.Husky/_/husky.sh": HOOK,
    ".huskyrc.json": HOOK,
    "lefthook.yml": HOOK,
    ".lefthook.toml": HOOK,
    "lefthook-local.yml": HOOK,
    ".lefthook/pre-commit/lint.sh": HOOK,
    ".pre-commit-config.yaml": HOOK,
    ".pre-commit-hooks.yaml": HOOK,
    ".lintstagedrc.mjs": HOOK,
    "lint-staged.config.js": HOOK,
    ".simple-git-hooks.json": HOOK,
    ".vscode/tasks.json": EDITOR,
    ".vscode/settings.json": EDITOR,
    ".vscode/launch.json": EDITOR,
    ".VSCode/tasks.json": EDITOR,
    ".v\u017fcode/tasks.json": EDITOR,  # the long s, which macOS opens as an s
    ".vscode": EDITOR,
    "web/.idea/runConfigurations/x.xml": EDITOR,
    "shop.code-workspace": EDITOR,
    ".dir-locals.el": EDITOR,
    ".exrc": EDITOR,
    ".devcontainer/devcontainer.json": CONTAINER,
    ".devcontainer/python/post-create.sh": CONTAINER,
    ".devcontainer.json": CONTAINER,
    "Dockerfile": CONTAINER,
    "web/dockerfile": CONTAINER,
    "Dockerfile.dev": CONTAINER,
    "build/app.Dockerfile": CONTAINER,
    "Containerfile": CONTAINER,
    "docker-compose.yml": CONTAINER,
    "docker-compose.override.yaml": CONTAINER,
    "compose.yaml": CONTAINER,
    "docker-bake.hcl": CONTAINER,
    ".gitpod.yml": CONTAINER,
    "devfile.yaml": CONTAINER,
    "Vagrantfile": CONTAINER,
    "AGENTS.md": AGENT,
    "web/AGENTS.md": AGENT,
    "agents.md": AGENT,
    "CLAUDE.md": AGENT,
    "CLAUDE.local.md": AGENT,
    ".claude/settings.json": AGENT,
    ".claude": AGENT,
    "GEMINI.md": AGENT,
    ".cursor/rules/x.mdc": AGENT,
    ".cursorrules": AGENT,
    ".windsurfrules": AGENT,
    ".clinerules": AGENT,
    ".clinerules/x.md": AGENT,
    ".github/copilot-instructions.md": AGENT,
    ".github/instructions/x.instructions.md": AGENT,
    ".github/prompts/fix.prompt.md": AGENT,
    ".mcp.json": AGENT,
    "web/.MCP.json": AGENT,
    ".codex/config.toml": AGENT,
    ".gemini/settings.json": AGENT,
    ".aider.conf.yml": AGENT,
    ".envrc": MACHINE,
    "backend/.envrc": MACHINE,
    ".direnv/x": MACHINE,
    ".npmrc": MACHINE,
    ".yarnrc.yml": MACHINE,
    ".yarn/releases/yarn-4.cjs": MACHINE,
    ".pnpmfile.cjs": MACHINE,
    ".cargo/config.toml": MACHINE,
    ".cargo": MACHINE,
    ".gitattributes": MACHINE,
    ".gitconfig": MACHINE,
    "gradlew": MACHINE,
    "gradle/wrapper/gradle-wrapper.jar": MACHINE,
}
ORDINARY = [
    "src/app.py", "README.md", "Makefile", "docs/workflows/ci.yml", "docs/.github/workflows/ci.yml", ".github/CODEOWNERS",
    ".github/ISSUE_TEMPLATE/bug.md", ".github/pull_request_template.md", "github/workflows/ci.yml", "src/actions/action.py",
    "src/circleci.py", "jenkinsfile.py", "src/Dockerfile.ts", "docs/compose.md", "composer.yml", "src/compose.py", "vscode/tasks.json",
    "src/cursor/rules.py", "docs/claude.txt", "src/husky.js", "web/.github/prompts/x.md", "docs/npmrc", "web/.cargo/config.toml",
    ".gitignore", ".editorconfig", "pyproject.toml", "package.json", "src/agents.py", "docs/agents/README.md", "codecov.yml",
    "tests/fixtures/workflows/ci.yml", "simple-git-hooks.py",
]  # fmt: skip


@pytest.mark.parametrize("path", EXECUTED)
def test_what_ci_or_a_developers_machine_executes_is_known_in_every_form(path: str) -> None:
    assert executed_as(path) == EXECUTED[path]


@pytest.mark.parametrize("path", ORDINARY)
def test_an_ordinary_path_is_not_taken_for_one(path: str) -> None:
    assert executed_as(path) == ""


@pytest.mark.parametrize(
    "path", [".github/workflows/ci.yml", ".github/workflows", ".GitHub/Workflows/ci.yml"]
)
def test_only_a_person_can_push_a_workflow(path: str) -> None:
    assert is_workflow(path)
    assert not is_workflow(f"docs/{path}")


OLD = b'{"scripts": {"test": "jest"}, "dependencies": {"a": "1"}, "config": {"x": "1"}}'
CHANGED = {  # a new form is one line
    "test-script": ("package.json", b'{"scripts": {"test": "true"}}'),
    "other-case": ("web/Package.JSON", b'{"scripts": {"test": "true"}}'),
    "lifecycle-script": ("package.json", b'{"scripts": {"test": "jest", "postinstall": "node x"}}'),
    "no-scripts": ("package.json", b'{"dependencies": {"a": "1"}}'),
    "twice-the-same-key": ("package.json", b'{"scripts": {"test": "jest"}, "scripts": {"test": "x"}}'),
    "allowed-build": ("package.json", OLD[:-1] + b', "pnpm": {"onlyBuiltDependencies": ["x"]}}'),
    "trusted": ("package.json", OLD[:-1] + b', "trustedDependencies": ["x"]}'),
    "hooks": ("package.json", OLD[:-1] + b', "simple-git-hooks": {"pre-commit": "x"}}'),
    "lint-staged": ("package.json", OLD[:-1] + b', "lint-staged": {"*.js": "x"}}'),
    "package-manager": ("package.json", OLD[:-1] + b', "packageManager": "yarn@https://x.example/y"}'),
    "native-build": ("package.json", OLD[:-1] + b', "gypfile": true}'),
    "not-an-object": ("package.json", b"[]"),
    "not-json": ("package.json", b"{"),
    "byte-order-mark": ("package.json", b"\xef\xbb\xbf" + OLD[:-1] + b', "husky": {"hooks": {"pre-commit": "x"}}}'),
    "not-utf-8": ("package.json", b"\xff" + OLD),
    "nested-too-deeply": ("package.json", b'{"a": ' * 100_000),
    "deleted": ("package.json", b""),
    "composer-script": ("composer.json", b'{"scripts": {"test": "true"}}'),
    "composer-plugins": ("composer.json", OLD[:-1] + b', "config": {"allow-plugins": true}}'),
}  # fmt: skip
SAME = {
    "dependency": OLD.replace(b'"a": "1"', b'"a": "2", "b": "1"'),
    "version": OLD[:-1] + b', "version": "2"}',
    "layout": OLD.replace(b", ", b",\n  "),
    "other-setting": OLD.replace(b'"x": "1"', b'"x": "2"'),
    "pnpm-overrides": OLD[:-1] + b', "pnpm": {"overrides": {"a": "2"}}}',
}


@pytest.mark.parametrize("form", CHANGED)
def test_a_change_of_what_a_manifest_executes_is_seen(form: str) -> None:
    path, new = CHANGED[form]
    assert is_manifest(path)
    assert executes_other_parts(path, OLD, new)


@pytest.mark.parametrize("path", MANIFESTS)
@pytest.mark.parametrize("form", SAME)
def test_a_change_of_a_dependency_is_left_alone(path: str, form: str) -> None:
    assert not executes_other_parts(path, OLD, SAME[form])


def test_a_new_manifest_is_one_with_scripts() -> None:
    assert executes_other_parts("package.json", b"", OLD)
    assert not executes_other_parts("package.json", b"", b'{"dependencies": {}}')
