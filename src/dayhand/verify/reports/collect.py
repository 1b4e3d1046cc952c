"""How test runners are made to write a report next to their usual output, and how the reports leave the box.

They are asked through environment variables, so that the command stays the repository's own and it also works behind
``make test`` and ``npm test``. A runner with no such variable for its reports is reached through its language's: the
files in ``hooks`` are put into the box and loaded by it.
"""

from __future__ import annotations

import functools
import io
import tarfile
from collections.abc import Mapping
from importlib.resources import files

from dayhand.box_paths import WORKSPACE
from dayhand.environment.base import Environment
from dayhand.sandbox.base import Box, Result
from dayhand.startup.records import dataclass

REPORT_BYTES = 16 * 1024 * 1024  # of all reports of one run
# Inside .git, which the tools of checks ignore and which is created anew in every box.
REPORT_FOLDER = f"{WORKSPACE}/.git/dayhand-report"
START_MARK = f"{REPORT_FOLDER}/begun"


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable, ``value`` with the report's folder for ``{}``. It comes after what the repository sets."""

    value: str
    separator: str = " "
    first: bool = (
        False  # or before it: only the first ``sitecustomize`` is loaded, and ours loads the next one
    )
    own: bool = True  # nobody else has a reason to touch it: code that does is listed


REPORT_OPTIONS = {
    # https://docs.pytest.org/en/stable/reference/reference.html#envvar-PYTEST_ADDOPTS
    "PYTEST_ADDOPTS": Variable("--junitxml={}/reports/pytest.xml -o junit_family=xunit2"),
    # https://nodejs.org/api/test.html#multiple-reporters: since 18.17; programs that are not tests ignore it.
    "NODE_OPTIONS": Variable(
        "--require={0}/hooks/node.cjs --test-reporter=spec --test-reporter-destination=stdout "
        "--test-reporter=file://{0}/hooks/node-reporter.mjs --test-reporter-destination={0}/reports/node.json"
    ),
    # https://rspec.info/features/3-13/rspec-core/configuration/read-options-from-file/
    "SPEC_OPTS": Variable("--format progress --format json --out {}/reports/rspec.json"),
    # https://docs.python.org/3/library/site.html#module-sitecustomize
    "PYTHONPATH": Variable("{}/hooks/python", ":", first=True, own=False),
    # https://github.com/minitest/minitest#writing-extensions
    "RUBYLIB": Variable("{}/hooks/ruby", ":", own=False),
    # https://www.php.net/manual/en/configuration.file.php#configuration.file.scan: after the usual folders.
    "PHP_INI_SCAN_DIR": Variable(":{}/hooks/php", ""),
    # https://pkg.go.dev/cmd/go#hdr-Compile_and_run_Go_program: flags that a command does not know are ignored.
    "GOFLAGS": Variable("-exec={}/hooks/go-exec", own=False),
    # https://github.com/microsoft/vstest/blob/main/src/Microsoft.TestPlatform.Build: MSBuild reads variables as properties.
    "VSTestLogger": Variable("trx", ";"),
    "VSTestResultsDirectory": Variable("{}/reports", ""),
}
# Where each hook lies in the report's folder.
HOOKS = {
    "hooks/node.cjs": "node.cjs",
    "hooks/node-reporter.mjs": "node-reporter.mjs",
    "hooks/python/sitecustomize.py": "sitecustomize.py",
    "hooks/python/dayhand_unittest.py": "dayhand_unittest.py",
    "hooks/ruby/minitest/dayhand_plugin.rb": "dayhand_plugin.rb",
    "hooks/php/prepend.php": "prepend.php",
    "hooks/go-exec": "go-exec",
}
REFUSABLE_OPTIONS = ("--junitxml", "--test-reporter", "dayhand-report/hooks")
# Maven and Gradle always write their reports into the tree; older ones there belong to another run.
JAVA_BUILD_TOOLS = frozenset(["Maven", "Gradle"])
JAVA_REPORTS = "-path '*/target/*-reports/TEST-*.xml' -o -path '*/build/test-results/*/TEST-*.xml'"
# The files in a folder and below it, each with a NUL after it: by the shell, since a run has one or two.
CAT_ALL = r"""
cat_all() {
  for path in "$1"/*; do
    if [ -L "$path" ]; then continue
    elif [ -d "$path" ]; then cat_all "$path"
    elif [ -f "$path" ]; then cat "$path"; printf '\000'; fi
  done
}
"""
CAT_EACH = ' | xargs -0 -r -I{} sh -c \'cat "$1"; printf "\\000"\' sh {}'


def with_report_options(env: Mapping[str, str], folder: str = REPORT_FOLDER) -> Mapping[str, str]:
    """``env`` with the variables that make each runner write a report, after the repository's own values."""
    return {
        **env,
        **{name: _joined(env.get(name, ""), variable, folder) for name, variable in REPORT_OPTIONS.items()},
    }


def _joined(old: str, variable: Variable, folder: str) -> str:
    new = variable.value.format(folder)
    if not old:
        return new
    return variable.separator.join((new, old) if variable.first else (old, new))


@functools.cache
def hook_archive(folder: str = REPORT_FOLDER) -> bytes:
    """The hooks, as a tar archive for ``folder``."""
    hooks = files("dayhand.verify.reports.hooks")
    contents = {path: hooks.joinpath(name).read_bytes() for path, name in HOOKS.items()}
    contents["hooks/php/dayhand.ini"] = f"auto_prepend_file={folder}/hooks/php/prepend.php\n".encode()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path, content in contents.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()


def refused_report_options(result: Result) -> bool:
    """Whether the command failed because of the options: an old runner, or one with a reporter of its own."""
    return result.code not in (0, None) and any(option in result.text() for option in REFUSABLE_OPTIONS)


def prepare(box: Box) -> None:
    """Before the run: put the hooks into the box, and mark the time, to tell older reports in the tree from new ones."""
    box.run(
        [
            "/bin/sh",
            "-c",
            f"mkdir -p {REPORT_FOLDER}/reports && tar xf - -C {REPORT_FOLDER} && : > {START_MARK}",
        ],
        stdin=hook_archive(),
    )


def collect(environment: Environment, box: Box) -> tuple[str, ...]:
    """After the run: the texts of the reports. Beyond the limit, the last one is cut off and so cannot be read."""
    find = f"cat_all {REPORT_FOLDER}/reports"
    if JAVA_BUILD_TOOLS.intersection(environment.ecosystems):
        find += f"; find . -name .git -prune -o -type f \\( {JAVA_REPORTS} \\) -newer {START_MARK} -print0 | sort -z{CAT_EACH}"
    output = box.check_output(
        ["/bin/sh", "-c", f"{CAT_ALL}{{ {find}; }} | head -c {REPORT_BYTES + 1}"], max_bytes=REPORT_BYTES + 1
    )
    return tuple(text for text in output.decode("utf-8", "replace").split("\0") if text.strip())
