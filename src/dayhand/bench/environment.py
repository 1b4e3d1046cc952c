"""``dayhand bench environment``: how long a repository's environment and its tests take, cold and warm, by ecosystem.

The projects are small, so that the figures show the cost of Dayhand and of the registry. Packages come from the
registries that this machine's own clients are configured for. The tests of those that need no packages also run on this
machine without a box, in turn with the runs in boxes.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dayhand.bench.measure import time_ms
from dayhand.checkout.bundles import bundle_ref
from dayhand.checkout.commit_files import CommitFiles, read_files
from dayhand.checkout.mirror import Mirror
from dayhand.environment.base import Environment, Source
from dayhand.environment.prepare import prepare
from dayhand.environment.setup.steps import reason
from dayhand.localhub.state.git_store import GitStore
from dayhand.sandbox import clone
from dayhand.sandbox.base import Box, Sandbox
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from dayhand.verify.runner import Runner

ROUNDS = 5
BRANCH = "main"
PROJECTS: Mapping[str, Mapping[str, str]] = {
    "python": {
        "pyproject.toml": (
            '[project]\nname = "cold"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["attrs"]\n\n'
            '[dependency-groups]\ndev = ["pytest", "ruff"]\n\n[tool.ruff]\nline-length = 100\n\n'
            '[tool.pytest.ini_options]\ntestpaths = ["."]\n\n[tool.setuptools]\npy-modules = ["cold"]\n'
        ),
        "cold.py": "def warm() -> int:\n    return 1\n",
        "test_cold.py": "from cold import warm\n\n\ndef test_warm():\n    assert warm() == 1\n",
    },
    "node": {
        "package.json": json.dumps(
            {
                "name": "cold",
                "version": "1.0.0",
                "private": True,
                "scripts": {"test": "node --test", "lint": "prettier --check *.js"},
                "devDependencies": {"prettier": "^3"},
            }
        ),
        "cold.test.js": 'const test = require("node:test");\ntest("warm", () => {});\n',
    },
    "go": {
        "go.mod": "module example.org/cold\n\ngo 1.18\n",
        "cold.go": 'package cold\n\nimport "net/http"\n\nfunc Warm() int { return http.StatusOK }\n',
        "cold_test.go": 'package cold\n\nimport "testing"\n\n'
        "func TestWarm(t *testing.T) {\n\tif Warm() != 200 {\n\t\tt.Fatal(Warm())\n\t}\n}\n",
    },
}
# The projects whose tests run on this machine too, with variables: Go would remember what its tests said.
ON_HOST: Mapping[str, Mapping[str, str]] = {"node": {}, "go": {"GOFLAGS": "-count=1"}}


@dataclass(frozen=True, slots=True)
class EnvironmentFigures:
    """Seconds by ecosystem; None if ``not_measured`` has the reason. The warm figures are medians."""

    cold_s: dict[str, float | None] = field(default_factory=dict)  # no snapshot: install and probe everything
    warm_s: dict[str, float | None] = field(
        default_factory=dict
    )  # with a snapshot: find it, open a box, check out the repository
    warm_ready_s: dict[str, float | None] = field(default_factory=dict)  # the same without the checkout
    check_s: dict[str, float | None] = field(
        default_factory=dict
    )  # the tests in a clean box, warm: open it, check out the repository, run them, read the report
    host_s: dict[str, float | None] = field(default_factory=dict)  # the same command without a box
    check_ratio: dict[str, float | None] = field(default_factory=dict)  # of each round; the median
    not_measured: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NullLog:
    """A log that discards its lines."""

    def line(self, kind: str, text: str) -> int:
        return 0


def bench_environment(
    *, as_json: bool, rounds: int = ROUNDS, projects: Mapping[str, Mapping[str, str]] = PROJECTS
) -> int:
    """Measure and print; returns 1 if no ecosystem could be measured. Raises ``SandboxError`` if no box can be opened."""
    figures = EnvironmentFigures()
    for name, texts in projects.items():
        with tempfile.TemporaryDirectory(prefix="dayhand-bench-") as folder:
            data = Path(folder)
            data.chmod(0o755)
            sandbox = BubblewrapSandbox(data)
            sandbox.self_test()
            raw = {path: text.encode() for path, text in texts.items()}
            project = BenchProject.write(data, name, raw)
            environment = _measure(figures, name, project, sandbox=sandbox, rounds=rounds)
            if environment and name in ON_HOST:
                beside = Beside(
                    Runner(environment, sandbox, NullLog()), project, data / "host", ON_HOST[name]
                )
                beside.measure(figures, raw, rounds=rounds)
    if as_json:
        print(json.dumps(asdict(figures)))
    else:
        show(figures)
    return 0 if any(one is not None for one in figures.cold_s.values()) else 1


@dataclass(frozen=True, slots=True)
class BenchProject:
    """A repository in a mirror, as in a task."""

    name: str
    mirror: Mirror
    commit: str
    files: CommitFiles

    @classmethod
    def write(cls, data: Path, name: str, raw: Mapping[str, bytes]) -> BenchProject:
        store = GitStore(data / "github" / f"{name}.git")
        store.create(BRANCH)
        store.commit_files(raw, BRANCH, "First version", author=("Bench", "bench@localhost"))
        return cls.mirrored(data, name, store)

    @classmethod
    def mirrored(cls, data: Path, name: str, store: GitStore) -> BenchProject:
        """The repository of ``store`` in a mirror, with all its branches."""
        mirror = Mirror(data / "mirrors" / f"{name}.git", str(store.path))
        mirror.fetch(tuple(store.branches()), "")
        commit = store.branches()[BRANCH]
        return cls(name, mirror, commit, read_files(mirror, commit))

    def fill(self, box: Box, commit: str = "") -> None:
        """Put a commit into the box; without one, the project's."""
        commit = commit or self.commit
        bundle = self.mirror.bundle(commit)
        clone.check_out(box, bundle, ref=bundle_ref(commit), commit=commit, branch=BRANCH)

    def prepare(self, sandbox: Sandbox) -> Environment:
        source = Source(self.name, self.mirror.tree(self.commit), trusted=True)
        return prepare(self.files, sandbox, self.fill, log=NullLog(), source=source)


