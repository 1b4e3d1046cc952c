"""What a repository on this machine has of its submodules and Git LFS files: git keeps both in its own folder."""

from __future__ import annotations

from pathlib import Path

from dayhand.checkout.mirror import Mirror
from dayhand.startup.records import dataclass


@dataclass(frozen=True, slots=True)
class LocalStore:
    """The git folder of a repository that belongs to the operator."""

    git_dir: Path
    mirrors: Path  # where mirrors of its submodules are made
    name: str  # in their names

    def submodule(self, path: str) -> Mirror | None:
        """The mirror of a submodule that is checked out; None if it is not.

        Git names its folder after the submodule, which is its path unless somebody renamed it.
        """
        parts = path.split("/")
        if any(part in ("", ".", "..") for part in parts):
            return None
        for nested in (
            "/".join(parts),
            *(f"{'/'.join(parts[:n])}/modules/{'/'.join(parts[n:])}" for n in range(1, len(parts))),
        ):
            folder = self.git_dir / "modules" / nested
            if (folder / "HEAD").is_file():
                return Mirror(self.mirrors / f"{self.name}+{path.replace('/', '+')}.git", str(folder))
        return None

    def lfs_object(self, oid: str) -> Path:
        """Where Git LFS keeps an object that it downloaded."""
        return self.git_dir / "lfs" / "objects" / oid[:2] / oid[2:4] / oid
