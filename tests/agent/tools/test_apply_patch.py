"""The patch format: what is accepted, what is refused, and what the errors say."""

from __future__ import annotations

import pytest

from dayhand.agent.tools.apply_patch import PatchError, apply, parse

FILE = """\
import os

class A:
    def go(self):
        return 1

class B:
    def go(self):
        return 1

def tail():
    return "x"
"""


def patched(patch: str, files: dict[str, str]) -> dict[str, str]:
    edits = apply(parse(patch), files.get)
    after = {**files, **edits.writes}
    for path in edits.deletes:
        del after[path]
    return after


def update(body: str, path: str = "a.py") -> str:
    return f"*** Begin Patch\n*** Update File: {path}\n{body}\n*** End Patch\n"


def refusal(patch: str, files: dict[str, str]) -> str:
    with pytest.raises(PatchError) as caught:
        apply(parse(patch), files.get)
    return str(caught.value)


def test_adds_deletes_and_changes_files_in_one_patch() -> None:
    patch = """*** Begin Patch
*** Add File: new/x.txt
+one
+
+two
*** Delete File: old.txt
*** Update File: a.py
@@ class B:
     def go(self):
-        return 1
+        return 2
*** End Patch"""
    after = patched(patch, {"a.py": FILE, "old.txt": "gone\n"})
    assert after["new/x.txt"] == "one\n\ntwo\n"
    assert "old.txt" not in after
    assert after["a.py"] == FILE.replace("return 1\n\ndef tail", "return 2\n\ndef tail")


def test_tells_what_it_did_as_codex_does() -> None:
    edits = apply(parse(update("*** Move to: b.py\n@@\n-import os\n+import re")), {"a.py": FILE}.get)
    assert edits.summary == ("R a.py -> b.py",)
    assert edits.deletes == ("a.py",)
    assert edits.moves == {"b.py": "a.py"}
    assert edits.writes["b.py"].startswith("import re\n\nclass A")


def test_moves_a_file_without_changing_it() -> None:
    assert patched(update("*** Move to: sub/b.py"), {"a.py": FILE}) == {"sub/b.py": FILE}


@pytest.mark.parametrize(
    "wrap",
    [
        "```\n{}\n```",
        "```diff\n{}\n```\n",
        "<<'EOF'\n{}\nEOF",
        'apply_patch <<"EOF"\n{}\nEOF\n',
        "\n\n{}\n\n",
    ],
)
def test_tolerates_what_models_wrap_round_a_patch(wrap: str) -> None:
    patch = wrap.format(update("@@\n-import os\n+import re").strip())
    assert patched(patch, {"a.py": FILE})["a.py"].startswith("import re\n")


def test_the_first_chunk_needs_no_marker_and_an_empty_line_is_context() -> None:
    after = patched(
        update(" import os\n\n class A:\n-    def go(self):\n+    def run(self):"), {"a.py": FILE}
    )
    assert "class A:\n    def run(self):" in after["a.py"]


def test_several_chunks_go_in_order() -> None:
    body = '@@ class A:\n     def go(self):\n-        return 1\n+        return 5\n@@ def tail():\n-    return "x"\n+    return "y"'
    after = patched(update(body), {"a.py": FILE})["a.py"]
    assert after.count("return 5") == 1
    assert after.endswith('return "y"\n')


def test_two_updates_of_one_file_see_each_other() -> None:
    patch = (
        "*** Begin Patch\n*** Update File: a.py\n@@\n-import os\n+import re\n"
        "*** Update File: a.py\n@@\n-import re\n+import io\n*** End Patch"
    )
    assert patched(patch, {"a.py": FILE})["a.py"].startswith("import io\n")


def test_a_unified_header_is_read_as_a_bare_marker() -> None:
    after = patched(
        update('@@ -11,2 +11,2 @@ def tail():\n def tail():\n-    return "x"\n+    return "y"'),
        {"a.py": FILE},
    )
    assert after["a.py"].endswith('return "y"\n')


def test_a_unified_headers_number_chooses_among_several_places() -> None:
    after = patched(
        update("@@ -8,2 +8,2 @@\n     def go(self):\n-        return 1\n+        return 9"), {"a.py": FILE}
    )
    assert after["a.py"].index("return 1") < after["a.py"].index("return 9")


