"""``dayhand rehearse``: a GitHub and a scripted model on this machine, to try the set-up with. Nothing is kept."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from dayhand.demo.command_output import all_output, play_turns
from dayhand.demo.fixtures import LABEL, MAINTAINER, OUTSIDER
from dayhand.errors import DayhandError, ExitCode
from dayhand.localhub.server import HOST, LocalHub
from dayhand.scripted_model.moves import (
    Finish,
    Move,
    Patch,
    Script,
    ScriptState,
    Shell,
    ToolCall,
)
from dayhand.scripted_model.server import ScriptedServer

ORGANIZATION, REPOSITORY = "acme", "acme/shop"
WRONG = "    return sum(prices) + 1\n"
FILES = {
    "Makefile": "test:\n\tpython3 -m unittest\n",
    "README.md": "# Shop\n\n`make test` runs the tests.\n",
    "shop.py": f"def total(prices):\n{WRONG}",
    "test_shop.py": (
        "import unittest\n\nfrom shop import total\n\n\nclass Totals(unittest.TestCase):\n"
        "    def test_a_price_is_added(self):\n"
        "        self.assertEqual(total([2, 3]) - total([2]), 3)\n"
    ),
}
TITLE, BODY = "Totals are one too high", "An empty cart costs 1. It should cost nothing."
PATCH = """\
*** Begin Patch
*** Update File: shop.py
@@
-    return sum(prices) + 1
+    return sum(prices)
*** Update File: test_shop.py
@@
 class Totals(unittest.TestCase):
+    def test_an_empty_cart_costs_nothing(self):
+        self.assertEqual(total([]), 0)
+
     def test_a_price_is_added(self):
*** End Patch
"""


def rehearse(port: int) -> int:
    """Serve both until Ctrl-C: the local GitHub on this port, the model on the next. Raises ``DayhandError``."""
    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    for each in (port, port + 1):
        _require_free(each)
    with (
        tempfile.TemporaryDirectory(prefix="dayhand-rehearsal-") as folder,
        LocalHub(Path(folder), port=port) as hub,
        ScriptedServer(SCRIPTS, port=port + 1) as model,
    ):
        issue = _create_repository(hub)
        print(
            f"A local GitHub is at {hub.url}. It ends with Ctrl-C, and keeps nothing.\n"
            f"A scripted model is at {model.base_url}. It fixes the issue below, and can do nothing else.\n\n"
            f"Register the App for the organization {ORGANIZATION}, and install it on {REPOSITORY}.\n"
            f"Then add the label “{LABEL}” to {issue}",
            flush=True,
        )
        stopped.wait()
    return ExitCode.OK


def _require_free(port: int) -> None:
    """Raise ``DayhandError`` unless a server can listen on this port."""
    try:
        socket.create_server((HOST, port)).close()
    except (OSError, OverflowError) as error:
        reason = (
            os.strerror(error.errno).lower() if isinstance(error, OSError) and error.errno else "not a port"
        )
        raise DayhandError(
            f"{HOST}:{port} cannot be used: {reason}.",
            advice="Choose two other ports with --port: the model has the one after the local GitHub's.",
        ) from error


def _create_repository(hub: LocalHub) -> str:
    """The maintainer's organization and repository; gives the address of the issue in it."""
    actions = hub.actions
    actions.add_organization(ORGANIZATION, actions.add_user(MAINTAINER, "Ada"))
    repo = actions.add_repository(REPOSITORY, FILES)
    repo.collaborators[MAINTAINER] = "admin"
    actions.ensure_label(repo, LABEL)
    issue = actions.open_issue(repo, actions.add_user(OUTSIDER, "Bob"), TITLE, body=BODY)
    return f"{hub.url}/{REPOSITORY}/issues/{issue.number}"


def _look(_: ScriptState) -> Sequence[Move]:
    return (Shell("cat shop.py test_shop.py && make test"),)


def _fix(_: ScriptState) -> Sequence[Move]:
    return Patch(PATCH), Shell("make test")


def _finish(_: ScriptState) -> Sequence[Move]:
    return (
        Finish(
            "Count nothing twice", "The sum began at one. A new test holds that an empty cart costs nothing."
        ),
    )


def _already_done(state: ScriptState) -> Sequence[Move]:
    if WRONG in all_output(state):
        return ()
    return (
        Finish("Leave the totals as they are", "I looked at `shop.py`: an empty cart costs nothing there."),
    )


SCRIPTS = (
    Script(  # the question of `dayhand setup` and `dayhand doctor`
        "doctor",
        lambda prompt: "report_colour" in prompt,
        lambda _: (ToolCall("report_colour", '{"colour": "red"}'),),
    ),
    Script("shop", lambda _: True, play_turns(_look, _fix, _finish, already_done=_already_done)),
)
