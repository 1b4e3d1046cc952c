"""Real repositories from the registries, set up and checked in real boxes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from dayhand.bench.published_packages import REPOSITORIES, fetch
from dayhand.bench.real_repositories import Measurement, bench_real, figures
from dayhand.errors import EnvironmentFailure

# One of each ecosystem; `dayhand bench environment --real` takes all of them.
TRIED = ("pluggy", "toposort", "uuid", "fnv", "Ascii85")
TIMED = {"toposort"}  # one of its own tests measures time, and fails on a busy machine: it only has to run


def require_registry(published):
    """Skips, with the reason, if the registry does not answer."""
    try:
        fetch(published)
    except EnvironmentFailure as failure:
        if "is not the pinned file" in str(failure):
            raise
        pytest.skip(str(failure))


@pytest.mark.parametrize(
    "published", [one for one in REPOSITORIES if one.name in TRIED], ids=lambda one: one.name
)
def test_a_real_repository_is_set_up_and_checked_from_cold_and_from_warm(published, capsys):
    status = bench_real(as_json=True, rounds=1, repositories=[published])
    found = json.loads(capsys.readouterr().out)
    if found["left_out"]:
        pytest.skip(str(found["left_out"]))
    (row,) = found["repositories"]
    if "cannot be downloaded" in row["verdict"]:
        pytest.skip(row["verdict"])
    assert (row["verdict"], status) == ("ready", 0), row
    results = (": passes", ": fails") if published.name in TIMED else ": passes"
    assert any("test" in check and check.endswith(results) for check in row["checks"]), row
    assert row["warm_ready_s"] < row["cold_s"], row
    for figure in ("cold_s", "warm_s", "warm_ready_s"):
        assert found[figure] == {published.ecosystem: pytest.approx(row[figure], abs=0.001)}


def test_the_real_repositories_are_of_five_ecosystems_of_which_each_has_its_medians():
    tried = [one.ecosystem for one in REPOSITORIES if one.name in TRIED]
    assert sorted(tried) == ["Go", "Node", "Python", "Ruby", "Rust"]
    rows = [
        Measurement("a", "Go", "", 1.0, 0.2, 0.1),
        Measurement("b", "Go", "", 3.0, 0.4, 0.3),
        Measurement("c", "Rust", ""),
    ]
    found = figures(rows, {"d": "no Ruby"})
    assert (found.cold_s, found.warm_s, found.warm_ready_s) == ({"Go": 2.0}, {"Go": 0.3}, {"Go": 0.2})
    assert found.left_out == {"d": "no Ruby"}


def test_what_this_machine_has_no_toolchain_for_is_left_out_with_the_reason(capsys):
    unknown = replace(REPOSITORIES[0], needs=("true", "no-such-toolchain --version"))
    assert bench_real(as_json=False, rounds=1, repositories=[unknown]) == 0
    output = " ".join(capsys.readouterr().out.split())
    assert "Skipped: pluggy 1.7.0: its toolchain is not installed in this machine's boxes" in output
    assert "no-such-toolchain --version fails there" in output


def test_an_archive_that_does_not_have_a_source_is_named_in_its_own_words():
    source = next(one for one in REPOSITORIES if one.registry == "debian")
    require_registry(source)
    with pytest.raises(
        EnvironmentFailure, match=r"no-such\.orig\.tar\.gz cannot be downloaded: E: Failed to fetch"
    ):
        fetch(replace(source, file="pool/main/n/no-such.orig.tar.gz"))


def test_what_is_not_the_pinned_file_is_refused(capsys):
    require_registry(REPOSITORIES[0])
    changed = replace(REPOSITORIES[0], sha256=hashlib.sha256(b"another").hexdigest())
    with pytest.raises(EnvironmentFailure, match="not the pinned file"):
        fetch(changed)
    assert bench_real(as_json=True, rounds=1, repositories=[changed]) == 1
    (row,) = json.loads(capsys.readouterr().out)["repositories"]
    assert row["cold_s"] is None
    assert "not the pinned file" in row["verdict"]


def test_a_version_that_the_registry_does_not_have_is_named():
    require_registry(REPOSITORIES[0])
    with pytest.raises(EnvironmentFailure, match=r"pluggy-0\.0\.0\.tar\.gz cannot be downloaded"):
        fetch(replace(REPOSITORIES[0], file="pluggy-0.0.0.tar.gz"))
