"""A patch, read as its page shows it."""

from __future__ import annotations

from dayhand.dashboard.patch import MAX_ROWS, files_of_patch
from tests.dashboard.conftest import PATCH


def test_a_removed_sql_comment_is_no_file_header() -> None:
    (file,) = files_of_patch(PATCH)
    assert (file.path, file.added, file.removed) == ("sql/search.sql", 1, 1)
    assert [(row.kind, row.number, row.text) for row in file.rows] == [
        ("hunk", 0, "@@ -1,2 +1,2 @@"),
        ("del", 1, "--- a removed comment"),
        ("add", 1, "+-- a new comment"),
        ("", 2, " SELECT 1"),
    ]


def test_what_happened_to_a_whole_file_is_said() -> None:
    patch = (
        "diff --git a/new.py b/new.py\nnew file mode 100644\nindex 0..1\n--- /dev/null\n+++ b/new.py\n@@ -0,0 +1 @@\n+x\n"
        "diff --git a/logo.png b/logo.png\nindex 1..2\nBinary files a/logo.png and b/logo.png differ\n"
        "diff --git a/old.py b/old.py\ndeleted file mode 100644\n--- a/old.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
    )
    assert [(file.path, file.note, file.added, file.removed) for file in files_of_patch(patch)] == [
        ("new.py", "new", 1, 0),
        ("logo.png", "binary", 0, 0),
        ("old.py", "deleted", 0, 1),
    ]


def test_a_very_long_patch_is_cut_and_says_by_how_much() -> None:
    lines = "".join(f"+line {number}\n" for number in range(5000))
    patch = f"diff --git a/big b/big\n--- a/big\n+++ b/big\n@@ -0,0 +1,5000 @@\n{lines}diff --git a/b b/b\n@@ -1 +1 @@\n-x\n+y\n"
    big, small = files_of_patch(patch)
    assert (len(big.rows), big.left_out, big.added) == (MAX_ROWS, 5001 - MAX_ROWS, 5000)
    assert (small.rows, small.left_out) == ([], 3)


def test_hidden_characters_in_a_patch_are_shown() -> None:
    patch = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\r\n+if admin\u202e:\r\n"
    assert [row.text for row in files_of_patch(patch)[0].rows][1:] == ["-a", "+if admin⟨U+202E⟩:"]
