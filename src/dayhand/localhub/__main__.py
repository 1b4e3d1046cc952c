"""``python -m dayhand.localhub``: a GitHub on this machine to rehearse on, until Ctrl-C. Nothing is kept."""

from __future__ import annotations

import argparse
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from dayhand.localhub.server import LocalHub

SHOP = {
    "shop.py": "def total(prices):\n    return sum(prices) + 1\n",
    "test_shop.py": (
        "import unittest\n\nfrom shop import total\n\n\nclass Totals(unittest.TestCase):\n"
        "    def test_one_price(self):\n        self.assertEqual(total([2]), 3)\n"
    ),
    "README.md": "# Shop\n\nTotals are one too high.\n",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m dayhand.localhub", description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="localhub-") as folder,
        LocalHub(Path(folder), port=arguments.port) as hub,
        suppress(KeyboardInterrupt),
    ):
        ada = hub.actions.add_user("ada", "Ada")
        hub.actions.add_organization("acme", ada)
        for name in ("ada/shop", "acme/shop"):
            repo = hub.actions.add_repository(name, SHOP)
            repo.collaborators["ada"] = "admin"
            hub.actions.ensure_label(repo, "codex")
        print(f"A local GitHub: {hub.url} (stop with Ctrl-C).", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
