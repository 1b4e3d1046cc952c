"""A real Chromium without a window, which tests click through pages with.

It is driven by its debugging pipe, so no port is opened: https://chromedevtools.github.io/devtools-protocol
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine: the page is not tried in a browser"
)
SECONDS = 100.0


class Page:
    """One tab."""

    def __init__(self, reader: int, writer: int) -> None:
        self._reader, self._writer = os.fdopen(reader, "rb", 0), os.fdopen(writer, "wb", 0)
        self._last, self._session, self._read = 0, "", b""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._last += 1
        request = {"id": self._last, "method": method, "params": params}
        request |= {"sessionId": self._session} if self._session else {}
        self._writer.write(json.dumps(request).encode() + b"\0")
        while True:
            while b"\0" not in self._read:
                self._read += self._reader.read(65536) or pytest.fail("Chromium has ended")
            line, _, self._read = self._read.partition(b"\0")
            reply = json.loads(line)
            if reply.get("id") == self._last:
                assert "error" not in reply, reply
                return reply["result"]

    def open(self, address: str) -> None:
        self.call("Page.navigate", url=address)

    def value(self, expression: str) -> Any:
        """A JavaScript expression's value; None while a page is on its way."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def wait(self, expression: str) -> Any:
        """Wait until an expression is true; gives its value."""
        ends = time.monotonic() + SECONDS
        while not (value := self.value(expression)):
            assert time.monotonic() < ends, (expression, self.value("document.body.innerText"))
            time.sleep(0.1)  # each look lays out the page
        return value

    def click(self, selector: str) -> None:
        """Wait for an element, and click it as a person does."""
        where = f"document.querySelector({json.dumps(selector)})"
        self.wait(f"document.readyState === 'complete' && !!{where}")
        self.value(f"{where}.click()")

    def resize(self, width: int) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    def screenshot(self, path: Path, *, width: int = 1200) -> None:
        self.resize(width)
        path.write_bytes(self._capture())

    def picture(self, path: Path, selector: str, *, margin: int = 6) -> None:
        """Take a picture of the elements that a selector finds, from the first one's top to the last one's end."""
        found = (
            f"[...document.querySelectorAll({json.dumps(selector)})].map(one => one.getBoundingClientRect())"
        )
        self.wait(f"document.readyState === 'complete' && {found}.length > 0")
        top, bottom = self.value(
            f"(found => [found[0].top + scrollY, found.at(-1).bottom + scrollY])({found})"
        )
        clip = {
            "x": 0, "width": self.value("innerWidth"), "scale": 1,
            "y": top - margin, "height": bottom - top + 2 * margin,
        }  # fmt: skip
        path.write_bytes(self._capture(clip=clip))

    def _capture(self, **params: Any) -> bytes:
        return base64.b64decode(
            self.call("Page.captureScreenshot", captureBeyondViewport=True, **params)["data"]
        )

    def close(self) -> None:
        self._reader.close()
        self._writer.close()


@contextmanager
def chromium(profile: Path) -> Iterator[Page]:
    """A browser with a new profile in this folder."""
    assert CHROMIUM
    to_browser, from_browser = os.pipe(), os.pipe()
    command = [CHROMIUM, *QUIET, f"--user-data-dir={profile}", "--remote-debugging-pipe"]
    shell = f'exec "$@" 3<&{to_browser[0]} 4>&{from_browser[1]}'
    with subprocess.Popen(
        ["bash", "-c", shell, "bash", *command],
        pass_fds=(to_browser[0], from_browser[1]),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as browser:
        os.close(to_browser[0])
        os.close(from_browser[1])
        page = None
        try:
            page = Page(from_browser[0], to_browser[1])
            yield page
        finally:
            browser.kill()
            if page:
                page.close()
