"""npm, pnpm, Yarn and Bun: how each installs, and how it downloads without running any code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from dayhand.box_paths import ENVIRONMENT
from dayhand.environment import yaml_file
from dayhand.environment.ecosystems import base
from dayhand.environment.ecosystems.base import Fetch, Files, Names, Step
from dayhand.environment.manifest import string_values, strings
from dayhand.startup.records import dataclass

NPM_LOCKS: Names = ("package-lock.json", "npm-shrinkwrap.json")
PNPM_LOCK = "pnpm-lock.yaml"
MANAGERS = {PNPM_LOCK: "pnpm", "yarn.lock": "yarn", "bun.lock": "bun", "bun.lockb": "bun"}
PNPM_WORKSPACE = "pnpm-workspace.yaml"
TOOLS = f"{ENVIRONMENT}/node-tools"  # for a tool that cannot be installed into the repository's own tree
FOREIGN = re.compile(r"(^|/)node_modules/")
# The repository's own scripts that npm runs after it has installed the packages, in this order.
LIFECYCLE = ("preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare")
QUIET = "--no-save --no-package-lock"  # set-up must not add files to the change
# Older repositories were written before npm rejected conflicting peer dependencies.
NPM = (f"npm install {QUIET}", f"npm install {QUIET} --legacy-peer-deps")
PNPM_STORE = f"npm_config_store_dir={base.CACHE}/pnpm "
# Yarn 1 locks addresses, maybe of another registry: replace the host, the hashes still apply.
YARN_1_REWRITE = "sed -Ei 's,^(  resolved \")https://[^/]+/,\\1'\"${npm_config_registry%/}\"'/,' yarn.lock"
YARN_1_REGISTRY = 'YARN_REGISTRY="$npm_config_registry" '
YARN_REGISTRY = (
    f"YARN_ENABLE_GLOBAL_CACHE=false YARN_CACHE_FOLDER={base.CACHE}/yarn "
    'YARN_NPM_REGISTRY_SERVER="$npm_config_registry" YARN_HTTPS_PROXY="$HTTPS_PROXY" '
)
BUN_CACHE = f"BUN_INSTALL_CACHE_DIR={base.CACHE}/bun "


@dataclass(frozen=True, slots=True)
class NodeProject:
    """A folder with a package.json."""

    package: Mapping[str, object]
    paths: frozenset[str]
    files: Files

    @property
    def manager(self) -> tuple[str, str]:
        """The package manager and its version: packageManager comes before the lock."""
        named = self.package.get("packageManager")
        found = re.match(r"(npm|pnpm|yarn|bun)@(\d+[\w.-]*)", named) if isinstance(named, str) else None
        if found:
            return found[1], found[2]
        if self.npm_lock:
            return "npm", ""
        return next((manager for lock, manager in MANAGERS.items() if lock in self.paths), "npm"), ""

    @property
    def npm_lock(self) -> str:
        return next((lock for lock in NPM_LOCKS if lock in self.paths), "")

    @property
    def lock(self) -> str:
        """The lock of the package manager; "" where there is none."""
        name, _ = self.manager
        return next((lock for lock, owner in MANAGERS.items() if owner == name and lock in self.paths), "")

    @property
    def has_workspaces(self) -> bool:
        return "workspaces" in self.package or PNPM_WORKSPACE in self.paths

    @property
    def own_scripts(self) -> tuple[str, ...]:
        """Those of the scripts that an installation runs."""
        return tuple(name for name in LIFECYCLE if name in string_values(self.package.get("scripts")))


@dataclass(frozen=True, slots=True)
class _Commands:
    """How one package manager other than npm works here."""

    package: str  # on npm's registry
    frozen: str
    loose: str
    download: str  # with the lock, and without any script
    scripts: str  # what an installation runs, once everything is downloaded


def _commands(project: NodeProject) -> _Commands:
    name, version = project.manager
    own = "".join(f" && {name} run {script}" for script in project.own_scripts)
    at = f"@{version}" if version else ""
    if name == "pnpm":
        frozen = f"{PNPM_STORE}pnpm install --frozen-lockfile"
        download, scripts = (
            f"{frozen} --ignore-scripts --ignore-pnpmfile",
            f"{PNPM_STORE}pnpm rebuild --pending",
        )
        return _Commands(
            f"pnpm{at}", frozen, f"{PNPM_STORE}pnpm install --no-frozen-lockfile", download, scripts
        )
    if name == "bun":
        frozen = f"{BUN_CACHE}bun install --frozen-lockfile"
        again = f"rm -rf node_modules && {frozen}"  # its scripts run only for what it has just installed
        return _Commands(f"bun{at}", frozen, f"{BUN_CACHE}bun install", f"{frozen} --ignore-scripts", again)
    if version.startswith("1.") or (not version and "yarn lockfile v1" in project.files.read("yarn.lock")):
        frozen = f"{YARN_1_REGISTRY}yarn install --frozen-lockfile"
        rewritten = f"{YARN_1_REWRITE} && {frozen}"
        scripts = f"npm rebuild{own}"
        return _Commands(
            f"yarn@{version or '1'}", frozen, rewritten, f"{rewritten} --ignore-scripts", scripts
        )
    frozen = f"{YARN_REGISTRY}yarn install --immutable"
    download = f"{frozen} --mode=skip-build"
    return _Commands(
        f"@yarnpkg/cli-dist{at}", frozen, f"{YARN_REGISTRY}yarn install --no-immutable", download, frozen
    )


def dependencies(package: Mapping[str, object]) -> dict[str, str]:
    """The packages that a package.json names, of all kinds, each with its version."""
    kinds = ("peerDependencies", "optionalDependencies", "dependencies", "devDependencies")
    return {name: version for kind in kinds for name, version in string_values(package.get(kind)).items()}


def install_steps(project: NodeProject) -> Iterator[Step]:
    """Install the manager from npm's registry, then run it; npm is the fallback."""
    manager, _ = project.manager
    if manager != "npm":
        commands = _commands(project)
        yield Step(f"get {manager}", _get(commands.package))
        yield Step(f"install with {manager}", (commands.frozen, commands.loose, *NPM))
    elif project.npm_lock:
        # npm may reject a lock that it wrote itself, for example because of optional packages of other platforms.
        yield Step("install with npm ci", ("npm ci", *NPM))
    elif dependencies(project.package) or "workspaces" in project.package or not project.package:
        yield Step("install with npm", NPM)


