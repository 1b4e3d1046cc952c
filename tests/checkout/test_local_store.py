"""Submodules and Git LFS files of a repository on this machine: taken from where git keeps them, or named."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from dayhand.checkout.commit_files import read_files
from dayhand.checkout.external.external import External, fetch_external
from dayhand.checkout.local_repository import find_repository
from dayhand.checkout.mirror import Mirror
from dayhand.checkout.repository import open_local_store

DATA = b"0123456789" * 100
OID = hashlib.sha256(DATA).hexdigest()
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize {len(DATA)}\n"


def git(folder: Path, *words: str) -> None:
    own = ("-c", "user.name=A", "-c", "user.email=a@x", "-c", "protocol.file.allow=always")
    subprocess.run(["git", *own, *words], cwd=folder, check=True, capture_output=True)


def make(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for name, text in files.items():
        (folder / name).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "Files")
    return folder


def fetch(shop: Path, data: Path) -> External:
    repository = find_repository(shop)
    mirror = Mirror(data / "mirrors" / "shop.git", str(repository.git_dir))
    commit = mirror.fetch(("main",), "")["main"]
    store = open_local_store(data, "shop", repository.git_dir)
    return fetch_external(read_files(mirror, commit), commit, "", neighbours=None, local=store)


def test_what_git_has_here_is_taken_and_the_rest_is_named_with_the_command(tmp_path: Path) -> None:
    inner = make(tmp_path / "inner", {"x": "x"})
    lib = make(tmp_path / "lib", {"lib.py": ""})
    git(lib, "submodule", "add", "-q", str(inner), "inner")
    git(lib, "commit", "-q", "-m", "Inner")
    shop = make(tmp_path / "shop", {".gitattributes": "*.bin filter=lfs\n", "prices.bin": POINTER})
    git(shop, "submodule", "add", "-q", str(lib), "vendor/lib")
    git(shop, "commit", "-q", "-m", "Lib")

    first = fetch(shop, tmp_path / "data")
    assert [one.path for one in first.submodules] == ["vendor/lib"]
    assert first.absent == {
        "vendor/lib/inner": "The submodule vendor/lib/inner is not there: run `git submodule update --init --recursive` first.",
        "prices.bin": "The Git LFS file prices.bin is only a pointer: run `git lfs pull` first.",
    }

    git(shop, "submodule", "update", "-q", "--init", "--recursive")
    kept = shop / ".git/lfs/objects" / OID[:2] / OID[2:4] / OID
    kept.parent.mkdir(parents=True)
    kept.write_bytes(DATA[:-1])
    assert "is not what the pointer names" in fetch(shop, tmp_path / "data").absent["prices.bin"]
    kept.write_bytes(DATA)
    then = fetch(shop, tmp_path / "data")
    assert [one.path for one in then.submodules] == ["vendor/lib", "vendor/lib/inner"]
    assert [one.content.read_bytes() for one in then.lfs] == [DATA]
    assert then.absent == {}
