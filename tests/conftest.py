"""The order of the tests, and what the garbage collector does not look at."""

from __future__ import annotations

import gc
from itertools import islice

import pytest

# Files with the longest tests. If one of these began last, all workers but one would wait for it.
LONGEST = (
    "sandbox/test_ordinary_user.py",
    "verify/reports/test_hooks.py",
    "agent/model/test_litellm.py",
    "demo/test_run.py",
    "environment/test_really_run.py",
    "environment/setup/test_dependencies.py",
    "environment/setup/test_runtimes.py",
    "journey/test_in_docker.py",
    "bench/test_real_repositories.py",
    "bench/test_agent.py",
    "bench/test_web.py",
)
# Of these, files whose tests share an installation: one worker runs them all, so that it is made once.
TOGETHER = ("verify/reports/test_hooks.py", "agent/model/test_litellm.py")


def pytest_configure() -> None:
    """Until tests run, only things are made that stay: modules and items."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Leave out modules and items, which are most objects: each full collection would visit them in vain."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let each worker begin with its share of the longest tests; the others keep their order.

    xdist cuts the list into one part for each worker. A worker without tests takes some from the end of another's part,
    so the beginning of a part is run by one worker.
    """
    ranks = {item: rank for item in items if (rank := _rank(item)) < len(LONGEST)}
    units = _units(sorted(ranks, key=ranks.__getitem__))
    others = (item for item in items if item not in ranks)
    workers = int(getattr(config, "workerinput", {"workercount": 1})["workercount"])
    ordered: list[pytest.Item] = []
    for worker in range(workers):
        size = (len(items) - len(ordered)) // (workers - worker)  # as xdist cuts it
        share = [item for unit in units[worker::workers] for item in unit]
        ordered += [*share, *islice(others, max(0, size - len(share)))]
    items[:] = ordered


def _rank(item: pytest.Item) -> int:
    path = item.path.as_posix()
    return next((rank for rank, file in enumerate(LONGEST) if path.endswith(file)), len(LONGEST))


def _units(items: list[pytest.Item]) -> list[list[pytest.Item]]:
    """What one worker runs: a test, or all tests of a file."""
    units: dict[object, list[pytest.Item]] = {}
    for item in items:
        together = item.path.as_posix().endswith(TOGETHER)
        units.setdefault(item.path if together else item, []).append(item)
    return list(units.values())
