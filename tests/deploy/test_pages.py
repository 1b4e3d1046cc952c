"""The pages about the sandbox and about security name the test of each promise: those tests exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("page", "least"), [("sandbox.md", 60), ("security.md", 25)])
def test_every_test_that_a_page_names_exists(page: str, least: int) -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / page).read_text(encoding="utf-8")))
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    defined = {name for source in sources for name in re.findall(r"^def (test_\w+)\(", source, re.MULTILINE)}

    assert len(named) > least
    assert named - defined == set()


def test_every_file_that_the_sandbox_page_names_exists() -> None:
    named = {path for path in re.findall(r"`((?:tests|deploy)/[\w./-]+)`", PAGE) if path != "tests/sandbox"}

    assert "tests/checkout/test_policy.py" in named
    assert [path for path in named if not (ROOT / path).exists()] == []
