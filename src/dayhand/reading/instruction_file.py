"""An instruction file of the repository, and what the model got of it."""

from __future__ import annotations

from dayhand.startup.records import dataclass


@dataclass(frozen=True, slots=True)
class InstructionFile:
    """One instruction file of the base branch, and how much of it the model got."""

    path: str
    folder: str  # what it governs: this folder and all below; "" for everything
    globs: tuple[str, ...] = ()  # and of these, files that match; none for all
    size: int = 0  # bytes
    kept: int = 0  # bytes of it in the prompt
    reason: str = ""  # why less than everything was kept

    @property
    def scope(self) -> str:
        """What it governs, for people: "all files", "src/", or its patterns."""
        if self.globs:
            return ", ".join(f"{self.folder}{glob}" for glob in self.globs)
        return self.folder or "all files"
