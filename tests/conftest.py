"""The order of the tests."""

from __future__ import annotations

import pytest

# Files with the longest tests. If one of these began last, all workers but one would wait for it.
LONGEST = (
    "sandbox/test_ordinary_user.py",
    "environment/test_really_run.py",
    "demo/test_run.py",
    "verify/reports/test_hooks.py",
    "environment/setup/test_dependencies.py",
    "bench/test_real_repositories.py",
    "journey/test_in_docker.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin the longest tests first; the others keep their order."""
    items.sort(key=lambda item: not item.path.as_posix().endswith(LONGEST))
