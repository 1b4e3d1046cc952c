"""The shape of the benchmark's output; no test depends on its figures."""

from __future__ import annotations

import contextlib
import json
import secrets
from dataclasses import replace
from pathlib import Path

import pytest

from dayhand.bench.sandbox import bench_sandbox
from dayhand.settings.table import Settings
from tests.sandbox.image import require_image

BY_BACKEND = (
    "command_ratio",
    "start_ratio",
    "boxes_50_s",
    "boxes_50_pss_mb",
    "boxes_50_commands_pss_mb",
    "boxes",
)
WITHOUT_IMAGE = Settings(data=Path("/nonexistent"), sandbox_image="no-such-image")


@pytest.fixture
def settings() -> Settings:
    client, image = require_image()
    with contextlib.closing(client):
        return replace(WITHOUT_IMAGE, sandbox_image=image)


def test_it_prints_one_object_with_the_ratios_of_both_backends(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench_sandbox(settings, as_json=True, rounds=2, many=3) == 0
    figures = json.loads(capsys.readouterr().out)
    for name in BY_BACKEND:
        assert set(figures[name]) == {"bubblewrap", "docker"}
        assert all(value > 0 for value in figures[name].values()), name
    assert figures["boxes"] == {"bubblewrap": 3, "docker": 3}
    assert figures["not_measured"] == {}
    for median_ms in figures["ms"].values():
        assert all(value > 0 for value in median_ms.values())


def test_it_leaves_nothing_behind(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    client, image = require_image()
    own = f"dayhand-test-bench:{secrets.token_hex(4)}"  # other tests open boxes of the same image meanwhile
    with contextlib.closing(client):
        client.images.get(image).tag(own)
        try:
            bench_sandbox(replace(settings, sandbox_image=own), as_json=True, rounds=1, many=1)
            left = [one["Id"] for one in client.api.containers(all=True) if one["Image"] == own]
        finally:
            client.api.remove_image(own)
    assert left == []
    assert json.loads(capsys.readouterr().out)["not_measured"] == {}


def test_what_is_not_measured_is_no_number_and_why_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    bench_sandbox(WITHOUT_IMAGE, as_json=True, rounds=1, many=1)
    figures = json.loads(capsys.readouterr().out)
    for name in BY_BACKEND:
        assert figures[name]["docker"] is None
        assert figures[name]["bubblewrap"] is not None
    assert figures["not_measured"]["docker"]


def test_it_prints_a_table_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    bench_sandbox(WITHOUT_IMAGE, as_json=False, rounds=1, many=1)
    figures = capsys.readouterr().out
    assert "a command in an open box" in figures
    assert "Not measured: docker. " in figures
