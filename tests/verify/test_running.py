"""Which commands must bring a report."""

from __future__ import annotations

import pytest

from dayhand.verify.running import PYTEST


@pytest.mark.parametrize(
    "command",
    [
        "pytest",
        "pytest -q tests",
        "python3 -m pytest -q",
        ".venv/bin/pytest",
        "uv run pytest",
        "poetry run python -m pytest",
        "CI=1 py.test",
    ],
)
def test_a_command_that_starts_pytest_must_report(command: str) -> None:
    assert PYTEST.match(command)


@pytest.mark.parametrize("command", ["make test", "docker run x pytest", "tox", "npm test", "pytest-docs"])
def test_a_command_that_may_start_it_elsewhere_need_not(command: str) -> None:
    assert not PYTEST.match(command)
