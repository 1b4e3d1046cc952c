"""What a check said of a base commit, kept on the worker's disk: many tasks start from one commit."""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from dayhand.environment.ecosystems.base import Check
from dayhand.verification import Run
from dayhand.verify.reports.base import CaseResult, CaseState
from dayhand.verify.reports.read import Results
from dayhand.verify.runner import CheckResult

VERSION = 2  # of what is kept: another one is not read
MAX_KEPT = 400
STALE_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class BaseCache:
    """Results by base commit, environment, and a check's kind and command. Only what ended by itself is kept."""

    folder: Path

    def find(self, commit: str, environment: str, check: Check) -> CheckResult | None:
        """What is known, with no line in this task's log; None where nothing is, or nothing that can be read."""
        try:
            kept = json.loads(self._path(commit, environment, check).read_text("utf-8"))
            run = Run(**{**kept["run"], "line": 0})
            results = kept["results"]
            if results is None:
                return CheckResult(run, None)
            tests = tuple(CaseResult(name, CaseState(state)) for name, state in results["tests"])
            return CheckResult(run, Results(tests, results["reported"]))
        except (OSError, ValueError, TypeError, KeyError):
            return None  # half written by a killed worker, or never: it is run again

    def keep(self, commit: str, environment: str, check: Check, *, ran: CheckResult) -> None:
        """Keep a result; the oldest ones make room. Where the disk will not have it, the base only runs again."""
        if ran.run.reason != "exit":
            return
        tests = [(test.name, test.state) for test in ran.results.tests] if ran.results else []
        results = {"tests": tests, "reported": ran.results.reported} if ran.results else None
        path = self._path(commit, environment, check)
        part = path.with_suffix(f".{os.getpid()}.part")
        with suppress(OSError):  # a full disk; or another worker that made room at the same moment
            self.folder.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps({"run": asdict(ran.run), "results": results}), "utf-8")
            part.rename(path)
            self._make_room()

    def _make_room(self) -> None:
        kept = sorted((path.stat().st_mtime, path) for path in self.folder.glob("*.json"))
        for _, path in kept[:-MAX_KEPT]:
            path.unlink(missing_ok=True)
        for part in self.folder.glob("*.part"):  # of workers that were killed while they wrote
            if time.time() - part.stat().st_mtime > STALE_SECONDS:
                part.unlink(missing_ok=True)

    def _path(self, commit: str, environment: str, check: Check) -> Path:
        # A command can be the lint and the test: only of a test are single results read.
        text = json.dumps([VERSION, commit, environment, check.kind, check.command])
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()}.json"