def test_blanks_at_the_end_of_lines_do_not_matter_and_the_files_own_are_kept() -> None:
    after = patched(update("@@\n a\n-b\n+c"), {"a.py": "a  \nb\t\n"})
    assert after["a.py"] == "a  \nc\n"


def test_typographic_quotes_and_dashes_match_plain_ones() -> None:
    assert patched(update('@@\n-say("a-b")\n+say("c")'), {"a.py": "say(“a–b”)\n"})["a.py"] == 'say("c")\n'


def test_wrong_indentation_is_adjusted_for_added_lines_too() -> None:
    edits = apply(
        parse(update("@@\n def tail():\n-  return\n+  yield")),
        {"a.py": "if 1:\n    def tail():\n      return\n"}.get,
    )
    assert edits.writes["a.py"] == "if 1:\n    def tail():\n      yield\n"
    assert "indentation" in edits.notes[0]


DEEP = "class A:\n    def go(self):\n        if x:\n            return 1\n"
MIXED = {
    "spaces for tabs": (
        "class A:\n\tdef go(self):\n\t\treturn 1\n",
        "     def go(self):\n-        return 1\n+        if x:\n+            return 2",
        "class A:\n\tdef go(self):\n\t\tif x:\n\t\t\treturn 2\n",
    ),
    "tabs for spaces": (
        "class A:\n    def go(self):\n        return 1\n",
        " \tdef go(self):\n-\t\treturn 1\n+\t\tif x:\n+\t\t\treturn 2",
        "class A:\n    def go(self):\n        if x:\n            return 2\n",
    ),
    "unevenly lost": (
        DEEP,
        " def go(self):\n if x:\n-return 1\n+return 2",
        DEEP.replace("return 1", "return 2"),
    ),
    "lost in one line": (
        DEEP,
        "     def go(self):\n    if x:\n-            return 1\n+            return 2",
        DEEP.replace("return 1", "return 2"),
    ),
}


@pytest.mark.parametrize(("before", "body", "after"), MIXED.values(), ids=MIXED.keys())
def test_uneven_indentation_is_taken_from_the_file_if_one_place_matches(
    before: str, body: str, after: str
) -> None:
    edits = apply(parse(update(f"@@\n{body}")), {"a.py": before}.get)
    assert edits.writes["a.py"] == after
    assert edits.notes[0].endswith("It differed unevenly, so look at the result.")
    assert "2 places match" in refusal(update(f"@@\n{body}"), {"a.py": before * 2})


def test_a_context_line_that_looks_like_a_header_is_one_of_the_file() -> None:
    """A document about patches: only a line that begins at its margin ends the update."""
    document = "before\n*** Update File: x.py\nafter\n"
    body = "@@\n before\n *** Update File: x.py\n-after\n+later"
    patch = update(f"{body}\n*** Delete File: old.txt")
    assert patched(patch, {"a.py": document, "old.txt": "x"}) == {"a.py": document.replace("after", "later")}


def test_line_endings_of_windows_are_kept() -> None:
    after = patched(update("@@\n one\n-two\n+2\n+2b\n three"), {"a.py": "one\r\ntwo\r\nthree\r\n"})
    assert after["a.py"] == "one\r\n2\r\n2b\r\nthree\r\n"


def test_a_missing_newline_at_the_end_is_kept_where_the_end_is_not_touched() -> None:
    assert patched(update("@@\n-a\n+b"), {"a.py": "a\nz"})["a.py"] == "b\nz"
    assert patched(update("@@\n-z\n+y"), {"a.py": "a\nz"})["a.py"] == "a\ny\n"


def test_end_of_file_prefers_the_tail() -> None:
    after = patched(update("@@\n-x\n+y\n*** End of File"), {"a.py": "x\na\nx\n"})
    assert after["a.py"] == "x\na\ny\n"


def test_lines_to_add_without_old_ones_go_to_the_end_or_below_their_anchor() -> None:
    assert patched(update("@@\n+z = 1"), {"a.py": "a\n"})["a.py"] == "a\nz = 1\n"
    after = patched(update('@@ def tail():\n+    """Say x."""'), {"a.py": FILE})
    assert 'def tail():\n    """Say x."""\n    return "x"' in after["a.py"]


def test_several_places_are_named_instead_of_taking_the_first() -> None:
    said = refusal(update("@@\n     def go(self):\n-        return 1\n+        return 2"), {"a.py": FILE})
    assert "a.py: 2 places match" in said
    assert "lines 4, 8" in said
    assert "Add more context" in said


