"""A box's ``/etc``: one mount, and as the host's is now."""

from __future__ import annotations

import os
from pathlib import Path

from dayhand.sandbox.bubblewrap import etc
from dayhand.sandbox.bubblewrap.backend import BubblewrapSandbox
from tests.sandbox.conftest import SMALL

MOUNTS = "awk '$5 ~ \"^/etc\" {print $5}' /proc/self/mountinfo"


def test_of_etc_only_folders_are_mounted_since_each_mount_costs_each_box(data: Path) -> None:
    with BubblewrapSandbox(data / "mounted", capacity=SMALL).open() as box:
        mounts = box.run(MOUNTS).text().split()
        files = [path for path in mounts if not box.run(["test", "-d", path]).passed]
        changed = [path for path in mounts if box.run(["touch", f"{path}/new"]).passed]
    assert "/etc" in mounts
    assert files == []
    assert changed == []


def test_it_is_brought_up_to_date_when_the_machines_fingerprint_is_taken(data: Path) -> None:
    sandbox = BubblewrapSandbox(data / "stale", capacity=SMALL)
    sandbox.config()
    copy = data / "stale" / "sandbox" / "etc" / etc.IMAGE / "ld.so.cache"
    copy.write_text("of an hour ago")
    sandbox.fingerprint()
    assert copy.read_bytes() == (etc.HOST / "ld.so.cache").read_bytes()


def test_what_the_host_changed_added_and_removed_is_changed_added_and_removed(tmp_path: Path) -> None:
    host, folder = tmp_path / "host", tmp_path / "etc"
    (host / "ssl" / "certs").mkdir(parents=True)
    (host / "shadow").write_text("secret")
    for name in ("services", "protocols"):
        (host / name).write_text("before")
    etc.write(folder, host)
    (host / "services").write_text("after")
    (host / "protocols").unlink()
    (host / "mime.types").write_text("new")
    etc.write(folder, host)
    copies = {path.name: path.read_text() for path in (folder / etc.IMAGE).iterdir() if path.is_file()}
    assert copies == {**etc.OURS, "services": "after", "mime.types": "new"}
    assert (folder / etc.IMAGE / "ssl" / "certs").is_dir()


def test_every_user_of_a_box_can_read_it_whatever_the_workers_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        etc.write(tmp_path / "etc")
    finally:
        os.umask(before)
    image = tmp_path / "etc" / etc.IMAGE
    unreadable = [
        path
        for path in (image, *image.rglob("*"))
        if path.stat().st_mode & 0o777 != (0o755 if path.is_dir() else 0o644)
    ]
    assert unreadable == []
