"""A mirror whose own files are damaged, as after a full disk, is fetched anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dayhand.checkout.commit_files import read_files
from dayhand.checkout.git import DAMAGED
from dayhand.checkout.mirror import Mirror
from dayhand.errors import CheckoutError, MirrorDamaged
from tests.checkout.conftest import git


def overwrite(path: Path, text: bytes) -> None:
    path.chmod(0o600)
    path.write_bytes(text)


def packs(mirror: Path, kind: str) -> list[Path]:
    git(mirror, "repack", "-adq")
    return list((mirror / "objects" / "pack").glob(f"*.{kind}"))


def unpack(mirror: Path) -> list[Path]:
    (pack,) = packs(mirror, "pack")
    aside = pack.rename(mirror / "aside.pack")
    for path in (mirror / "objects" / "pack").iterdir():
        path.unlink()
    git(mirror, "unpack-objects", "-q", stdin=aside.read_bytes())
    return [path for path in (mirror / "objects").rglob("*") if path.is_file() and len(path.name) == 38]


def damage_pack(mirror: Path) -> None:
    (pack,) = packs(mirror, "pack")
    data = pack.read_bytes()
    overwrite(pack, data[:30] + b"garbage!" * 4 + data[62:])


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a pack that holds something else": damage_pack,
    "an empty index": lambda mirror: [overwrite(path, b"") for path in packs(mirror, "idx")],
    "a pack that is gone": lambda mirror: [path.unlink() for path in packs(mirror, "pack")],
    "empty objects": lambda mirror: [overwrite(path, b"") for path in unpack(mirror)],
    "an empty HEAD": lambda mirror: overwrite(mirror / "HEAD", b""),
    "half a configuration": lambda mirror: overwrite(mirror / "config", b"[core"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_mirror_is_noticed_and_fetched_anew(mirror: Mirror, head: str, damage: str) -> None:
    DAMAGES[damage](mirror.path)
    try:
        mirror.fetch(("main",), "")
        text = read_files(mirror, head).read("README.md")
    except MirrorDamaged:
        mirror.fetch(("main",), "")  # the task's next attempt
        text = read_files(mirror, head).read("README.md")
    assert text == "# Hello\n"
    assert git(mirror.path, "fsck") == ""
    assert not (mirror.path / DAMAGED).exists()
    assert {path.name for path in mirror.path.parent.iterdir()} == {mirror.path.name, "acme+shop.lock"}


def test_a_mirror_that_is_whole_after_all_is_kept(mirror: Mirror, head: str) -> None:
    (mirror.path / DAMAGED).touch()
    inode = mirror.path.stat().st_ino
    assert mirror.fetch(("main",), "") == {"main": head}
    assert (mirror.path.stat().st_ino, (mirror.path / DAMAGED).exists()) == (inode, False)


def test_a_damaged_pack_of_a_sandbox_says_nothing_about_the_mirror(mirror: Mirror) -> None:
    with pytest.raises(CheckoutError) as refused, mirror.inspect(b"PACK\0\0\0\2\0\0\0\1\x90garbage"):
        pass
    assert not isinstance(refused.value, MirrorDamaged)
    assert not (mirror.path / DAMAGED).exists()
