"""What the model is told about the place where it works."""

from __future__ import annotations

from dayhand.agent.briefing import MAX_ENTRIES, brief
from dayhand.environment.base import Environment, Installed
from dayhand.instructions.read import Instructions

FAILED = Installed("install with npm ci", "npm ci", passed=False, seconds=1.0, output="")
READY = Installed("install with uv", "uv sync", passed=True, seconds=1.0, output="")
ENVIRONMENT = Environment(
    key="k", snapshot=None, env={}, checks=(), missing={}, steps=(FAILED, READY), blocked=(), cached=False, seconds=1.0,
    languages=("Node 20.1.0", "Python 3.11.2 and 3.12.1"),
    pins=("Node 22 is pinned, and the box has 20.",),
)  # fmt: skip


def test_it_names_the_top_folder_and_what_set_up_could_not_do() -> None:
    text = brief(ENVIRONMENT, Instructions(), paths=("src/a.py", "src/web/b.ts", "README.md", "\udcff"))
    assert "README.md, src/ (2), ?." in text
    assert "Installed: Node 20.1.0, Python 3.11.2 and 3.12.1." in text
    assert "- install with npm ci: `npm ci` failed\n- Node 22 is pinned, and the box has 20." in text
    assert "uv sync" not in text


def test_a_top_folder_with_many_entries_is_cut() -> None:
    text = brief(ENVIRONMENT, Instructions(), paths=[f"f{number}" for number in range(MAX_ENTRIES + 5)])
    assert "and 5 more." in text