def test_a_miss_shows_the_line_that_differs_and_the_nearest_real_lines() -> None:
    said = refusal(
        update("@@\n class B:\n     def go(self):\n-        return 3\n+        return 2"), {"a.py": FILE}
    )
    assert "Line 3 of the chunk's old lines does not match" in said
    assert "the patch has:         return 3" in said
    assert "the file has:          return 1" in said
    assert "    7 | class B:" in said


def test_a_miss_of_a_single_line_shows_one_like_it() -> None:
    said = refusal(update("@@\n-import sys, os\n+import re"), {"a.py": FILE})
    assert "    1 | import os" in said


def test_a_miss_with_nothing_alike_says_so() -> None:
    assert "Nothing in the file is similar" in refusal(update("@@\n-zzzzqqqq\n+a"), {"a.py": FILE})


def test_a_missing_anchor_is_named_with_the_nearest_line() -> None:
    said = refusal(update("@@ class BB:\n-        return 1\n+        return 2"), {"a.py": FILE})
    assert "the context line “class BB:”" in said
    assert "| class " in said


def test_chunks_out_of_order_are_reported() -> None:
    body = '@@\n-    return "x"\n+    return "y"\n@@\n-import os\n+import re'
    assert "before the previous chunk" in refusal(update(body), {"a.py": FILE})


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("../up.txt", "“..”"),
        ("a/../../up.txt", "“..”"),
        ("/etc/passwd", "outside the repository"),
        ("/workspace/../etc/passwd", "“..”"),
        (".git/hooks/pre-commit", "belongs to git"),
        (".GIT/config", "belongs to git"),
        ("dir/", "not the path of a file"),
    ],
)
def test_paths_that_leave_the_repository_are_refused(path: str, words: str) -> None:
    assert words in refusal(f"*** Begin Patch\n*** Add File: {path}\n+x\n*** End Patch", {})


def test_an_absolute_path_in_the_workspace_is_made_relative() -> None:
    after = patched("*** Begin Patch\n*** Add File: /workspace/b/c.py\n+x\n*** End Patch", {})
    assert after == {"b/c.py": "x\n"}


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        ("", "the first line must be “*** Begin Patch”"),
        ("--- a/x\n+++ b/x\n", "looks like a unified diff"),
        ("*** Begin Patch\n*** Add File: x\n+a\n", "was it cut off?"),
        ("*** Begin Patch\n*** End Patch", "it is empty"),
        ("*** Begin Patch\n*** Frob File: x\n*** End Patch", "line 2: “*** Frob File: x” is not a header"),
        ("*** Begin Patch\n*** Update File: a.py\n*** End Patch", "the update of a.py is empty"),
        (
            "*** Begin Patch\n*** Update File: a.py\n@@\nimport os\n*** End Patch",
            "line 4: “import os”. Every line must start",
        ),
        ("*** Begin Patch\n*** Add File: x\nhello\n*** End Patch", "line 3: every line of a new file"),
        ("*** Begin Patch\n*** Delete File: a.py\n-x\n*** End Patch", "nothing may follow"),
        ("*** Begin Patch\n*** Add File: a.py\n+x\n*** End Patch", "a.py already exists"),
        ("*** Begin Patch\n*** Delete File: no.py\n*** End Patch", "no file no.py to delete"),
        ("*** Begin Patch\n*** Update File: no.py\n@@\n-x\n*** End Patch", "no file no.py to update"),
        (
            "*** Begin Patch\n*** Update File: a.py\n*** Move to: b.py\n*** End Patch",
            "cannot be moved to b.py",
        ),
    ],
)
def test_what_is_not_a_patch_is_refused_with_the_place(patch: str, words: str) -> None:
    assert words in refusal(patch, {"a.py": FILE, "b.py": "b\n"})


def test_nothing_is_given_to_write_when_a_later_hunk_fails() -> None:
    patch = "*** Begin Patch\n*** Add File: x\n+a\n*** Update File: a.py\n@@\n-nope\n+b\n*** End Patch"
    assert "a.py" in refusal(patch, {"a.py": FILE})


def test_a_large_file_is_searched_quickly() -> None:
    text = "".join(f"line {n}\n" for n in range(50_000))
    assert "line -1" in patched(update("@@ line 39998\n-line 39999\n+line -1"), {"a.py": text})["a.py"]
