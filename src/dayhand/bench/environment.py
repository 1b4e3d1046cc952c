"""``dayhand bench environment``: how long a repository's environment takes, cold and warm, by ecosystem.

The projects are small, so that the figures show the cost of Dayhand and of the registry. Packages come from the
registries that this machine's own clients are configured for.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dayhand.bench.measure import time_ms
from dayhand.checkout.bundles import bundle_ref
from dayhand.checkout.mirror import CommitFiles, Mirror, read_files
from dayhand.environment.base import Environment, Source
from dayhand.environment.prepare import prepare
from dayhand.environment.setup.steps import reason
from dayhand.localhub.state.git_store import GitStore
from dayhand.sandbox import worktree
from dayhand.sandbox.base import Box, Sandbox
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox

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
}


@dataclass(frozen=True, slots=True)
class EnvironmentFigures:
    """Seconds by ecosystem; None if ``not_measured`` has the reason. The warm figures are medians."""

    cold_s: dict[str, float | None] = field(default_factory=dict)  # no snapshot: install and probe everything
    warm_s: dict[str, float | None] = field(
        default_factory=dict
    )  # with a snapshot: find it, open a box, check out the repository
    warm_ready_s: dict[str, float | None] = field(default_factory=dict)  # the same without the checkout
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
            _measure(figures, name, BenchProject.write(data, name, raw), sandbox=sandbox, rounds=rounds)
    if as_json:
        print(json.dumps(asdict(figures)))
    else:
        _show(figures)
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
        worktree.check_out(box, bundle, ref=bundle_ref(commit), commit=commit, branch=BRANCH)

    def prepare(self, sandbox: Sandbox) -> Environment:
        source = Source(self.name, self.mirror.tree(self.commit), trusted=True)
        return prepare(self.files, sandbox, self.fill, log=NullLog(), source=source)


def _measure(
    figures: EnvironmentFigures, name: str, project: BenchProject, *, sandbox: Sandbox, rounds: int
) -> None:
    environment, cold, warm, ready = time_setup(project, sandbox, rounds)
    if problem := problem_of(environment):
        figures.not_measured[name] = problem
        figures.cold_s[name] = figures.warm_s[name] = figures.warm_ready_s[name] = None
        return
    figures.cold_s[name], figures.warm_s[name], figures.warm_ready_s[name] = cold, warm, ready


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


def _show(figures: EnvironmentFigures) -> None:
    table = Table(title="Environment setup in seconds (warm: medians)")
    for column in ("", "cold", "warm", "warm, without checkout", "cold / warm"):
        table.add_column(column, justify="left" if not column else "right")
    for name, cold in figures.cold_s.items():
        warm = figures.warm_s[name]
        if cold is not None and warm is not None:
            table.add_row(
                name, f"{cold:.1f}", f"{warm:.2f}", f"{figures.warm_ready_s[name]:.2f}", f"{cold / warm:.0f}"
            )
    console = Console()
    console.print(table)
    for name, why in figures.not_measured.items():
        console.print(f"Not measured: {name} ({why})", markup=False)