def _measure(
    figures: EnvironmentFigures, name: str, project: BenchProject, *, sandbox: Sandbox, rounds: int
) -> Environment | None:
    environment, cold, warm, ready = time_setup(project, sandbox, rounds)
    if problem := problem_of(environment):
        figures.not_measured[name] = problem
        figures.cold_s[name] = figures.warm_s[name] = figures.warm_ready_s[name] = None
        return None
    figures.cold_s[name], figures.warm_s[name], figures.warm_ready_s[name] = cold, warm, ready
    return environment


@dataclass(frozen=True, slots=True)
class Beside:
    """The tests of one project in boxes, and in a folder of this machine."""

    runner: Runner
    project: BenchProject
    folder: Path
    variables: Mapping[str, str]

    def measure(self, figures: EnvironmentFigures, raw: Mapping[str, bytes], *, rounds: int) -> None:
        """Run them in turn; what one of the two cannot run is not measured. The first run of each does not count."""
        name = self.project.name
        for path, text in raw.items():
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text)
        check = next(check for check in self.runner.environment.checks if check.kind == "test")
        box, host = [], []
        for _ in range(rounds + 1):
            began = time.perf_counter()
            in_box = self.runner.run(check, self.project.fill)
            between = time.perf_counter()
            done = subprocess.run(
                ["/bin/sh", "-c", check.command],
                cwd=self.folder,
                env={**os.environ, **self.variables},
                capture_output=True,
                check=False,
            )
            host.append(time.perf_counter() - between)
            box.append(between - began)
            if not in_box.run.passed or done.returncode:
                figures.check_s[name] = figures.host_s[name] = figures.check_ratio[name] = None
                figures.not_measured[f"{name}, tests"] = f"{check.command} fails in a box or without one"
                return
        ratios = [inside / outside for inside, outside in zip(box[1:], host[1:], strict=True)]
        figures.check_s[name] = round(statistics.median(box[1:]), 3)
        figures.host_s[name] = round(statistics.median(host[1:]), 3)
        figures.check_ratio[name] = round(statistics.median(ratios), 2)


def time_setup(
    project: BenchProject, sandbox: Sandbox, rounds: int
) -> tuple[Environment, float, float, float]:
    """Set up once cold and ``rounds`` times warm: the environment and the seconds cold, warm, warm without checkout."""
    began = time.perf_counter()
    environment = project.prepare(sandbox)
    cold = time.perf_counter() - began

    def ready() -> Box:
        """Find the snapshot, open a box on it, and close the box."""
        with sandbox.open(origin=project.prepare(sandbox).snapshot) as box:
            return box

    def filled() -> None:
        with sandbox.open(origin=project.prepare(sandbox).snapshot) as box:
            project.fill(box)

    warm, quick = [], []
    for _ in range(rounds):
        quick.append(time_ms(ready))
        warm.append(time_ms(filled))
    return (
        environment,
        round(cold, 2),
        round(statistics.median(warm) / 1000, 3),
        round(statistics.median(quick) / 1000, 3),
    )


def problem_of(environment: Environment) -> str:
    """What failed or is missing in an environment; "" if it is complete."""
    failed = [f"{step.title} failed: {reason(step.output)}" for step in environment.steps if not step.passed]
    missing = [f"{one.tool} is missing: {one.why}" for one in environment.missing.values()]
    return next(iter((*failed, *missing)), "")


def show(figures: EnvironmentFigures) -> None:
    table = Table(title="Environment setup and tests in seconds (warm: medians)")
    columns = (
        "",
        "cold",
        "warm",
        "warm, without checkout",
        "cold / warm",
        "tests, in a box",
        "without a box",
        "ratio",
    )
    for column in columns:
        table.add_column(column, justify="left" if not column else "right")
    for name, cold in figures.cold_s.items():
        warm = figures.warm_s[name]
        if cold is not None and warm is not None:
            ready = f"{figures.warm_ready_s[name]:.2f}"
            beside = (figures.check_s.get(name), figures.host_s.get(name), figures.check_ratio.get(name))
            tests = (f"{one:.2f}" if one is not None else "-" for one in beside)
            table.add_row(name, f"{cold:.1f}", f"{warm:.2f}", ready, f"{cold / warm:.0f}", *tests)
    console = Console()
    console.print(table)
    for name, why in figures.not_measured.items():
        console.print(f"Not measured: {name} ({why})", markup=False)
