"""Which parts of a change are formatting only, and which files are not mentioned."""

from __future__ import annotations

import pytest

from dayhand.verification import FormattingOnly
from dayhand.verify.scope.formatting_only import (
    ChangedRange,
    changed_ranges,
    find_formatting_only,
    is_formatting_only,
)
from dayhand.verify.scope.unmentioned import find_unmentioned
from tests.verify.files import InMemoryFiles

PATCH = """\
diff --git a/shop.py b/shop.py
index 1..2 100644
--- a/shop.py
+++ b/shop.py
@@ -1,3 +1,3 @@
-x = 'a'
+x = "a"
 y = 1
-return total
+return total + 1
\\ No newline at end of file
diff --git a/old.txt b/new name.txt
similarity index 90%
rename from old.txt
rename to new name.txt
--- a/old.txt
+++ b/new name.txt\t
@@ -1 +1 @@
--- a line that begins with dashes
+++ one with pluses
diff --git a/logo.png b/logo.png
Binary files differ
diff --git a/gone.py b/gone.py
deleted file mode 100644
--- a/gone.py
+++ /dev/null
@@ -1 +0,0 @@
-x
"""


def test_a_diff_is_read_range_by_range() -> None:
    assert changed_ranges(PATCH) == {
        "shop.py": [
            ChangedRange(["x = 'a'"], ['x = "a"']),
            ChangedRange(["return total"], ["return total + 1"]),
        ],
        "new name.txt": [ChangedRange(["-- a line that begins with dashes"], ["++ one with pluses"])],
        "gone.py": [ChangedRange(["x"], [])],
    }


@pytest.mark.parametrize(
    ("path", "removed", "added"),
    [
        ("a.py", "x = 'a'", 'x = "a"'),
        ("a.py", "f(a,b)", "f(a, b)"),
        ("a.py", "x = 1   ", "x = 1"),
        ("a.py", "", "\n\n"),
        ("a.py", "import b\nimport a", "import a\nimport b"),
        ("a.js", "  f(a);", "f(a)"),
        ("a.js", "f({a: 1})", "f({\n  a: 1,\n})"),
        ("a.go", "\tx := 1", "    x := 1"),
    ],
)
def test_the_same_tokens_in_another_layout_are_formatting_only(path: str, removed: str, added: str) -> None:
    assert is_formatting_only(path, ChangedRange(removed.split("\n"), added.split("\n")))


@pytest.mark.parametrize(
    ("path", "removed", "added"),
    [
        ("a.py", "x = 'a b'", "x = 'ab'"),
        ("a.py", "return x", "    return x"),
        ("a.yml", "a: 1", "  a: 1"),
        ("a.js", "f();\ng();", "g();\nf();"),
        ("a.js", "return x", "returnx"),
        ("a.py", "x = 1", ""),
        ("a.py", "if x: a(); b()", "if x: a()\nb()"),
    ],
)
def test_changed_tokens_are_not_formatting_only(path: str, removed: str, added: str) -> None:
    assert not is_formatting_only(path, ChangedRange(removed.split("\n"), added.split("\n")))


def test_a_reformatted_python_file_is_formatting_only_throughout() -> None:
    old = "import b, a\nfrom c import (d,)\n\ndef f(x):\n    return (x\n        + 1)  # one more\n"
    new = "import a\nimport b\nfrom c import d\n\n\ndef f(x):\n    return x + 1  # one more\n"
    places = {
        "m.py": [
            ChangedRange(["import b, a"], ["import a", "import b"]),
            ChangedRange(["    return (x"], ["    return x + 1"]),
        ]
    }
    assert find_formatting_only(InMemoryFiles({"m.py": old}), InMemoryFiles({"m.py": new}), places) == (
        FormattingOnly("m.py", 2, 2),
    )
    changed = new.replace("one more", "two more")
    assert find_formatting_only(InMemoryFiles({"m.py": old}), InMemoryFiles({"m.py": changed}), places) == ()


def test_formatting_only_ranges_are_counted_among_all_ranges() -> None:
    assert find_formatting_only(InMemoryFiles({}), InMemoryFiles({}), changed_ranges(PATCH)) == (
        FormattingOnly("shop.py", 1, 2),
    )


WORDS = "Totals are wrong. The sum in `total` began at one."
TREE = InMemoryFiles(
    {
        "shop.py": "def total(): ...",
        "test_shop.py": "from shop import total",
        "tax.py": "RATE = 1",
        "web/index.js": "import './menu'",
    }
)
MANY = ("shop.py", "test_shop.py", "tax.py", "web/index.js", "web/menu.js", "uv.lock")
SUM = {"shop.py": [ChangedRange(["def total(x):"], ["def total(y):"])]}


def test_what_a_named_symbol_its_test_and_its_imports_lead_to_is_mentioned() -> None:
    assert find_unmentioned(WORDS, TREE, SUM, paths=MANY) == ("tax.py", "web/index.js", "web/menu.js")


@pytest.mark.parametrize("word", ["web/menu.js", "menu.js", "the menu"])
def test_a_name_leads_to_what_imports_it(word: str) -> None:
    assert find_unmentioned(f"{WORDS} Also {word}.", TREE, SUM, paths=MANY) == ("tax.py",)


def test_a_part_of_another_word_is_not_a_mention() -> None:
    assert "tax.py" in find_unmentioned(f"{WORDS} A syntax-error and taxes.", TREE, SUM, paths=MANY)


def test_if_nothing_is_mentioned_a_small_change_is_left_alone_and_a_large_one_is_listed() -> None:
    assert find_unmentioned("Mended.", TREE, {}, paths=MANY[:3]) == ()
    assert find_unmentioned("Mended.", TREE, {}, paths=MANY) == MANY[:5]