def _get(package: str) -> tuple[str, ...]:
    """The manager in its declared version, else in the newest."""
    get = f"npm install {QUIET} --prefix {TOOLS}"
    newest = re.sub(r"(?<=.)@\d.*", "", package)
    return tuple(dict.fromkeys((f"{get} {package}", f"{get} {newest}")))


def fetch(project: NodeProject) -> Fetch | None:
    """What is downloaded without any script and without .npmrc and its kin, which can name programs; then the scripts."""
    manager, _ = project.manager
    lock = project.npm_lock if manager == "npm" else project.lock
    if manager != "npm" and not lock:
        return None
    if not (lock or dependencies(project.package) or "workspaces" in project.package):
        return None
    inner = _workspace_manifests(project.paths) if project.has_workspaces else ()
    texts = base.whole(project.files, ("package.json", *((lock,) if lock else ()), *inner))
    if not texts or "@exec:" in texts.get(
        "yarn.lock", ""
    ):  # Yarn would run the program that such a package names
        return None
    if PNPM_WORKSPACE in project.paths:
        texts[PNPM_WORKSPACE] = _packages_alone(project.files.read(PNPM_WORKSPACE))
    title = f"download {manager}'s packages"
    if manager == "npm":
        loose = tuple(f"{install} --ignore-scripts" for install in NPM)
        step = Step(title, ("npm ci --ignore-scripts", *loose) if lock else loose, runs_code=False)
        return Fetch(texts, step, then=_npm_scripts(project, texts.get(lock, "")))
    commands = _commands(project)
    get = _get(commands.package)[0]
    step = Step(title, (f"{get} && {commands.download}",), runs_code=False)
    scripts = (commands.scripts, commands.frozen, commands.loose, *NPM)
    return Fetch(texts, step, then=(Step(f"run {manager}'s install scripts", scripts),))


def _npm_scripts(project: NodeProject, lock: str) -> tuple[Step, ...]:
    """The packages' install scripts, and then the repository's own; no step where the lock and it have none."""
    again = (*(("npm ci",) if lock else ()), *NPM)
    if "binding.gyp" in project.paths:  # npm then builds it, without a script that says so
        return (Step("build with npm", again),)
    unknown = not lock or project.has_workspaces or '"lockfileVersion": 1,' in lock
    rebuild = ["npm rebuild"] if unknown or '"hasInstallScript": true' in lock else []
    run = " && ".join((*rebuild, *(f"npm run {name}" for name in project.own_scripts)))
    return (Step("run npm's install scripts", (run, *again)),) if run else ()


def _workspace_manifests(paths: frozenset[str]) -> tuple[str, ...]:
    """The package.json files below the top: which of them are members is the package manager's to say."""
    return tuple(
        path for path in sorted(paths) if path.endswith("/package.json") and not FOREIGN.search(path)
    )


def _packages_alone(workspace: str) -> str:
    """pnpm-workspace.yaml without pnpm's settings. JSON is YAML."""
    value, _problem = yaml_file.parse(workspace)
    packages = value.get("packages") if isinstance(value, dict) else None
    return json.dumps({"packages": list(strings(packages))})
