"""A demo case: a repository, an issue, what the maintainer writes, and the scripts that play the model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dayhand.scripted_model.moves import Script

CASES = Path(__file__).parent / "cases"
# Tools that ran in this checkout leave these behind.
CACHE_DIRS = {"__pycache__", ".pytest_cache", ".ruff_cache", "node_modules"}


@dataclass(frozen=True, slots=True)
class Story:
    """One case of the demo. The first of ``scripts`` that matches the prompt is played."""

    name: str  # its folder under ``cases``
    repository: str  # "owner/name" on the local GitHub
    scripts: tuple[Script, ...]
    comment: str = ""  # the maintainer's comment that starts the work; "": she adds the label
    follow_up: str = ""  # the maintainer's question on the finished pull request

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
        """The repository's files, by path."""
        paths = (path for path in sorted(self.folder.rglob("*")) if path.is_file())
        return {
            path.relative_to(self.folder).as_posix(): path.read_text(encoding="utf-8")
            for path in paths
            if not CACHE_DIRS.intersection(path.parts)
        }

    def _issue(self) -> tuple[str, str]:
        text = (CASES / self.name / "issue.md").read_text(encoding="utf-8")
        title, _, body = text.partition("\n")
        return title.removeprefix("# ").strip(), body.strip()
