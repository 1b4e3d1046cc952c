"""The task's page in a real browser: the live log arrives by itself, and nothing hostile runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

from dayhand.ledger.ledger import Ledger
from dayhand.task import State
from tests.browser import CHROMIUM, QUIET, needs_chromium
from tests.dashboard.conftest import HOSTILE, TOKEN, a_task, start


@needs_chromium
def test_lines_arrive_in_the_open_page(served: str, ledger: Ledger, tmp_path: Path) -> None:
    assert CHROMIUM
    claim, log = start(ledger, a_task("t1"))
    log.line("say", "there from the start")
    command = [CHROMIUM, *QUIET, f"--user-data-dir={tmp_path}", "--virtual-time-budget=4000", "--dump-dom"]
    with subprocess.Popen(
        [*command, f"{served}/tasks/t1?token={TOKEN}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as browser:
        try:
            for number in range(5):
                log.line("output", f"arrived {number} {HOSTILE}<b id=evil>")
            ledger.finish(claim, State.ANSWERED)
            page, _ = browser.communicate(timeout=60)
        finally:
            browser.kill()
    assert "there from the start" in page
    assert "arrived 4" in page
    assert 'id="evil"' not in page
    assert "Answered" in page
