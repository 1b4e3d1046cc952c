"""Build the documentation as a site, without a network: ``python deploy/site/build.py FOLDER``.

The pages are plain Markdown with links that GitHub follows. A site has no files beside it, so pages and files that are
outside of docs/ are copied into it, and links to them are rewritten. Then Zensical builds it and checks every link.
"""

from __future__ import annotations

import os
import posixpath
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
OUTSIDE = {"README.md": "readme.md", "CHANGELOG.md": "changelog.md", "deploy/README.md": "deploy.md"}
TARGET = re.compile(r"(?P<before>\]\(|<img [^>]*src=\")(?!https?:|#|mailto:)(?P<file>[^)\s#\"]+)")


def prepare(folder: Path) -> None:
    """Copy the pages into a folder, with every link leading to a page or a file of the site."""
    docs = folder / "docs"
    shutil.copytree(ROOT / "docs", docs)
    pages = [str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").rglob("*.md"))]
    for source in (*pages, *OUTSIDE):
        text = (ROOT / source).read_text(encoding="utf-8")
        page = place(source)

        def rewrite(link: re.Match[str], source: str = source, page: str = page) -> str:
            target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link["file"]))
            there = place(target)
            if not (docs / there).exists() and (ROOT / target).is_file() and target not in OUTSIDE:
                (docs / there).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / target, docs / there)
            return link["before"] + posixpath.relpath(there, posixpath.dirname(page) or ".")

        (docs / page).write_text(TARGET.sub(rewrite, text), encoding="utf-8")
    shutil.copyfile(HERE / "site.css", docs / "site.css")
    shutil.copyfile(HERE / "zensical.toml", folder / "zensical.toml")


def place(path: str) -> str:
    """Where in the site a file of the repository is. Other files than pages are shown as text."""
    if path in OUTSIDE:
        return OUTSIDE[path]
    return path.removeprefix("docs/") if path.startswith("docs/") else f"files/{path}.txt"


def main() -> int:
    folder = Path(sys.argv[1])
    prepare(folder)
    command = [os.environ.get("ZENSICAL", "zensical"), "build", "--strict"]
    return subprocess.run(command, cwd=folder, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
