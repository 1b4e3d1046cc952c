"""Untrusted text made safe to show: nothing in it mentions, closes, links, hides or leaks."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from dayhand.publish.markdown import CUT, cap, cell, code, fenced, line, prose, redact

QUIET = "\u200b"
TOKEN = "gh" + "s_" + "A1b2" * 15
PEM = "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIE" + "x" * 200 + "\n-----END RSA " + "PRIVATE KEY-----"


def html(text: str) -> str:
    return str(MarkdownIt("gfm-like", {"linkify": False}).render(text))


@pytest.mark.parametrize(
    "hostile",
    [
        "@octocat please",
        "fixes #12 and closes GH-7",
        "<img src=x onerror=alert(1)> <!-- hidden --> </details>",
        "![a](https://evil.example/x.png)",
        "![a][b]\n\n[b]: //evil.example/x.png",
        "[click](https://evil.example)",
        "[click][b]\n\n[b]: https://evil.example",
        "https://evil.example and www.evil.example",
        "&commat;octocat &#64;octocat",
        "<https://evil.example>",
    ],
)
def test_words_act_on_nobody(hostile: str) -> None:
    safe = prose(hostile)
    shown = html(safe)
    assert "<img" not in shown
    assert "<a " not in shown
    assert "<!--" not in shown
    assert "@octocat" not in shown
    assert "#12" not in shown
    assert "GH-7" not in shown
    assert "https://evil" not in shown
    assert "www.evil" not in shown


def test_emphasis_lists_and_code_stay() -> None:
    text = "**Yes**, `List<int>` & more:\n\n- one\n- `@bot #1`\n\n```py\nx = '<b>' # fixes #1\n```"
    shown = html(prose(text))
    assert "<strong>Yes</strong>" in shown
    assert "<code>List&lt;int&gt;</code> &amp; more" in shown
    assert "<code>@bot #1</code>" in shown
    assert "x = '&lt;b&gt;' # fixes #1" in shown


@pytest.mark.parametrize("opening", ["```", "````text", "~~~", "   ```py"])
def test_a_fence_left_open_does_not_swallow_what_follows(opening: str) -> None:
    shown = html(prose(f"Look:\n{opening}\ncode") + "\n\n### Verification\n")
    assert "<h3>Verification</h3>" in shown


def test_a_long_account_leaves_room_for_ours() -> None:
    assert len(prose("x" * 100_000)) <= 20_000


@pytest.mark.parametrize("text", ["```\n# out\n@octocat", "a `b` c", "````\n```", "~~~", ""])
def test_a_block_cannot_be_ended_from_inside(text: str) -> None:
    shown = html(fenced(text) + "\n\nafter")
    assert shown.count("<pre>") == 1
    assert shown.endswith("<p>after</p>\n")


@pytest.mark.parametrize("text", ["a`b", "``", "`x", "a|b", ""])
def test_inline_code_holds_in_a_table(text: str) -> None:
    shown = html(f"| a |\n|---|\n| {cell(code(text))} |\n")
    assert shown.count("<td>") == 1


def test_hidden_characters_are_taken_out() -> None:
    assert line("evil\u202egnp.exe\x1b[31m a\u200bb\ufeff") == "evilgnp.exe[31m ab"


@pytest.mark.parametrize("secret", [TOKEN, "sk-" + "a1" * 20, "AKIA" + "ABCDEFGH12345678", PEM, PEM[:150]])
def test_credentials_are_taken_out(secret: str) -> None:
    assert redact(f"key: {secret}").startswith("key: [redacted]")
    assert secret[10:40] not in prose(f"key {secret}")


def test_a_credential_with_a_hidden_character_in_it_is_taken_out_too() -> None:
    broken = TOKEN[:8] + QUIET + TOKEN[8:]
    assert TOKEN[10:] not in prose(broken)
    assert TOKEN[10:] not in fenced(broken)


def test_a_cut_says_so() -> None:
    assert cap("x" * 10) == "x" * 10
    assert cap("x" * 70_000).endswith(CUT)
    assert len(cap("x" * 70_000)) == 65_535
