"""How test runners are asked for a report beside what people read, and how the reports come out of the box.

They are asked through variables, so the command stays the repository's own, also behind ``make test`` and ``npm test``.
"""

from __future__ import annotations

from collections.abc import Mapping

from dayhand.box_paths import WORKSPACE
from dayhand.environment.base import Environment
from dayhand.sandbox.base import Box, Result

REPORT_BYTES = 16 * 1024 * 1024  # of all reports of one run
# Inside .git, which a check's tools pass over and which is made anew in every box.
PLACE = f"{WORKSPACE}/.git/dayhand-report"
MARK = f"{PLACE}-begun"
ASKING = {
    # https://docs.pytest.org/en/stable/reference/reference.html#envvar-PYTEST_ADDOPTS
    "PYTEST_ADDOPTS": f"--junitxml={PLACE}.pytest.xml -o junit_family=xunit2",
    # https://nodejs.org/api/test.html#multiple-reporters: from 18.17 on; what does not test passes it over.
    "NODE_OPTIONS": "--test-reporter=spec --test-reporter-destination=stdout "
    f"--test-reporter=junit --test-reporter-destination={PLACE}.node.xml",
    # https://rspec.info/features/3-13/rspec-core/configuration/read-options-from-file/
    "SPEC_OPTS": f"--format progress --format json --out {PLACE}.rspec.json",
}
REFUSED = ("--junitxml", "--test-reporter")
# Maven and Gradle write theirs into the tree, and always do; one that lay there before is not of this run.
JAVA = frozenset(["Maven", "Gradle"])
IN_TREE = "-path '*/target/*-reports/TEST-*.xml' -o -path '*/build/test-results/*/TEST-*.xml'"
EACH = ' | xargs -0 -r -I{} sh -c \'cat "$1"; printf "\\000"\' sh {}'


def asking(env: Mapping[str, str]) -> Mapping[str, str]:
    """``env`` with what asks each runner for a report; a repository's own words there stay."""
    return {**env, **{name: f"{env.get(name, '')} {words}".strip() for name, words in ASKING.items()}}


def refused(result: Result) -> bool:
    """Whether the command failed over being asked: an old runner, or one that was given another report to write."""
    return result.code not in (0, None) and any(words in result.text() for words in REFUSED)


def prepare(place: Environment, box: Box) -> None:
    """Before the run: where reports stand in the tree, tell old ones by a mark."""
    if JAVA.intersection(place.ecosystems):
        box.run(["/usr/bin/touch", MARK])


def collect(place: Environment, box: Box) -> tuple[str, ...]:
    """After the run: the reports' texts. Too much of them reads as one that is cut."""
    find = ""
    if JAVA.intersection(place.ecosystems):
        find = f"find . -name .git -prune -o -type f \\( {IN_TREE} \\) -newer {MARK} -print0 | sort -z"
    script = (
        f'{{ for file in {PLACE}.*; do [ ! -f "$file" ] || {{ cat "$file"; printf \'\\000\'; }}; done; '
        f"{find or ':'}{EACH if find else ''}; }} | head -c {REPORT_BYTES + 1}"
    )
    poured = box.check_output(["/bin/sh", "-c", script], max_bytes=REPORT_BYTES + 1)
    return tuple(one for one in poured.decode("utf-8", "replace").split("\0") if one.strip())
