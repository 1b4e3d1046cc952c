"""The order of the tests."""

from __future__ import annotations

from itertools import islice

import pytest

# Files with the longest tests. If one of these began last, all workers but one would wait for it.
LONGEST = (
    "sandbox/test_ordinary_user.py",
    "demo/test_run.py",
    "environment/test_really_run.py",
    "environment/setup/test_dependencies.py",
    "environment/setup/test_runtimes.py",
    "verify/reports/test_hooks.py",
    "journey/test_in_docker.py",
    "agent/model/test_litellm.py",
    "bench/test_real_repositories.py",
    "bench/test_agent.py",
    "bench/test_web.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let each worker begin with its share of the longest tests; the others keep their order.

    xdist cuts the list into one part for each worker. A worker without tests takes some from the end of another's part,
    so the beginning of a part is run by one worker.
    """
    ranks = {item: rank for item in items if (rank := _rank(item)) < len(LONGEST)}
    longest = sorted(ranks, key=ranks.__getitem__)
    others = (item for item in items if item not in ranks)
    workers = int(getattr(config, "workerinput", {"workercount": 1})["workercount"])
    ordered: list[pytest.Item] = []
    for worker in range(workers):
        size = (len(items) - len(ordered)) // (workers - worker)  # as xdist cuts it
        share = longest[worker::workers]
        ordered += [*share, *islice(others, max(0, size - len(share)))]
    items[:] = ordered


def _rank(item: pytest.Item) -> int:
    path = item.path.as_posix()
    return next((rank for rank, file in enumerate(LONGEST) if path.endswith(file)), len(LONGEST))
