"""A case: a repository, its base, a change, and the conclusions that are right."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dayhand.bench.environment import BRANCH, BenchProject
from dayhand.bench.published_packages import REPOSITORIES, SourcePackage, fetch
from dayhand.errors import SettingsError
from dayhand.localhub.state.git_store import GitStore
from dayhand.typed_json import ShapeError, decode
from dayhand.verification import Status

SHIPPED = Path(__file__).parent / "cases"
AUTHOR = ("Bench", "bench@localhost")


@dataclass(frozen=True, slots=True)
class TruthCase:
    """One file of a folder of cases, in TOML.

    The base is either ``base`` (the files), a published package, or a commit of a git repository. The change is ``change``
    with ``deleted``, or a patch as ``git diff`` writes it.
    """

    expected: tuple[Status, ...]  # each of these conclusions is right
    because: str = ""
    base: Mapping[str, str] | None = None
    package: str = ""  # a published package of this benchmark: "pluggy 1.7.0"
    repository: str = ""  # a path or an address that git can fetch from
    commit: str = ""
    change: Mapping[str, str] | None = None
    deleted: tuple[str, ...] = ()
    patch: str = ""
    base_failed_once: bool = False  # the worker remembers a run in which the base's tests failed by chance

    @property
    def source_package(self) -> SourcePackage | None:
        """The published package. Raises ``SettingsError`` if this benchmark has none of that name."""
        if not self.package:
            return None
        for known in REPOSITORIES:
            if self.package == f"{known.name} {known.version}":
                return known
        raise SettingsError(
            f"{self.package} is not a published package of this benchmark.",
            advice="`dayhand bench environment --real` lists them.",
        )

    def write(self, data: Path, name: str) -> tuple[BenchProject, str]:
        """The base as a repository in a mirror, and the commit with the change.

        Raises ``EnvironmentFailure`` if a package cannot be fetched, and ``CalledProcessError`` if git refuses something.
        """
        store = GitStore(data / "github" / f"{name}.git")
        store.create(BRANCH)
        if self.repository:
            store.git("fetch", "-q", self.repository, self.commit)
            base = store.git("rev-parse", "FETCH_HEAD").strip()
            store.git("update-ref", f"refs/heads/{BRANCH}", base)
        else:
            package = self.source_package
            files = fetch(package) if package else _encoded(self.base or {})
            base = store.commit_files(files, BRANCH, "Base", author=AUTHOR)
        head = self._commit_change(store, base)
        return BenchProject.mirrored(data, name, store), head

    def _commit_change(self, store: GitStore, base: str) -> str:
        env = {"GIT_INDEX_FILE": str(store.path / "change.index")}
        store.git("read-tree", base, env=env)
        for path, content in _encoded(self.change or {}).items():
            blob = store.git("hash-object", "-w", "--stdin", stdin=content).strip()
            store.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=env)
        gone = "".join(f"0 {'0' * 40}\t{path}\n" for path in self.deleted)
        store.git("update-index", "--index-info", stdin=gone.encode(), env=env)
        if self.patch:
            store.git("apply", "--cached", stdin=self.patch.encode(), env=env)
        tree = store.git("write-tree", env=env).strip()
        (store.path / "change.index").unlink()
        head = store.commit_tree(tree, (base,), "Change", author=AUTHOR)
        store.git("update-ref", "refs/heads/change", head)
        return head


def read_cases(folder: Path) -> Iterator[tuple[str, TruthCase]]:
    """The cases of a folder by name. Raises ``SettingsError`` for one that cannot be read, and if there are none."""
    paths = sorted(folder.glob("*.toml"))
    if not paths:
        raise SettingsError(f"{folder} holds no case.", advice="Each case is a TOML file.")
    for path in paths:
        try:
            yield path.stem, decode(TruthCase, tomllib.loads(path.read_text("utf-8")))
        except (OSError, ValueError, ShapeError) as error:
            raise SettingsError(
                f"The case {path} cannot be read: {error}.", advice="docs/verdict.md describes the format."
            ) from error


def _encoded(files: Mapping[str, str]) -> dict[str, bytes]:
    return {path: text.encode() for path, text in files.items()}
