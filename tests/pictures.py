"""The pictures of docs/commands.md, taken of the answers themselves: ``uv run --with pillow python -m tests.pictures``.

It starts what the journey tests start (a local GitHub, Redis, the web app, a scripted model and a worker), writes each
comment, and takes a picture of the answer in Chromium, as wide as a phone.
"""

from __future__ import annotations

import logging
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from dayhand.ledger.redis_server import embedded
from dayhand.localhub.state.models import CheckRun, Comment, Issue, Repository
from dayhand.localhub.state.reviews import LineNote
from dayhand.scripted_model.moves import Finish, Move, Patch, Shell
from tests.browser import Page, chromium
from tests.journey.harness import DONE, FIX, LINTED_SHOP, Harness, start_harness
from tests.waiting import becomes_true

IMAGES = Path(__file__).parents[1] / "docs" / "images"
WIDTH = 390
COLORS = 256
SECONDS_TO_STOP = 60
LINE = {"path": "shop.py", "line": 2, "quote": "return sum(prices)"}
ANSWER = Finish(
    "Yes", "Yes: `sum` of no prices is 0, and nothing is added to it any more.", citations=(LINE,)
)
PLAN = Finish(
    "Test an empty cart",
    "1. `test_shop.py`: test that an empty cart costs 0.\n2. `shop.py` stays as it is.\n\n"
    "Risk: low. Only the tests change.",
    citations=({**LINE, "quote": "return sum(prices, start=0)"},),
)
TEST = Patch(
    "*** Begin Patch\n*** Update File: test_shop.py\n@@ class Totals(unittest.TestCase):\n"
    "+    def test_an_empty_cart_is_free(self):\n+        self.assertEqual(total([]), 0)\n+\n"
    "     def test_nothing(self):\n*** End Patch"
)
START = Patch(
    "*** Begin Patch\n*** Update File: shop.py\n@@ def total(prices):\n-    return sum(prices)\n"
    "+    return sum(prices, start=0)\n*** End Patch"
)
STARTED = Finish("Say where the sum starts", "The start of the sum is written out.")
LONG = Patch("*** Begin Patch\n*** Add File: notes.py\n" + "+x = 1\n" * 9 + "*** End Patch")
ONLY = """((ids) => {
  for (const one of document.querySelectorAll("#conversation article.card"))
    if (!ids.includes(one.id)) one.remove();
  for (const one of document.querySelectorAll(".more")) one.remove();
  return true;
})"""


@dataclass(frozen=True, slots=True)
class Camera:
    """Ada in her repository on the local GitHub, and a browser that takes pictures of what she sees."""

    harness: Harness
    page: Page
    repo: Repository

    def issue(self, title: str = "Totals are one too high") -> Issue:
        return self.harness.issue(self.repo, title)

    def work(self, *turns: list[Move]) -> None:
        """Let the model play these turns in the task that waits."""
        self.harness.scripted_model.turns = list(turns)
        self.harness.work()

    def ask(self, name: str, issue: Issue, body: str, turns: Sequence[list[Move]] = ()) -> None:
        """Write a comment, let the model play these turns, and take a picture of the comment and what follows it."""
        before = len(issue.comments)
        self.harness.comment(self.repo, issue, body)
        if turns:
            self.work(*turns)
        self.comments(name, issue, issue.comments[before:])

    def comments(self, name: str, issue: Issue, shown: Sequence[Comment]) -> None:
        self._open(f"{'pull' if issue.pull else 'issues'}/{issue.number}")
        ids = [f"issuecomment-{one.id}" for one in shown]
        self.page.wait(f"document.readyState === 'complete' && {ONLY}({ids})")
        self._save(name, "#conversation article.card")

    def thread(self, name: str, pull: Issue) -> None:
        self._open(f"pull/{pull.number}")
        self._save(name, ".thread > p, .thread > div")

    def check(self, name: str, run: CheckRun) -> None:
        """The result; the log below it is long."""
        self._open(f"runs/{run.id}")
        self._save(name, "#run h1, #run .md > :not(ul, pre)")

    def _open(self, path: str) -> None:
        self.page.open("about:blank")
        self.page.wait("location.href === 'about:blank'")
        self.page.open(f"{self.harness.hub.url}/{self.repo.full_name}/{path}")
        self.page.wait("location.pathname.length > 1")

    def _save(self, name: str, selector: str) -> None:
        path = IMAGES / f"commands-{name}.png"
        self.page.picture(path, selector)
        with Image.open(path) as picture:
            picture.convert("RGB").quantize(COLORS).save(path, optimize=True)
        print(f"{path.name}: {path.stat().st_size / 1024:.1f} KB")


