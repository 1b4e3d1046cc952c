"""One run of one check in a clean box, with the results of single tests if the test runner reports them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dayhand.environment.base import Environment, Log
from dayhand.environment.ecosystems.base import Check
from dayhand.environment.services.base import Started
from dayhand.environment.services.plan import assign_addresses, host_addresses
from dayhand.environment.services.start import find_command, start_script
from dayhand.errors import SandboxError
from dayhand.exit_codes import NOT_STARTED
from dayhand.sandbox.base import Box, CommandLimits, Reason, Result, Sandbox
from dayhand.sandbox.command import READ_LATE
from dayhand.sandbox.output import LiveOutput
from dayhand.startup.records import dataclass
from dayhand.verification import Run
from dayhand.verify.reports import collect
from dayhand.verify.reports.read import Results, read_results
from dayhand.verify.trees import Fill
from dayhand.verify.undeclared_services import describe, find_undeclared

CHECK_SECONDS = 900.0
MAX_RUNS_FOR_SERVICES = 3  # a server that is missing, then its user, then its database
RUNS_FOR_WHOLE_OUTPUT = 2
# Commands that start pytest in the box itself: these must write a report.
PYTEST = re.compile(
    r"^(?:cd \S+ && )?(?:\w+=\S+ |[\w./-]*(?:python[\d.]*|coverage|uv|poetry|pdm|pipenv|hatch|rye) |(?:run|-m) )*\S*(?:pytest|py\.test)(?=\s|$)"
)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A run, and the results of its single tests."""

    run: Run
    results: Results | None
    report_missing: bool = False  # pytest was asked for a report, passed, and did not write one

    @property
    def failing(self) -> frozenset[str]:
        return self.results.failing if self.results else frozenset()

    def missing_tool(self, check: Check) -> str:
        """Why the command could not be started; "" if it was."""
        if self.run.code not in NOT_STARTED:
            return ""
        last_line = self.run.output.strip().rpartition("\n")[2]
        return f"{check.tool} is not installed: {last_line or 'command not found'}"


@dataclass(slots=True)
class Runner:
    """Runs checks in one environment. People read the plain command; the report is requested by variables."""

    environment: Environment
    sandbox: Sandbox
    log: Log
    undeclared: tuple[
        Started, ...
    ] = ()  # services that the tests tried to reach, started for all further runs

    def run(self, check: Check, fill: Fill) -> CheckResult:
        """Run a check on the tree that ``fill`` puts into the box, and read its report.

        Tests that try to reach a service that nothing declares run again beside it, if its programs are there.
        Raises ``SandboxError`` if the box breaks or keeps losing output.
        """
        result = self._run_whole(check, fill)
        for _ in range(MAX_RUNS_FOR_SERVICES):
            if check.kind != "test" or result.run.passed or not self._finds_undeclared(result.run.output):
                break
            result = self._run_whole(check, fill)
        return result

    def _run_whole(self, check: Check, fill: Fill) -> CheckResult:
        """Run a check, and once more where the end of its output was lost: nothing is concluded from a part."""
        for _ in range(RUNS_FOR_WHOLE_OUTPUT):
            result = self._run_once(check, fill)
            if result.run.reason != Reason.TRUNCATED:
                return result
        raise SandboxError(f"The end of what `{check.command}` wrote was lost twice.", advice=READ_LATE)

    def _finds_undeclared(self, output: str) -> bool:
        """Whether the output names a service that can be started in addition."""
        before = tuple(each.declaration for each in self.undeclared)
        started = assign_addresses(find_undeclared(output, before))
        named = {each.declaration.host for each in self.environment.services} | {*self.environment.hosts}
        taken = {each.port for each in self.environment.services}
        wanted = [each for each in started if each.declaration.host not in named and each.port not in taken]
        with self.sandbox.open(origin=self.environment.origin) as box:
            found = tuple(
                each for each in wanted if box.run(find_command(each), env=self.environment.env).passed
            )
        if found == self.undeclared:
            return False
        self.undeclared = found
        for each in found:
            self.log.line(
                "say",
                f"The tests need {describe(each.declaration)}, which is not declared: they run again beside it. "
                "To have it in every command, declare it in `[services]` of `.dayhand.toml`.",
            )
        return True

    def _run_once(self, check: Check, fill: Fill) -> CheckResult:
        hosts = {**host_addresses(self.undeclared), **self.environment.hosts}
        with self.sandbox.open(origin=self.environment.origin, hosts=hosts) as box:
            fill(box)
            line = self.log.line("command", check.command)
            result, reports = self._run(box, check)
        output = result.text()
        run = Run(check.command, result.code, result.reason.value, result.seconds, output, line)
        is_complete = result.size <= len(result.head) + len(result.tail)
        results = read_results(reports or (), output if is_complete else "") if check.kind == "test" else None
        report_missing = reports == () and run.passed and bool(PYTEST.match(check.command))
        return CheckResult(run, results, report_missing)

    def _run(self, box: Box, check: Check) -> tuple[Result, tuple[str, ...] | None]:
        """The result and the reports; None if the runner would not write one."""
        if check.kind != "test":
            return self._run_logged(box, check, self.environment.env), None
        collect.prepare(box)
        result = self._run_logged(box, check, collect.with_report_options(self.environment.env))
        if collect.refused_report_options(result):
            return self._run_logged(box, check, self.environment.env), None
        return result, collect.collect(self.environment, box)

    def _run_logged(self, box: Box, check: Check, env: Mapping[str, str]) -> Result:
        """Run a check, with its output written to the log as it arrives."""
        limits = CommandLimits(seconds=CHECK_SECONDS)
        live = LiveOutput(lambda text: self.log.line("output", text), limits.keep_bytes)
        launcher = list(self.environment.launcher)
        if self.undeclared:
            launcher += ["/bin/sh", "-c", start_script(self.undeclared, has_templates=False), "sh"]
        result = box.run(
            [*launcher, "/bin/sh", "-c", check.command] if launcher else check.command,
            env=env,
            limits=limits,
            on_output=live.write,
            cancelled=live.flush_if_due,
        )
        live.finish(result)
        return result
