"""Submodules and Git LFS files: there for the checks, fetched by the worker, and named where they are not."""

from __future__ import annotations

from dayhand.localhub.lfs import store_lfs
from dayhand.localhub.state.models import Repository
from dayhand.scripted_model.moves import Finish, Shell
from dayhand.task import State
from tests.journey.harness import DONE, FIX, SHOP, Harness

DATA = bytes(range(256)) * 40
TEST = (
    "import pathlib, sys, unittest\n\nsys.path.insert(0, 'vendor/lib')\n\nfrom shop import total\n\n\n"
    "class Totals(unittest.TestCase):\n    def test_total(self):\n        import lib\n"
    "        self.assertEqual(total([lib.PRICE]), lib.PRICE)\n"
    "        self.assertEqual(len(pathlib.Path('prices.bin').read_bytes()), 10240)\n"
    "        self.assertEqual(pathlib.Path('vendor/lib/inner/x').read_text(), 'x')\n"
)


def add_submodules(repo: Repository, links: dict[str, tuple[str, str]]) -> None:
    """A commit on ``main`` with submodules: path → (URL, commit)."""
    text = "".join(
        f'[submodule "{path}"]\n\tpath = {path}\n\turl = {url}\n' for path, (url, _) in links.items()
    )
    index = {"GIT_INDEX_FILE": str(repo.store.path / "seed.index")}
    repo.store.git("read-tree", "main", env=index)
    blob = repo.store.git("hash-object", "-w", "--stdin", stdin=text.encode()).strip()
    repo.store.git("update-index", "--add", "--cacheinfo", f"100644,{blob},.gitmodules", env=index)
    for path, (_, commit) in links.items():
        repo.store.git("update-index", "--add", "--cacheinfo", f"160000,{commit},{path}", env=index)
    tree = repo.store.git("write-tree", env=index).strip()
    commit = repo.store.commit_tree(tree, (repo.store.branches()["main"],), "Modules", author=("Ada", "a@x"))
    repo.store.git("update-ref", "refs/heads/main", commit)


def with_everything(harness: Harness) -> Repository:
    actions = harness.hub.actions
    inner = actions.add_repository("ada/inner", {"x": "x"})
    lib = actions.add_repository("ada/lib", {"lib.py": "PRICE = 3\n"}, private=True)
    secret = actions.add_repository("eve/secret", {"key": "k"}, private=True)
    add_submodules(lib, {"inner": ("../inner.git", inner.store.branches()["main"])})
    shop = actions.add_repository(
        "ada/shop", {**SHOP, "test_shop.py": TEST, ".gitattributes": "*.bin filter=lfs -text\n"}
    )
    pointers = {"prices.bin": store_lfs(shop, DATA), "gone.bin": store_lfs(shop, b"gone")}
    (shop.store.path / "lfs" / pointers["gone.bin"].split("sha256:")[1][:64]).unlink()
    shop.store.commit_files(
        {path: text.encode() for path, text in pointers.items()}, "main", "Data", author=("Ada", "a@x")
    )
    add_submodules(
        shop,
        {
            "vendor/lib": ("../lib.git", lib.store.branches()["main"]),
            "vendor/elsewhere": ("https://gitlab.example/x/y.git", "1" * 40),
            "vendor/secret": ("../../eve/secret.git", secret.store.branches()["main"]),
        },
    )
    actions.install(harness.app, "ada", ["ada/shop", "ada/lib"], silent=True)
    return shop


def test_the_checks_have_them_and_what_changes_in_them_is_named_and_not_lost(harness: Harness) -> None:
    shop = with_everything(harness)
    issue = harness.issue(shop)
    edit = Shell(
        "echo '# more' >> vendor/lib/lib.py; printf new > prices.bin; printf other > new.bin; git status --short"
    )
    harness.scripted_model.turns = [[FIX, edit], [DONE]]
    harness.label(shop, issue)
    (record,) = harness.work()

    assert record.state is State.PROPOSED, record.reason
    (pull,) = harness.pulls(shop)
    assert pull.pull
    assert [path for _, path, *_ in shop.store.diff_stat(pull.pull.base_sha, pull.pull.head_sha)] == [
        "shop.py"
    ]
    (check,) = harness.checks(shop, pull)
    assert check.conclusion == "success", check.text
    for line in (
        "- `new.bin`: a Git LFS file, whose content Dayhand cannot upload",
        "- `prices.bin`: a Git LFS file, whose content Dayhand cannot upload",
        "- `vendor/lib`: a submodule, which Dayhand cannot push",
    ):
        assert line in pull.body
    log = [note.text for note in harness.live.read(record.task.id)]
    assert any("+# more" in text for text in log), "the patch is not lost"
    missing = "\n".join(log)
    assert (
        "The submodule vendor/elsewhere is not there: https://gitlab.example/x/y.git is not on the server"
        in missing
    )
    assert (
        "The submodule vendor/secret is not there: eve/secret cannot be read by the App and the person"
        in missing
    )
    assert (
        "The Git LFS file gone.bin is only a pointer: it cannot be downloaded (Object does not exist)."
        in missing
    )
    assert check.summary
    assert "vendor/elsewhere" in check.summary, "what is not there is named in the check"


def test_a_question_changes_nothing_where_there_are_submodules_and_lfs_files(harness: Harness) -> None:
    shop = with_everything(harness)
    issue = harness.issue(shop)
    harness.scripted_model.turns = [
        [Shell("find . -type f -exec touch {} +; git status --short; git diff --stat")],
        [Finish("Nothing", "It is right.")],
    ]
    harness.label(shop, issue)
    harness.work()
    (comment,) = harness.bot_comments(issue)
    assert "I changed no files." in comment
