"""Go: the modules of go.mod, vet and the tests, and golangci-lint where the repository sets it up."""

from __future__ import annotations

import re

from dayhand.box_paths import ENVIRONMENT
from dayhand.environment.ecosystems.base import Check, Files, SetupPlan, Step

CLIENT = "go"
LOCKS = ("go.mod", "go.sum", "go.work", "go.work.sum")
LINTER = re.compile(r"\.golangci\.(ya?ml|toml|json)")
VET = "go vet ./..."
TEST = "go test ./..."


def plan(files: Files) -> SetupPlan | None:
    """What to download and to check; None where no module stands at the top."""
    paths = frozenset(files.paths())
    if "go.mod" not in paths:
        return None
    probe = "go version"
    checks = [Check("lint", VET, probe, "go", "go.mod")]
    if linter := next((path for path in sorted(paths) if LINTER.fullmatch(path)), ""):
        run = "golangci-lint run"
        checks.append(Check("lint", run, "golangci-lint --version", "golangci-lint", linter))
    if test := next((path for path in sorted(paths) if path.endswith("_test.go")), ""):
        checks.append(Check("test", TEST, probe, "go", test))
    # A vendored module brings all it needs along.
    needed = "require" in files.read("go.mod") and "vendor/modules.txt" not in paths
    steps = (Step("download Go's modules", ("go mod download",)),) if needed else ()
    locks = tuple(path for path in LOCKS if path in paths)
    return SetupPlan("Go", steps, tuple(checks), _env(), locks, client=CLIENT if steps else "")


def _env() -> dict[str, str]:
    return {
        "GOMODCACHE": f"{ENVIRONMENT}/go",
        "GOFLAGS": "-modcacherw",  # Go makes its modules read-only, so that nobody could remove a snapshot
        "GOTOOLCHAIN": "local",  # the Go that the box has: another would come from outside the registry
    }
