"""How test runners are told to write a report next to their usual output, and how the reports leave the box.

They are told through environment variables, so that the command stays the repository's own and it also works behind
``make test`` and ``npm test``.
"""

from __future__ import annotations

from collections.abc import Mapping

from dayhand.box_paths import WORKSPACE
from dayhand.environment.base import Environment
from dayhand.sandbox.base import Box, Result

REPORT_BYTES = 16 * 1024 * 1024  # of all reports of one run
# Inside .git, which the tools of checks ignore and which is created anew in every box.
REPORT_PREFIX = f"{WORKSPACE}/.git/dayhand-report"
START_MARK = f"{REPORT_PREFIX}-begun"
REPORT_OPTIONS = {
    # https://docs.pytest.org/en/stable/reference/reference.html#envvar-PYTEST_ADDOPTS
    "PYTEST_ADDOPTS": f"--junitxml={REPORT_PREFIX}.pytest.xml -o junit_family=xunit2",
    # https://nodejs.org/api/test.html#multiple-reporters: since 18.17; programs that are not tests ignore it.
    "NODE_OPTIONS": "--test-reporter=spec --test-reporter-destination=stdout "
    f"--test-reporter=junit --test-reporter-destination={REPORT_PREFIX}.node.xml",
    # https://rspec.info/features/3-13/rspec-core/configuration/read-options-from-file/
    "SPEC_OPTS": f"--format progress --format json --out {REPORT_PREFIX}.rspec.json",
}
REFUSABLE_OPTIONS = ("--junitxml", "--test-reporter")
# Maven and Gradle always write their reports into the tree; older ones there belong to another run.
JAVA_BUILD_TOOLS = frozenset(["Maven", "Gradle"])
JAVA_REPORTS = "-path '*/target/*-reports/TEST-*.xml' -o -path '*/build/test-results/*/TEST-*.xml'"
CAT_EACH = ' | xargs -0 -r -I{} sh -c \'cat "$1"; printf "\\000"\' sh {}'


def with_report_options(env: Mapping[str, str]) -> Mapping[str, str]:
    """``env`` with the options that make each runner write a report, after the repository's own options."""
    return {
        **env,
        **{name: f"{env.get(name, '')} {options}".strip() for name, options in REPORT_OPTIONS.items()},
    }


def refused_report_options(result: Result) -> bool:
    """Whether the command failed because of the options: an old runner, or one with a reporter of its own."""
    return result.code not in (0, None) and any(option in result.text() for option in REFUSABLE_OPTIONS)


def prepare(environment: Environment, box: Box) -> None:
    """Before the run: mark the time, to tell older reports in the tree from new ones."""
    if JAVA_BUILD_TOOLS.intersection(environment.ecosystems):
        box.run(["/usr/bin/touch", START_MARK])


def collect(environment: Environment, box: Box) -> tuple[str, ...]:
    """After the run: the texts of the reports. Beyond the limit, the last one is cut off and so cannot be read."""
    find = ""
    if JAVA_BUILD_TOOLS.intersection(environment.ecosystems):
        find = f"find . -name .git -prune -o -type f \\( {JAVA_REPORTS} \\) -newer {START_MARK} -print0 | sort -z"
    script = (
        f'{{ for file in {REPORT_PREFIX}.*; do [ ! -f "$file" ] || {{ cat "$file"; printf \'\\000\'; }}; done; '
        f"{find or ':'}{CAT_EACH if find else ''}; }} | head -c {REPORT_BYTES + 1}"
    )
    output = box.check_output(["/bin/sh", "-c", script], max_bytes=REPORT_BYTES + 1)
    return tuple(text for text in output.decode("utf-8", "replace").split("\0") if text.strip())
