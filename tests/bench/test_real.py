"""Real repositories from the registries, set up and checked in real boxes; their figures are for people."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from dayhand.bench.real import bench_real
from dayhand.bench.repositories import REPOSITORIES, fetch
from dayhand.errors import EnvironmentFailure


@pytest.fixture(scope="module", autouse=True)
def _registries():
    """Skips, and says why, where a registry does not answer."""
    for published in {one.registry: one for one in REPOSITORIES}.values():
        try:
            fetch(published)
        except EnvironmentFailure as failure:
            if "is not what is pinned" in str(failure):
                raise
            pytest.skip(str(failure))


def test_five_real_repositories_are_set_up_and_checked_from_cold_and_from_warm(capsys):
    assert bench_real(as_json=True, rounds=1) == 0, capsys.readouterr().out
    rows = json.loads(capsys.readouterr().out)["repositories"]
    assert [row["verdict"] for row in rows] == ["ready"] * 5
    assert len({row["ecosystem"] for row in rows}) == 5
    for row in rows:
        assert row["warm_ready_s"] < row["cold_s"]
        assert any("test" in check and check.endswith(": passes") for check in row["checks"]), row


def test_what_is_not_the_pinned_file_is_refused(capsys):
    changed = replace(REPOSITORIES[0], sha256=hashlib.sha256(b"another").hexdigest())
    with pytest.raises(EnvironmentFailure, match="not what is pinned"):
        fetch(changed)
    assert bench_real(as_json=True, rounds=1, repositories=[changed]) == 1
    (row,) = json.loads(capsys.readouterr().out)["repositories"]
    assert row["cold_s"] is None
    assert "not what is pinned" in row["verdict"]


def test_a_version_that_the_registry_does_not_have_is_named():
    with pytest.raises(EnvironmentFailure, match=r"pluggy-0\.0\.0\.tar\.gz cannot be had"):
        fetch(replace(REPOSITORIES[0], file="pluggy-0.0.0.tar.gz"))
