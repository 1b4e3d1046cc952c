"""``dayhand environment``: set a local repository up, and show which of its checks can run."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown

from dayhand.checkout.bundles import bundle_ref
from dayhand.checkout.commit_files import read_files
from dayhand.checkout.external.external import fetch_external
from dayhand.checkout.local_repository import find_repository
from dayhand.checkout.repository import open_local_store, open_mirror
from dayhand.commands.local import local_task, print_line
from dayhand.environment.base import Source
from dayhand.environment.prepare import prepare
from dayhand.environment.registries.base import ExtraRegistries
from dayhand.errors import ExitCode
from dayhand.publish.wording.environment import report
from dayhand.sandbox import clone
from dayhand.sandbox.base import Box
from dayhand.settings.required import require_data
from dayhand.settings.table import Settings
from dayhand.verify.examination import examine
from dayhand.wiring.sandboxes import open_snapshot_cache


class TerminalLog:
    """A log that is shown on standard error."""

    def __init__(self) -> None:
        self._lines = 0

    def line(self, kind: str, text: str) -> int:
        """Show a line; gives its number."""
        self._lines += 1
        print_line(kind, text)
        return self._lines


def examine_locally(settings: Settings, repo: Path, *, as_json: bool) -> int:
    """Set up the last commit of the repository at ``repo`` and run its checks once; 0 if all of them can run.

    It needs no account, Redis or model. Raises ``DayhandError`` without a repository or a sandbox.
    """
    require_data(settings)
    repository, log = find_repository(repo), TerminalLog()
    task = local_task(repository, "Look at the environment")
    mirror = open_mirror(settings.data, task.repository, "")
    with tempfile.TemporaryDirectory(prefix="dayhand-environment-") as folder:
        exchange = repository.open_exchange(Path(folder) / "exchange.git", dirty=False)
        branch = exchange.branch
        mirror.server.url = str(exchange.path)
        commit = mirror.fetch((branch,), "")[branch]

    files = read_files(mirror, commit)
    store = open_local_store(settings.data, task.repository, repository.git_dir)
    external = fetch_external(files, commit, "", neighbours=None, local=store)

    def fill(box: Box) -> None:
        clone.check_out(box, mirror.bundle(commit), ref=bundle_ref(commit), commit=commit, branch=branch)
        external.put(box)

    sandbox = open_snapshot_cache(settings)
    environment = prepare(
        files,
        sandbox,
        fill,
        log=log,
        source=Source(task.repository, mirror.tree(commit), trusted=True),  # the operator's own
        extra=ExtraRegistries.of(settings.registries),
    )
    environment = replace(environment, absent=external.absent)
    examination = examine(environment, sandbox, fill, log=log, commit=commit)
    if as_json:
        print(json.dumps({**asdict(examination), "ready": examination.ready}, ensure_ascii=False))
    else:
        Console().print(Markdown(report(examination)))
    return ExitCode.OK if examination.ready else ExitCode.FAILED
