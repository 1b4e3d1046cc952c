"""From a folder without an App to a labelled issue, in a real browser and with a break in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dayhand.ledger.redis_server import embedded
from dayhand.localhub.server import LocalHub
from dayhand.scripted_model.moves import Script, ToolCall
from dayhand.scripted_model.name import SCRIPTED_MODEL
from dayhand.scripted_model.server import ScriptedServer
from tests.browser import chromium, needs_chromium
from tests.commands.test_up import answers, free_port, wait_for

OURS = ("DAYHAND_", "GITHUB_", "OPENAI_", "REDIS_", "BROWSER", "DISPLAY")


@contextmanager
def dayhand(*arguments: str, folder: Path, **env: str) -> Iterator[subprocess.Popen[str]]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    with subprocess.Popen(
        [sys.executable, "-m", "dayhand.cli", *arguments],
        cwd=folder,
        env={**plain, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def start_page(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return next(line.strip() for line in process.stdout if "/start/" in line)


@needs_chromium
def test_an_app_is_registered_installed_and_reached(tmp_path: Path) -> None:
    port = free_port()
    script = Script("setup", lambda _: True, lambda _: [ToolCall("report_colour", '{"colour": "red"}')])
    with (
        LocalHub(tmp_path / "github") as hub,
        embedded(tmp_path / "redis") as redis_url,
        ScriptedServer([script]) as model,
        chromium(tmp_path / "profile") as page,
    ):
        hub.actions.add_organization("acme", hub.actions.add_user("ada", "Ada"))
        hub.actions.add_repository("acme/shop", {"README.md": "# Shop\n"})
        folder, env = (
            tmp_path / "dayhand",
            {"OPENAI_BASE_URL": model.base_url, "DAYHAND_MODEL": SCRIPTED_MODEL},
        )
        env |= {"DAYHAND_PORT": f"{port}", "DAYHAND_DATA": f"{folder}/data", "REDIS_URL": redis_url}
        folder.mkdir()
        (folder / ".env").write_text("DAYHAND_LABEL=robot # ours\n")
        choices = ("--org", "acme", "--enterprise-url", hub.url, "--url", f"http://127.0.0.1:{port}")
        with dayhand("setup", *choices, folder=folder, **env) as first:
            page.open(start_page(first))
            page.click("#register")
            page.wait("document.querySelector('#create') && location.pathname.startsWith('/settings/apps')")
            first.send_signal(signal.SIGKILL)
        with dayhand("setup", folder=folder, **env) as second:
            start_page(second)
            page.click("#create")
            install = page.wait(
                "document.querySelector('#install') && document.querySelector('#install').href"
            )
            assert page.value("location.pathname").startswith("/status/"), "the code left the address"
            with dayhand("web", folder=folder, **env):
                wait_for("the web server", lambda: answers(f"http://127.0.0.1:{port}"))
                status = page.value("location.href")
                page.open(install)
                page.click("input[value='acme/shop']")
                page.click("#install")
                page.wait("document.body.innerText.includes('Installed on acme')")
                page.open(status)
                page.wait("document.body.innerText.includes('Dayhand is set up')")
                said = page.value("document.body.innerText")
                assert second.wait(timeout=20) == 0
        assert "Label an issue robot." in said
        assert "GitHub's ping arrived" in said
        assert "scripted calls tools" in said
        assert (folder / ".env").read_text().startswith("DAYHAND_LABEL=robot # ours\n")
        assert {one.name for one in folder.iterdir() if one.name.startswith(".dayhand")} == set()
        kept = [path for path in folder.iterdir() if path.is_file()]
        assert {(path.stat().st_mode & 0o777) for path in kept} == {0o600}
        assert len(kept) == 2
