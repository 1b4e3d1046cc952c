"""One run of one check in a clean box, with the single tests' results where a runner tells them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dayhand.environment.base import Check, Environment, Log
from dayhand.sandbox.base import WORKSPACE, Box, Limits, Result, Sandbox
from dayhand.sandbox.live_output import LiveOutput
from dayhand.task import Run
from dayhand.verify.results import Results, read_results
from dayhand.verify.trees import Fill

CHECK_SECONDS = 900.0
REPORT_BYTES = 16 * 1024 * 1024
# Inside .git, which a check's tools pass over and which is made anew in every box.
REPORT = f"{WORKSPACE}/.git/dayhand-report.xml"
REPORTING = f"--junitxml={REPORT} -o junit_family=xunit2"
# Commands that start pytest themselves, in this box: then a report must come.
PYTEST = re.compile(
    r"^(?:cd \S+ && )?(?:\w+=\S+ |[\w./-]*(?:python[\d.]*|uv|poetry|pdm|pipenv|hatch|rye) |(?:run|-m) )*\S*(?:pytest|py\.test)(?=\s|$)"
)
USAGE_ERROR = 4  # pytest's own: https://docs.pytest.org/en/stable/reference/exit-codes.html


@dataclass(frozen=True, slots=True)
class Ran:
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
    say: Log

    def run(self, check: Check, fill: Fill) -> Ran:
        """Run a check on the tree that ``fill`` brings, and read its report."""
        with self.sandbox.open(origin=self.place.snapshot) as box:
            fill(box)
            line = self.say.line("command", check.command)
            result, report = self._run(box, check)
        output = result.text()
        run = Run(check.command, result.code, result.reason.value, result.seconds, output, line)
        whole = result.size <= len(result.head) + len(result.tail)
        results = read_results(report or "", output if whole else "") if check.kind == "test" else None
        silent = report == "" and run.passed and bool(PYTEST.match(check.command))
        return Ran(run, results, silent)

    def _run(self, box: Box, check: Check) -> tuple[Result, str | None]:
        """The result and what was reported; None where no report could be asked for."""
        if check.kind != "test":
            return self._tell(box, check, self.place.env), None
        options = f"{self.place.env.get('PYTEST_ADDOPTS', '')} {REPORTING}".strip()
        env = {**self.place.env, "PYTEST_ADDOPTS": options}  # it reaches pytest through make and scripts too
        result = self._tell(box, check, env)
        if (
            result.code == USAGE_ERROR and "--junitxml" in result.text()
        ):  # a pytest that was told not to have it
            return self._tell(box, check, self.place.env), None
        read = f"test ! -f {REPORT} || head -c {REPORT_BYTES + 1} {REPORT}"
        report = box.pour(["/bin/sh", "-c", read], most=REPORT_BYTES + 1)
        return result, report.decode("utf-8", "replace")

    def _tell(self, box: Box, check: Check, env: Mapping[str, str]) -> Result:
        """Run a check with its output in the log as it comes."""
        limits = Limits(seconds=CHECK_SECONDS)
        live = LiveOutput(lambda text: self.say.line("output", text), limits.keep_bytes)
        result = box.run(check.command, env=env, limits=limits, on_output=live.take, halted=live.tick)
        live.finish(result)
        return result
