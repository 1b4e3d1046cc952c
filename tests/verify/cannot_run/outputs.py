"""Real outputs of test runners, package clients and compilers, kept in ``outputs``.

``published.txt`` holds wordings from public issues, of tools that were not at hand; the others were made by the tools, in
boxes without a network, and shortened. A section opens with ``%% name | what is missing | exit code`` and its command.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dayhand.verification import Run
from dayhand.verify.reports.base import CaseResult, CaseState
from dayhand.verify.reports.read import Results, read_results
from dayhand.verify.runner import CheckResult

RUNS = "runs"  # instead of what is missing: these tests can run


@dataclass(frozen=True)
class Output:
    name: str
    missing: str
    result: CheckResult


def check_run(output: str, code: int = 1, command: str = "make test") -> CheckResult:
    """What a command printed, as the result of a check."""
    run = Run(command, code, "exit", 1.0, output, 1)
    return CheckResult(run, read_results((), output))


def reported(code: int = 1, output: str = "", **tests: str) -> CheckResult:
    """A run with a report: each test by its name, with what it says if it fails."""
    cases = [
        CaseResult(name, CaseState.FAILED if detail else CaseState.PASSED, detail)
        for name, detail in tests.items()
    ]
    return CheckResult(Run("pytest -q", code, "exit", 1.0, output, 1), Results(tuple(cases), reported=True))


def _outputs() -> dict[str, Output]:
    found = {}
    for path in sorted(Path(__file__).with_name("outputs").glob("*.txt")):
        for section in f"\n{path.read_text()}".split("\n%% ")[1:]:
            head, command, output = section.split("\n", 2)
            name, missing, code = head.split(" | ")
            result = check_run(output, int(code), command.removeprefix("$ "))
            found[name] = Output(name, missing, result)
    return found


OUTPUTS = _outputs()
