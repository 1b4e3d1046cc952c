"""The operator's folders of toolchains, as boxes of both backends see them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from dayhand.sandbox.docker.backend import DockerSandbox
from tests.sandbox.image import require_image


@pytest.fixture
def folder():
    if not os.access("/opt", os.W_OK):
        pytest.skip("only root can make folders in /opt, and boxes do not see this user's other folders")
    with tempfile.TemporaryDirectory(prefix="toolchains-", dir="/opt") as made:
        Path(made).chmod(0o755)
        (Path(made) / "one").mkdir()
        (Path(made) / "one/program").write_text("#!/bin/sh\necho runs\n")
        (Path(made) / "one/program").chmod(0o755)
        yield made


@pytest.mark.parametrize("name", ["bubblewrap", "docker"])
def test_a_box_sees_the_operators_folder_at_its_own_path_and_read_only(name, data, folder):
    if name == "docker":
        client, image = require_image()
        client.close()
        sandbox = DockerSandbox(data / "docker", image=image, toolchains=(folder,))
    else:
        sandbox = BubblewrapSandbox(data / "toolchains", toolchains=(folder, "/opt/no-such-folder"))
    with sandbox.open() as box:
        assert box.run(f"{folder}/one/program", cwd="/").text() == "runs\n"
        assert "Read-only file system" in box.run(f"echo > {folder}/one/new", cwd="/").text()
        assert not box.run("ls /opt/no-such-folder", cwd="/").passed


def test_a_folder_that_the_boxs_user_cannot_read_stops_no_box(data, folder):
    Path(folder).chmod(0o700)
    with BubblewrapSandbox(data / "closed", toolchains=(folder,)).open() as box:
        assert box.run("true").passed
