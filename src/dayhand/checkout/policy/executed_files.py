"""Files that CI or developers' machines execute or obey: a change to them is not pushed before a person accepts it.

This is the only list of them, judged by the path. Case is ignored: macOS and Windows open ``.VSCode`` as ``.vscode``.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import field

from dayhand.file_kinds import ACTIONS, WORKFLOWS
from dayhand.startup.records import dataclass

# What may follow a name such as "Dockerfile"; "dockerfile.py" is source code.
NOT_CODE = r"([.-](?!(py|[cm]?[jt]sx?|go|rs|rb|java|kt|cs|php|md|rst)$).+)?"


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _all(*names: str) -> frozenset[str]:
    return frozenset(map(_folded, names))


@dataclass(frozen=True, slots=True)
class ExecutedFiles:
    """One kind of such files."""

    kind: str  # as people read it
    names: frozenset[str] = frozenset()  # of files, in any folder
    patterns: tuple[str, ...] = ()  # for such names
    folders: frozenset[str] = (
        frozenset()
    )  # anywhere; also the name of a file or a link in place of the folder
    paths: frozenset[str] = frozenset()  # of files and folders, from the top of the repository
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pattern", re.compile("|".join(self.patterns) or "(?!)"))

    def contain(self, path: str) -> bool:
        parts = path.split("/")
        return (
            parts[-1] in self.names
            or self.pattern.fullmatch(parts[-1]) is not None
            or not self.folders.isdisjoint(parts)
            or any(_is_below(path, top) or _is_below(top, path) for top in self.paths)
        )


def _is_below(path: str, folder: str) -> bool:
    """Whether the path is the folder or is in it. A file in place of a folder hides what was below it."""
    return f"{path}/".startswith(f"{folder}/")


KINDS = (
    ExecutedFiles(
        "CI configuration",
        names=_all(
            "action.yml", "action.yaml",  # an action, which a workflow of this repository may use by its path
            ".gitlab-ci.yml", ".gitlab-ci.yaml", ".travis.yml", "appveyor.yml", ".appveyor.yml", "bitbucket-pipelines.yml",
            ".drone.yml", ".drone.yaml", ".drone.star", ".drone.jsonnet", ".woodpecker.yml", ".woodpecker.yaml",
            ".cirrus.yml", ".cirrus.yaml", ".cirrus.star", "buildkite.yml", "wercker.yml", "screwdriver.yaml",
            "codemagic.yaml", "bitrise.yml", "circle.yml", ".build.yml", ".zuul.yaml", ".prow.yaml", "Earthfile",
            "buildspec.yml", "buildspec.yaml", "cloudbuild.yaml", "cloudbuild.yml", "cloudbuild.json", "amplify.yml",
            "netlify.toml", "vercel.json", "render.yaml", "heroku.yml",
        ),
        patterns=(
            rf"jenkinsfile{NOT_CODE}|.+\.jenkinsfile", r"azure-pipelines?([.-].+)?\.ya?ml", r".+\.gitlab-ci\.ya?ml",
        ),
        folders=_all(
            ".circleci", ".buildkite", ".woodpecker", ".teamcity", ".semaphore", ".tekton", ".gitlab", ".gitea", ".forgejo",
            ".azure-pipelines", ".azuredevops", ".builds", ".zuul.d", ".travis",
        ),
        paths=_all(WORKFLOWS.rstrip("/"), ACTIONS.rstrip("/")),
    ),
    ExecutedFiles(
        "git hook",
        names=_all(
            ".pre-commit-config.yaml", ".pre-commit-config.yml", ".pre-commit-hooks.yaml", ".overcommit.yml", "grumphp.yml",
            "captainhook.json",
        ),
        patterns=(
            r"\.?lefthook(-local)?\.(ya?ml|toml|jsonc?)", r"\.huskyrc(\..+)?", r"husky\.config\.\w+",
            r"\.lintstagedrc(\..+)?|lint-staged\.config\.\w+", r"(\.|(?=.+\.(json|[cm]?js)$))(simple-git-hooks|nano-staged)(\.\w+)?",
        ),
        folders=_all(".husky", ".githooks", ".git-hooks", ".git_hooks", ".lefthook", ".lefthook-local"),
    ),
    ExecutedFiles(
        "editor settings",
        names=_all(".exrc", ".vimrc", ".nvimrc", ".nvim.lua", ".dir-locals.el", ".dir-locals-2.el"),
        patterns=(r".+\.code-workspace", r".+\.sublime-(project|workspace)"),
        folders=_all(".vscode", ".idea", ".vs", ".fleet", ".zed", ".run", ".nova", ".theia"),
    ),
    ExecutedFiles(
        "container settings",
        names=_all(
            ".devcontainer.json", "devcontainer.json", ".gitpod.yml", ".gitpod.yaml", "devfile.yaml", ".devfile.yaml",
            ".stackblitzrc", ".replit", "replit.nix", "devbox.json", "Vagrantfile", "Tiltfile", "skaffold.yaml",
        ),
        patterns=(
            rf"(docker|container)file{NOT_CODE}|.+\.(docker|container)file", r"(docker-)?compose([.-].+)?\.ya?ml",
            r"docker-bake([.-].+)?\.(hcl|json)",
        ),
        folders=_all(".devcontainer", ".gitpod", ".codesandbox", ".devfile"),
    ),
    ExecutedFiles(
        "instructions for agents",
        names=_all(
            "AGENTS.md", "AGENTS.override.md", "AGENT.md", "CLAUDE.md", "CLAUDE.local.md", "GEMINI.md", "QWEN.md", "CRUSH.md",
            "WARP.md", ".cursorrules", ".windsurfrules", ".roorules", ".roomodes", ".goosehints", ".augment-guidelines",
            ".rules", ".mcp.json", "mcp.json", "mcp_config.json", "opencode.json", "opencode.jsonc", ".opencode.json",
            ".crush.json", "crush.json", "copilot-instructions.md",
        ),
        patterns=(r"\.aider(\..+)?", r"\.(roo|cline|kilocode)rules-.+"),
        folders=_all(
            ".cursor", ".claude", ".codex", ".gemini", ".clinerules", ".windsurf", ".opencode", ".roo", ".amazonq",
            ".agents", ".agent", ".continue", ".kiro", ".trae", ".junie", ".goose", ".augment", ".qwen", ".factory",
            ".kilocode", ".openhands", ".mcp",
        ),
        paths=_all(
            ".github/instructions", ".github/prompts", ".github/chatmodes", ".github/agents", ".github/copilot",
            ".github/skills", ".github/hooks",
        ),
    ),
    ExecutedFiles(
        "settings of developers' machines",
        names=_all(
            ".envrc", ".npmrc", ".pnpmfile.cjs", ".pnpmfile.js", ".yarnrc", ".yarnrc.yml", "pip.conf", ".pypirc", ".condarc",
            ".gemrc", ".bazelrc", ".gitattributes", ".gitconfig", ".lfsconfig", "gradle-wrapper.jar",
            "gradle-wrapper.properties", "gradlew", "gradlew.bat", "mvnw", "mvnw.cmd",
        ),
        folders=_all(".direnv", ".mvn"),
        paths=_all(".cargo/config", ".cargo/config.toml", ".bundle/config", ".yarn/plugins", ".yarn/releases"),
    ),
)  # fmt: skip


def executed_as(path: str) -> str:
    """The kind of such a file; "" for any other.

    >>> executed_as(".GitHub/Workflows/ci.yml"), executed_as("web/.husky"), executed_as("src/app.py")
    ('CI configuration', 'git hook', '')
    """
    folded = _folded(path)
    return next((each.kind for each in KINDS if each.contain(folded)), "")


def is_workflow(path: str) -> bool:
    """Whether GitHub lets an App push the file only with a permission of its own, which Dayhand does not ask for."""
    return _is_below(_folded(path), WORKFLOWS.rstrip("/"))


# The parts of a package's manifest that npm, git hooks and the package manager's own launcher execute.
PACKAGE_PARTS = (
    "scripts", "trustedDependencies", "onlyBuiltDependencies", "allowScripts", "pnpm.onlyBuiltDependencies",
    "pnpm.trustedDependencies", "pnpm.allowScripts", "packageManager", "devEngines", "gypfile", "husky",
    "simple-git-hooks", "pre-commit", "gitHooks", "lint-staged", "nano-staged",
)  # fmt: skip
COMPOSER_PARTS = ("scripts", "config.allow-plugins")
MANIFESTS = {"package.json": PACKAGE_PARTS, "composer.json": COMPOSER_PARTS}
SCRIPTS = "scripts of a manifest"  # the kind, as people read it


def is_manifest(path: str) -> bool:
    """Whether some parts of the file are executed: then ``executes_other_parts`` compares them."""
    return _folded(path.rpartition("/")[2]) in MANIFESTS


def executes_other_parts(path: str, old: bytes, new: bytes) -> bool:
    """Whether a manifest's executed parts differ; True if one of its versions cannot be read.

    >>> executes_other_parts("package.json", b'{"scripts": {"test": "a"}}', b'{"version": "2", "scripts": {"test": "a"}}')
    False
    """
    names = MANIFESTS[_folded(path.rpartition("/")[2])]
    try:
        return _executed_parts(old, names) != _executed_parts(new, names)
    except (ValueError, RecursionError):
        return True


def _executed_parts(text: bytes, names: Iterable[str]) -> list[object]:
    manifest = json.loads(text or b"{}")
    if not isinstance(manifest, dict):
        raise ValueError("A manifest is an object.")  # noqa: TRY004 - it is what JSON that cannot be read raises
    return [_part(manifest, name.split(".")) for name in names]


def _part(manifest: object, keys: Iterable[str]) -> object:
    for key in keys:
        manifest = manifest.get(key) if isinstance(manifest, dict) else None
    return manifest
