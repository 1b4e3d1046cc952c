"""Everything that a commit only refers to: fetched once by the worker, then put into every box."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import field

from dayhand.checkout.bundles import bundle_ref
from dayhand.checkout.commit_files import CommitFiles
from dayhand.checkout.external.lfs import LfsFile, fetch_lfs, uses_lfs
from dayhand.checkout.external.local_store import LocalStore
from dayhand.checkout.external.submodules import Neighbours, Submodule, SubmoduleSearch
from dayhand.sandbox import clone
from dayhand.sandbox.base import Box
from dayhand.startup.records import dataclass


@dataclass(frozen=True, slots=True)
class External:
    """What was fetched, and what was not."""

    submodules: tuple[Submodule, ...] = ()
    lfs: tuple[LfsFile, ...] = ()
    uses_lfs: bool = False
    absent: Mapping[str, str] = field(default_factory=dict)  # by path, why a submodule or a file is not there

    @property
    def identity(self) -> str:
        """What there is of it, in one string."""
        files = sorted((file.path, file.mode, str(file.content)) for file in self.lfs)
        return repr((sorted((one.path, one.commit) for one in self.submodules), files))

    def put(self, box: Box) -> None:
        """Put it into a box whose repository is checked out. Raises ``SandboxError``."""
        for one in self.submodules:
            clone.check_out(
                box,
                one.mirror.bundle(one.commit),
                ref=bundle_ref(one.commit),
                commit=one.commit,
                branch="main",
                folder=one.path,
            )
        self.put_files(box)

    def put_files(self, box: Box) -> None:
        """Put the content of its Git LFS files into a box. Raises ``SandboxError``."""
        if self.lfs:
            with tempfile.TemporaryFile() as archive:
                with tarfile.open(fileobj=archive, mode="w") as tar:
                    for file in self.lfs:
                        member = tar.gettarinfo(str(file.content), file.path)
                        member.mode = file.mode
                        with file.content.open("rb") as content:
                            tar.addfile(member, content)
                archive.seek(0)
                clone.unpack(box, archive)


NOTHING = External()


def fetch_external(
    files: CommitFiles,
    trusted: str,
    token: str,
    *,
    neighbours: Neighbours | None,
    local: LocalStore | None = None,
) -> External:
    """Fetch what a commit refers to: LFS files from its own server, and submodules that ``trusted`` names as well.

    ``trusted`` is a commit that people with write access made; "" if there is none.
    """
    mirror, commit = files.mirror, files.commit
    search = SubmoduleSearch(neighbours, local)
    if files.submodules:
        search.search(mirror, commit, trusted)
    lfs, absent = list[LfsFile](), dict(search.absent)
    uses = uses_lfs(files)
    if uses:
        found, missing = fetch_lfs(mirror, commit, token, local=local)
        lfs += found
        absent |= missing
    return External(tuple(search.found), (*lfs, *search.lfs), uses, absent)
