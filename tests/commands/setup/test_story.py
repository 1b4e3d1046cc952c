"""What docs/setup.md says under “Rehearse on a local GitHub”: its commands, typed as they are, and a real browser."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from dayhand.child_process import reserved_port
from tests.browser import chromium, needs_chromium
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[3]
OURS = ("DAYHAND_", "GITHUB_", "OPENAI_", "REDIS_", "BROWSER", "DISPLAY")
GITHUB, MODEL, WEB = "8000", "8001", "8080"  # the page's ports
DATA = "/tmp/dayhand-rehearsal"


def commands() -> list[str]:
    """The blocks of the section, in their order."""
    page = (ROOT / "docs" / "setup.md").read_text(encoding="utf-8")
    section = page.partition("## Rehearse on a local GitHub\n")[2].partition("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


@contextmanager
def terminal(folder: Path, script: str) -> Iterator[subprocess.Popen[str]]:
    """A shell that does what a person typed, until the block ends."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    *first, last = script.strip().splitlines()
    with subprocess.Popen(
        ["/bin/sh", "-e", "-c", "\n".join([*first, f"exec {last}"])],
        cwd=folder,
        env=plain,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=PATIENCE)
            finally:
                process.kill()


def line_with(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout
    return next((line.strip() for line in process.stdout if words in line), "")


@pytest.fixture
def ports() -> Iterator[dict[str, str]]:
    """Ports for the page's: the model has the one after GitHub's."""
    with ExitStack() as stack:
        while True:
            github, model = stack.enter_context(reserved_port()), stack.enter_context(socket.socket())
            model.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                model.bind(("127.0.0.1", github + 1))
                break
        yield {GITHUB: f"{github}", MODEL: f"{github + 1}", WEB: f"{stack.enter_context(reserved_port())}"}


@pytest.fixture
def checkout() -> Iterator[Path]:
    """A folder that sandboxes' users can pass through, also where root runs the tests."""
    with tempfile.TemporaryDirectory(prefix="dayhand-rehearsal-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


@needs_chromium
def test_the_page_leads_from_a_checkout_to_a_pull_request(checkout: Path, ports: dict[str, str]) -> None:
    """The set-up is killed in its middle, and typed again."""
    (checkout / ".venv").symlink_to(Path(sys.executable).parents[1])
    rehearse, setup, up = (
        re.sub(rf"\b({GITHUB}|{MODEL}|{WEB})\b", lambda found: ports[found[0]], block) for block in commands()
    )
    rehearse = rehearse.strip() + f" --port {ports[GITHUB]}"
    setup = setup.replace(f"{DATA}\n", f"{checkout}/data\nDAYHAND_PORT={ports[WEB]}\n")
    with terminal(checkout, rehearse) as github, chromium(checkout / "profile") as page:
        issue = line_with(github, "/issues/1").rpartition(" ")[2]
        with terminal(checkout, setup) as first:
            page.open(line_with(first, "/start/"))
            page.click("#register")
            page.wait("document.querySelector('#create') && location.pathname.startsWith('/settings/apps')")
            first.send_signal(signal.SIGKILL)
        with terminal(checkout, up.replace("dayhand up", "dayhand setup")) as second:
            line_with(second, "/start/")
            page.click("#create")
            install = page.wait(
                "document.querySelector('#install') && document.querySelector('#install').href"
            )
            assert page.value("location.pathname").startswith("/status/"), "the code left the address"
            status = page.value("location.href")
            page.open(install)
            page.click("input[value='acme/shop']")
            page.click("#install")
            page.wait("document.body.innerText.includes('Installed on acme')")
            page.open(status)
            with terminal(checkout, up) as server:
                assert line_with(server, "Dayhand is up")
                page.wait("document.body.innerText.includes('Dayhand is set up')")
                result = page.value("document.body.innerText")
                assert second.wait(timeout=PATIENCE) == 0
                page.open(issue)
                page.click("form[action$='/label'] button")
                page.wait("document.body.innerText.includes('Linked pull request')")
                page.open(issue.replace("/issues/1", "/pull/2"))
                page.wait("document.body.innerText.includes('Review requested from ada')")
                proposed = page.value("document.body.innerText")
    assert "Label an issue codex." in result
    assert "GitHub's ping arrived" in result
    assert "scripted calls tools" in result
    assert "Red to green: 1 test fails without the change" in proposed
    folder = checkout / "rehearsal"
    assert (folder / ".env").read_text().startswith("OPENAI_BASE_URL=")
    assert {one.name for one in folder.iterdir() if one.name.startswith(".dayhand")} == set()
    kept = [file for file in folder.iterdir() if file.is_file()]
    assert {(file.stat().st_mode & 0o777) for file in kept} == {0o600}
    assert len(kept) == 2
