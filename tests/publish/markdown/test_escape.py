"""Pieces of Markdown that their content cannot get out of."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from dayhand.publish.markdown.escape import CUT, cap, cell, code, fenced, literal, tail, title
from dayhand.untrusted_text import redact

TOKEN = "gh" + "s_" + "A1b2" * 15
PEM = "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIE" + "x" * 200 + "\n-----END RSA " + "PRIVATE KEY-----"


def html(text: str) -> str:
    return str(MarkdownIt("gfm-like", {"linkify": False}).render(text))


@pytest.mark.parametrize("text", ["```\n# out\n@octocat", "a `b` c", "````\n```", "~~~", ""])
def test_a_block_cannot_be_ended_from_inside(text: str) -> None:
    shown = html(fenced(text) + "\n\nafter")
    assert shown.count("<pre>") == 1
    assert shown.endswith("<p>after</p>\n")


@pytest.mark.parametrize("text", ["a`b", "``", "`x", "a|b", ""])
def test_inline_code_holds_in_a_table(text: str) -> None:
    shown = html(f"| a |\n|---|\n| {cell(code(text))} |\n")
    assert shown.count("<td>") == 1


def test_a_terminals_words_are_shown_as_they_are() -> None:
    for text in ("== 12 passed in 0.31s ==", "* [a](b) _c_ <d> & `e`", "- 1. # > x", "3. of 4"):
        shown = html(f"- {literal(text)}").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        assert shown.replace("\u200b", "") == f"<ul>\n<li>{text}</li>\n</ul>\n"


def test_a_title_is_plain_and_calls_nobody() -> None:
    assert title("Fix a < b & c_d\nfor @octocat #1") == "Fix a < b & c_d for @\u200boctocat #\u200b1"
    assert len(title("x" * 500)) == 200


def test_hidden_characters_are_taken_out() -> None:
    assert title("evil\u202egnp.exe\x1b[31m a\u200bb\ufeff") == "evilgnp.exe ab"


@pytest.mark.parametrize("secret", [TOKEN, "sk-" + "a1" * 20, "AKIA" + "ABCDEFGH12345678", PEM, PEM[:150]])
def test_credentials_are_taken_out(secret: str) -> None:
    assert redact(f"key: {secret}").startswith("key: [redacted]")
    assert secret[10:40] not in literal(f"key {secret}")


@pytest.mark.parametrize("letter", ["x", "é", "✅", "😀"])
def test_a_cut_counts_bytes_as_github_does_and_says_so(letter: str) -> None:
    assert cap(letter * 10) == letter * 10
    cut = cap(letter * 70_000)
    assert cut.endswith(CUT)
    assert 65_530 < len(cut.encode()) <= 65_535


def test_a_tail_begins_with_a_whole_line() -> None:
    assert tail("a\nb", 10) == "a\nb"
    assert tail("first\nsecond\nthird", 9).endswith("page …\nthird")
