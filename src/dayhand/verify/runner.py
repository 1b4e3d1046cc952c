"""One run of one check in a clean box, with the single tests' results where a runner tells them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dayhand.environment.base import Environment, Log
from dayhand.environment.ecosystems.base import Check
from dayhand.sandbox.base import Box, CommandLimits, Result, Sandbox
from dayhand.sandbox.output import LiveOutput
from dayhand.verification import Run
from dayhand.verify.reports import collect
from dayhand.verify.reports.read import Results, read_results
from dayhand.verify.trees import Fill

CHECK_SECONDS = 900.0
# Commands that start pytest themselves, in this box: then a report must come.
PYTEST = re.compile(
    r"^(?:cd \S+ && )?(?:\w+=\S+ |[\w./-]*(?:python[\d.]*|uv|poetry|pdm|pipenv|hatch|rye) |(?:run|-m) )*\S*(?:pytest|py\.test)(?=\s|$)"
)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A run, and what it says of single tests."""

    run: Run
    results: Results | None
    silent: bool = False  # its runner was asked for a report, and passed without writing one

    @property
    def failing(self) -> frozenset[str]:
        return self.results.failing if self.results else frozenset()


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs checks of one environment. The command is the one that people read: a report is asked for beside it."""

    place: Environment
    sandbox: Sandbox
    log: Log

    def run(self, check: Check, fill: Fill) -> CheckResult:
        """Run a check on the tree that ``fill`` brings, and read its report."""
        with self.sandbox.open(origin=self.place.snapshot) as box:
            fill(box)
            line = self.log.line("command", check.command)
            result, reports = self._run(box, check)
        output = result.text()
        run = Run(check.command, result.code, result.reason.value, result.seconds, output, line)
        whole = result.size <= len(result.head) + len(result.tail)
        results = read_results(reports or (), output if whole else "") if check.kind == "test" else None
        silent = reports == () and run.passed and bool(PYTEST.match(check.command))
        return CheckResult(run, results, silent)

    def _run(self, box: Box, check: Check) -> tuple[Result, tuple[str, ...] | None]:
        """The result and what was reported; None where no report could be asked for."""
        if check.kind != "test":
            return self._tell(box, check, self.place.env), None
        collect.prepare(self.place, box)
        result = self._tell(box, check, collect.asking(self.place.env))
        if collect.refused(result):
            return self._tell(box, check, self.place.env), None
        return result, collect.collect(self.place, box)

    def _tell(self, box: Box, check: Check, env: Mapping[str, str]) -> Result:
        """Run a check with its output in the log as it comes."""
        limits = CommandLimits(seconds=CHECK_SECONDS)
        live = LiveOutput(lambda text: self.log.line("output", text), limits.keep_bytes)
        result = box.run(
            check.command, env=env, limits=limits, on_output=live.write, cancelled=live.flush_if_due
        )
        live.finish(result)
        return result
