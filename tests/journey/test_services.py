"""A suite that needs services: had, it runs green; not had, the missing one is named and nothing is claimed."""

from __future__ import annotations

from pathlib import Path

import pytest

from dayhand.scripted_model.moves import Patch, Shell
from tests.journey.harness import DONE, FIX, SHOP, Harness

WORKFLOW = """
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    services:
      db:
        image: postgres:15
        env: {POSTGRES_USER: shop, POSTGRES_PASSWORD: secret}
        ports: ["5433:5432"]
    steps:
      - uses: actions/checkout@v4
      - run: python3 -m unittest
        env: {DATABASE_URL: "postgresql://shop:secret@localhost:${{ job.services.db.ports[5432] }}/shop"}
"""
# Its test counts nothing without a database.
TEST = (
    "import os\nimport subprocess\nimport unittest\n\nfrom shop import total\n\n\ndef prices():\n"
    "    command = ['psql', os.environ['DATABASE_URL'], '-Atc', 'select generate_series(1, 2)']\n"
    "    return [int(line) for line in subprocess.check_output(command).split()]\n\n\n"
    "class Totals(unittest.TestCase):\n    def test_numbers(self):\n        self.assertIn(total(prices()), (3, 4))\n"
)
EVENTS = (
    "import socket\nimport unittest\n\n\nclass Events(unittest.TestCase):\n    def test_sent(self):\n"
    "        socket.create_connection(('events', 27017), timeout=5)\n"
)
PROVING_TEST = Patch(
    "*** Begin Patch\n*** Add File: test_totals.py\n+import unittest\n+\n+from shop import total\n+from test_shop import prices\n+\n+\n"
    "+class Sums(unittest.TestCase):\n+    def test_sum(self):\n+        self.assertEqual(total(prices()), 3)\n*** End Patch"
)
FILES = {**SHOP, "test_shop.py": TEST, ".github/workflows/ci.yml": WORKFLOW}


@pytest.mark.skipif(
    not any(Path("/usr/lib/postgresql").glob("*/bin/postgres")),
    reason="PostgreSQL is not installed on this machine",
)
def test_a_suite_that_needs_postgresql_runs_green_with_it(harness: Harness) -> None:
    psql = Shell(
        "psql postgresql://shop:secret@localhost:5433/shop -Atc \"select 'the model', 'has it too'\""
    )
    harness.scripted_model.turns = [[psql], [PROVING_TEST, FIX], [DONE]]
    repo = harness.repository("shop", FILES)
    issue = harness.issue(repo)
    harness.label(repo, issue)

    (record,) = harness.work()

    (pull,) = harness.pulls(repo)
    (check,) = harness.checks(repo, pull)
    assert "the model|has it too" in "".join(note.text for note in harness.live.read(record.task.id))
    assert check.conclusion == "success"
    assert "1 test fails without the change and passes with it" in pull.body


def test_a_suite_that_needs_a_service_that_cannot_be_had_names_it_and_claims_nothing(
    harness: Harness,
) -> None:
    compose = "services:\n  events: {image: 'mongo:7', ports: ['27017:27017']}\n"
    harness.scripted_model.turns = [[FIX], [DONE]]
    repo = harness.repository("shop", {**SHOP, "test_shop.py": EVENTS, "compose.yaml": compose})
    issue = harness.issue(repo)
    harness.label(repo, issue)

    (record,) = harness.work()

    (pull,) = harness.pulls(repo)
    (check,) = harness.checks(repo, pull)
    log = [note.text for note in harness.live.read(record.task.id)]
    assert any(text.startswith("Missing: MongoDB on events:27017 (compose.yaml).") for text in log)
    assert check.conclusion == "neutral"
    assert "MongoDB on events:27017 is missing: the connection is refused" in pull.body
