"""What a story is: a repository, an issue in somebody's words, what is said on it, and who plays the model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dayhand.scripted_model.moves import Script

CASES = Path(__file__).parent / "cases"
LEFTOVERS = {
    "__pycache__",
    ".pytest_cache",
    ".ruff_cache",
    "node_modules",
}  # of tools that ran over this checkout


@dataclass(frozen=True, slots=True)
class Story:
    """One case of the demo. ``scripts`` are asked in their order, so the narrower come first."""

    name: str  # its folder under ``cases``
    repository: str  # "owner/name" on the local GitHub
    scripts: tuple[Script, ...]
    comment: str = ""  # what the maintainer writes to start the work; "": she sets the label
    follow_up: str = ""  # what she asks on the pull request when it is there

    @property
    def folder(self) -> Path:
        return CASES / self.name / "repository"

    @property
    def title(self) -> str:
        return self._issue()[0]

    @property
    def body(self) -> str:
        return self._issue()[1]

    def files(self) -> dict[str, str]:
        """The repository's files, by their paths."""
        found = (path for path in sorted(self.folder.rglob("*")) if path.is_file())
        return {
            path.relative_to(self.folder).as_posix(): path.read_text(encoding="utf-8")
            for path in found
            if not LEFTOVERS.intersection(path.parts)
        }

    def _issue(self) -> tuple[str, str]:
        text = (CASES / self.name / "issue.md").read_text(encoding="utf-8")
        title, _, body = text.partition("\n")
        return title.removeprefix("# ").strip(), body.strip()