def show_answers_without_a_task(camera: Camera) -> None:
    issue = camera.issue()
    camera.ask("help", issue, "@bot help")
    camera.ask("allow", issue, "@bot allow registry.example.org")
    camera.ask("unknown", issue, "@bot fxi this")
    camera.harness.comment(camera.repo, issue, "@bot please fix this", by=camera.harness.bob)
    camera.comments("refused", issue, issue.comments[-2:])


def show_a_change_and_what_follows(camera: Camera) -> None:
    harness, repo = camera.harness, camera.repo
    camera.ask("fix", camera.issue(), "@bot please fix this", [[FIX], [DONE]])
    (pull,) = harness.pulls(repo)
    camera.ask("ask", pull, "@bot are you sure that an empty cart costs 0?", [[ANSWER]])
    note = LineNote("shop.py", 2, "Please say where the sum starts.")
    harness.hub.actions.review(repo, pull, harness.ada, event="REQUEST_CHANGES", notes=[note])
    harness.settle()
    camera.work([START], [STARTED])
    camera.thread("review", pull)


def show_a_plan(camera: Camera) -> None:
    harness, repo = camera.harness, camera.repo
    (pull,) = harness.pulls(repo)
    harness.hub.actions.merge(repo, pull, harness.ada)
    issue = camera.issue("Nothing tests that an empty cart is free")
    camera.ask("plan", issue, "@bot plan", [[PLAN]])
    done = Finish("Test an empty cart", "An empty cart is tested.")
    camera.ask("approve", issue, "@bot approve, but keep the old test", [[TEST], [done]])


def show_a_running_task(camera: Camera) -> None:
    harness = camera.harness
    issue = camera.issue()
    harness.scripted_model.turns = [[FIX], [Shell("sleep 97.5")]]
    harness.label(camera.repo, issue)
    before = harness.model_server.count
    worker = threading.Thread(target=harness.work)
    worker.start()
    assert becomes_true(lambda: harness.model_server.count >= before + 2)
    camera.ask("status", issue, "@bot status")
    camera.ask("budget", issue, "@bot budget $2")
    harness.comment(camera.repo, issue, "@bot stop")
    worker.join(SECONDS_TO_STOP)
    camera.comments("stop", issue, [issue.comments[0], issue.comments[-1]])
    camera.ask("retry", issue, "@bot retry without the long test run", [[START], [STARTED]])


def show_check_runs(camera: Camera) -> None:
    harness, repo = camera.harness, camera.repo
    issue = camera.issue()
    harness.label(repo, issue)
    camera.work([FIX, LONG], [DONE])
    (pull,) = harness.pulls(repo)
    harness.comment(repo, pull, "@bot accept")
    camera.check("accept", harness.checks(repo, pull)[-1])
    harness.comment(repo, issue, "@bot environment")
    harness.work()
    camera.check("environment", list(repo.checks.values())[-1])


def main() -> None:
    fonts = subprocess.run(["fc-list", ":lang=und-zsye"], capture_output=True, check=True).stdout
    assert fonts, "No font on this machine has emoji: install one (Debian: fonts-noto-color-emoji)."
    with tempfile.TemporaryDirectory(prefix="dayhand-pictures-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the sandbox's own users enter it
        with (
            embedded(folder) as redis_url,
            start_harness(folder, redis_url, folder / "github") as harness,
            chromium(folder / "chromium") as page,
        ):
            logging.disable()
            page.resize(WIDTH)
            camera = Camera(harness, page, harness.repository("shop", LINTED_SHOP))
            show_answers_without_a_task(camera)
            show_a_change_and_what_follows(camera)
            show_a_plan(camera)
            show_a_running_task(replace(camera, repo=harness.repository("stopped", LINTED_SHOP)))
            limits = {".dayhand.toml": "[limits]\nlines = 6\n"}
            show_check_runs(replace(camera, repo=harness.repository("limited", {**LINTED_SHOP, **limits})))


if __name__ == "__main__":
    main()
