"""A review as one text: every comment with its file, its line and its hunk."""

from __future__ import annotations

from inline_snapshot import snapshot

from dayhand.intake.reviews import MAX_CHARS, review_text
from dayhand.reading.conversation import Said

NOTE = Said(
    "review comment", 1, "ann", 1.0, "Why?", place="a.py:20", hunk="@@ -19 +19 @@\n-x = `1`\n+x = ```2```", thread=1, review=9
)  # fmt: skip
FILE = Said("review comment", 2, "ann", 1.0, "All of `it`.", place="docs/b`c.md", thread=2, review=9)


def test_a_review_is_one_text() -> None:
    assert review_text("Almost.", (NOTE, FILE)) == snapshot("""\
Almost.

On `a.py:20`:

````diff
@@ -19 +19 @@
-x = `1`
+x = ```2```
````

Why?

On `docs/bc.md`:

All of `it`.\
""")
    assert review_text(" ", ()) == ""


def test_two_hundred_comments_are_cut_and_counted() -> None:
    long = Said(
        "review comment", 1, "ann", 1.0, "x" * 1_000, place="a.py:2", hunk="@@\n+y", thread=1, review=9
    )
    text = review_text("Please.", [long] * 200)
    assert len(text) < MAX_CHARS + 500
    kept = text.count("On `a.py:2`")
    assert text.endswith(f"({200 - kept} more comments are left out: they did not fit.)")
