"""Other people's Markdown: nothing in it mentions, closes, links, draws, hides or leaks."""

from __future__ import annotations

import random
import re

import pytest
from markdown_it import MarkdownIt

from dayhand.publish.markdown.escape import cell
from dayhand.publish.markdown.sanitize import line, prose

QUIET = "\u200b"
TOKEN = "gh" + "s_" + "A1b2" * 15
LIVE = re.compile(r"@\w|#\d|(?<![^\W_])GH-\d|://|www\.|<a |<img|<!--|<h\d|<details", re.IGNORECASE)


def html(text: str) -> str:
    return str(MarkdownIt("gfm-like", {"linkify": False}).render(text))


def acting(shown: str) -> list[str]:
    """What in a page acts on somebody; what stands in code does not."""
    return LIVE.findall(re.sub(r"<code.*?</code>", "<c>", shown, flags=re.DOTALL))


@pytest.mark.parametrize(
    "hostile",
    [
        "@octocat please",
        "fixes #12 and closes gh-7",
        "<img src=x onerror=alert(1)> <!-- hidden --> </details>",
        "![a](https://evil.example/x.png)",
        "![a][b]\n\n[b]: //evil.example/x.png",
        "[click](https://evil.example)",
        "[click][b]\n\n[b]: https://evil.example",
        "HTTPS://evil.example, _https://evil.example and _www.evil.example",
        "&commat;octocat &#64;octocat",
        "<https://evil.example>",
        "@[octocat](x) @![octocat](x) fixes #[1](x) w[ww.evil.example](x)",
        "# @*octocat* #*1*",
    ],
)
def test_words_act_on_nobody(hostile: str) -> None:
    assert acting(html(prose(hostile))) == []
    assert acting(html(f"- {line(hostile)}")) == []


@pytest.mark.parametrize(
    "hostile",
    [
        "\\`@octocat\\`",
        "``` a`b\n@octocat\n",
        "- a\n  ```\n  code\n@octocat",
        "`foo\na ` @octocat ` b",
        "```\n```~~~\n```\n@octocat\n",
        "|a|b|\n|-|-|\n|`x | @octocat|`|",
    ],
)
def test_what_only_looks_like_code_keeps_no_power(hostile: str) -> None:
    """Each of these reads as code to a search for backticks, and as words to GitHub."""
    assert acting(html(prose(hostile))) == []


def test_no_mixture_of_marks_gets_through() -> None:
    pieces = [
        *("@octocat", "fixes #12", "GH-7", "#", "@", "octocat", "12", "`", "``", "```", "~~~", "\n", "\n\n", " "),
        *("    ", "- ", "1. ", "> ", "|", "|-|-|\n", "|a|b|\n", "*", "**", "_", "~~", "[", "](", "]", ")", "!["),
        *("(https://evil.example)", "<", "<img src=x>", "<!--", "-->", "</details>", "www.evil.example", "://"),
        *("http:", "\\", "&#64;", "# ", "===\n", "---\n", "\t", QUIET, "x", "[b]: https://evil.example\n", "$"),
    ]  # fmt: skip
    rng = random.Random(20261124)
    for _ in range(1500):
        hostile = "".join(rng.choices(pieces, k=rng.randint(1, 28)))
        shown = html(f"{prose(hostile)}\n\nours")
        assert acting(shown) == [], hostile
        assert shown.endswith("<p>ours</p>\n"), hostile
        table = html(f"| a |\n|---|\n| {cell(line(hostile))} |\n")
        assert (acting(table), table.count("<td>")) == ([], 1), hostile


def test_emphasis_lists_tables_and_code_stay() -> None:
    text = (
        "**Yes**, `List<int>` & more, a_name costs $5:\n\n- one\n- `@bot #1`\n\n"
        "3. three\n\n| a |\n|---|\n| `x` |\n\n```py\nx = '<b>' # fixes #1\n@dec\n```"
    )
    shown = html(prose(text))
    assert "<strong>Yes</strong>" in shown
    assert "<code>List&lt;int&gt;</code> &amp; more, a_name costs $5" in shown
    assert "<code>@bot #1</code>" in shown
    assert '<ol start="3">' in shown
    assert "<td><code>x</code></td>" in shown
    assert "<code class=\"language-py\">x = '&lt;b&gt;' # fixes #1\n@dec\n</code>" in shown


def test_a_link_becomes_its_words_and_where_it_would_lead() -> None:
    assert prose("[the guide](https://a.example/b)").replace(QUIET, "") == "the guide (`https://a.example/b`)"


def test_a_heading_cannot_pass_for_a_section_of_ours() -> None:
    shown = html(prose("### Verification\n\nVerification\n===\n\n# `make test` *passed*"))
    assert "<h" not in shown
    assert shown.count("<strong>") == 3


@pytest.mark.parametrize("language", ["mermaid", "geojson", "suggestion", "x<y>", "Mermaid theme"])
def test_no_block_is_drawn(language: str) -> None:
    assert 'class="language-text"' in html(prose(f"```{language}\ngraph TD\n```"))


@pytest.mark.parametrize("opening", ["```", "````text", "~~~", "   ```py", "- ```", "> ~~~"])
def test_a_fence_left_open_does_not_swallow_what_follows(opening: str) -> None:
    assert html(prose(f"Look:\n\n{opening}\ncode") + "\n\n### Ours\n").endswith("<h3>Ours</h3>\n")


def test_a_long_account_leaves_room_for_ours() -> None:
    assert len(prose("x" * 100_000).encode()) <= 20_100


def test_a_credential_with_a_hidden_character_in_it_is_taken_out_too() -> None:
    broken = TOKEN[:8] + QUIET + TOKEN[8:]
    assert TOKEN[10:] not in prose(broken)
    assert TOKEN[10:] not in prose(f"```\n{broken}\n```")


def test_words_on_one_line_begin_nothing() -> None:
    for text in ("# a", "- a", "1. a", "> a", "a\n===", "***", "```\na\n```"):
        shown = html(f"- {line(text)}")
        assert re.fullmatch(r"<ul>\n<li>(<code>)?[^<]*(</code>)?</li>\n</ul>\n", shown), text
