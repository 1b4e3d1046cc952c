"""Go: the modules of go.mod, vet and the tests, and golangci-lint where the repository configures it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial

from dayhand.box_paths import BUILD_CACHE, ENVIRONMENT
from dayhand.environment.ecosystems import base
from dayhand.environment.ecosystems.base import Check, Fetch, Files, Language, Names, Nested, SetupPlan, Step
from dayhand.environment.registries.base import Machine, Registry, configured, host_of

MANIFESTS: Names = ("go.mod", "go.work")
LOCKS: Names = ("go.sum", "go.work.sum")
SETTINGS: Names = (".golangci.yml", ".golangci.yaml", ".golangci.toml", ".golangci.json")
SETTINGS_PATTERN = base.NO_PATTERN
SETUP_ENV = base.NO_ENV
OFFLINE: Mapping[str, str] = {"GOPROXY": "off"}
LANGUAGE = Language("go", "Go", ("golang",), "go version", r"^go version go(\d[\d.]*)")
PINS: Names = (".go-version",)
CLIENT = "go"
NESTED = Nested(("go.mod",))

VET = "go vet ./..."
TEST = "go test ./..."
# A command that starts nothing but Go's own tools: no flag here names a program.
PURE = re.compile(
    r"(cd [\w./-]+ && )?(?:CGO_ENABLED=\d )?go (?:test|vet|build)"
    r"(?: -(?:v|race|short|cover|failfast|(?:count|timeout|tags|covermode|coverprofile|coverpkg|p|parallel|shuffle)[= ][\w.,/]+))*"
    r"(?: (?!-)[\w./-]+)*"
)
SCRIPT = re.compile(r"(?:make|just|task|mage|\./[\w./-]+)(?: [\w.:-]+)*")
# Go notes when it last used a file of its cache, which a layer over it would copy; not if that is in the future.
KEEP = f"find {BUILD_CACHE}/go -type f -exec touch -d 2100-01-01 {{}} +"

members = base.no_members
read_pin = base.first_word


def plan(files: Files) -> SetupPlan | None:
    """What to download and check; None where there is no module at the top."""
    paths = frozenset(files.paths())
    if "go.mod" not in paths:
        return None
    probe = "go version"
    checks = [Check("lint", VET, probe, "go", "go.mod")]
    if linter := next((name for name in SETTINGS if name in paths), ""):
        run = "golangci-lint run"
        checks.append(Check("lint", run, "golangci-lint --version", "golangci-lint", linter))
    if test := next((path for path in sorted(paths) if path.endswith("_test.go")), ""):
        checks.append(Check("test", TEST, probe, "go", test))
    # A vendored module contains everything that it needs.
    needed = "require" in files.read("go.mod") and "vendor/modules.txt" not in paths
    download = Step("download Go's modules", ("go mod download",), runs_code=False)
    steps = (download,) if needed else ()
    locks = tuple(path for path in (*MANIFESTS, *LOCKS) if path in paths)
    # A replaced module, or one of a workspace, has its own go.mod.
    inner = tuple(path for path in sorted(paths) if path.endswith("/go.mod"))
    texts = base.whole(files, (*locks, *inner)) if steps else {}
    fetch = Fetch(texts, download) if texts else None
    return SetupPlan("Go", steps, tuple(checks), _env(), locks, client=CLIENT if steps else "", fetch=fetch)


def _env() -> dict[str, str]:
    return {
        "GOMODCACHE": f"{ENVIRONMENT}/go",
        "GOFLAGS": "-modcacherw",  # Go makes its modules read-only: a snapshot could not be removed
        "GOCACHE": f"{BUILD_CACHE}/go",
        "GOTOOLCHAIN": "local",  # the box's own Go: another one would come from outside the registry
    }


def compile_only(command: str, files: Files) -> Step | None:
    """Build every test and start none (``-exec true``): no code of the repository runs."""
    if SCRIPT.fullmatch(command) and "go.mod" in files.paths():
        command = TEST  # it most likely starts this, and what it compiles with other flags is not found
    if not PURE.fullmatch(command) or "go.mod" not in {path.rpartition("/")[2] for path in files.paths()}:
        return None
    built = command.replace("go test", "go test -exec true", 1)
    return Step(f"compile for {command}", (f"{built}; {KEEP}",), runs_code=False)


def required_versions(files: Files) -> Iterator[tuple[str, object]]:
    """The least version that go.mod names."""
    if found := re.search(r"^go (\d[\d.]*)", files.read("go.mod"), re.MULTILINE):
        yield "go.mod", f">={found[1]}"


def find_registry(machine: Machine) -> Registry:
    """The proxies of ``GOPROXY``, and the checksum database beside them."""
    value = machine.environ.get("GOPROXY") or machine.ask(["go", "env", "GOPROXY"])
    urls = (part for part in re.split(r"[,|\s]+", value) if part not in ("", "direct", "off"))
    return configured(CLIENT, urls, _client_env, further_hosts=partial(_checksum_hosts, machine))


def _client_env(urls: tuple[str, ...]) -> dict[str, str]:
    return {"GOPROXY": ",".join(urls)} if urls else {}


def _checksum_hosts(machine: Machine, hosts: tuple[str, ...]) -> Iterator[str]:
    """The checksum database, asked besides the proxies: https://go.dev/ref/mod#checksum-database."""
    if hosts:
        # "off", a name, a name and its key, or these and an address
        value = machine.environ.get("GOSUMDB") or machine.ask(["go", "env", "GOSUMDB"])
        words = value.split() or ["off"]
        database = host_of(words[-1]) if "://" in words[-1] else words[0].partition("+")[0]
        if database != "off":
            yield database
