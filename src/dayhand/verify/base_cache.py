"""Results of checks on base commits, kept on the worker's disk, because many tasks start from the same commit."""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from dayhand.environment.ecosystems.base import Check
from dayhand.sandbox.private_folder import make_private
from dayhand.startup.records import dataclass
from dayhand.typed_json import parse
from dayhand.verification import Run
from dayhand.verify.reports.base import CaseResult, CaseState
from dayhand.verify.reports.read import Results
from dayhand.verify.runner import CheckResult

VERSION = 3  # of the stored format: results of another version are not read
MAX_KEPT = 400
STALE_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class _StoredResults:
    tests: tuple[tuple[str, CaseState], ...]  # without what a failing test printed
    reported: bool
    counted: bool


@dataclass(frozen=True, slots=True)
class _Stored:
    """One file."""

    run: Run
    results: _StoredResults | None


@dataclass(frozen=True, slots=True)
class BaseCache:
    """Results by base commit, environment, and a check's kind and command. Runs that were cut short are not kept."""

    folder: Path

    def find(self, commit: str, environment: str, check: Check) -> CheckResult | None:
        """The stored result, without a line in this task's log; None if there is none that can be read."""
        try:
            stored = parse(_Stored, self._path(commit, environment, check).read_text("utf-8"))
        except (OSError, ValueError):
            return None  # missing, or half written by a killed worker: the check is run again
        run = replace(stored.run, line=0)
        if stored.results is None:
            return CheckResult(run, None)
        tests = tuple(CaseResult(name, state) for name, state in stored.results.tests)
        return CheckResult(run, Results(tests, stored.results.reported, stored.results.counted))

    def keep(self, commit: str, environment: str, check: Check, *, result: CheckResult) -> None:
        """Store a result, and delete the oldest ones beyond the limit. If the disk refuses, the base only runs again."""
        if result.run.reason != "exit":
            return
        results = None
        if result.results:
            tests = tuple((test.name, test.state) for test in result.results.tests)
            results = _StoredResults(tests, result.results.reported, result.results.counted)
        path = self._path(commit, environment, check)
        part = path.with_suffix(f".{os.getpid()}.part")
        with suppress(OSError):  # a full disk, or another worker that deletes old results at the same moment
            make_private(self.folder)
            part.write_text(json.dumps(asdict(_Stored(result.run, results))), "utf-8")
            part.rename(path)
            self._delete_oldest()

    def _delete_oldest(self) -> None:
        stored = sorted((path.stat().st_mtime, path) for path in self.folder.glob("*.json"))
        for _, path in stored[:-MAX_KEPT]:
            path.unlink(missing_ok=True)
        for part in self.folder.glob("*.part"):  # left by workers that were killed while writing
            if time.time() - part.stat().st_mtime > STALE_SECONDS:
                part.unlink(missing_ok=True)

    def _path(self, commit: str, environment: str, check: Check) -> Path:
        # One command can be both lint and test; results of single tests are read for a test only.
        text = json.dumps([VERSION, commit, environment, check.kind, check.command])
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()}.json"
